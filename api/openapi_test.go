package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write openapi.yaml anew")

const committed = "../openapi.yaml"

func TestOpenAPIIsTheCommittedOne(t *testing.T) {
	// The file describes every server, so it names none and no version of the program.
	d := newDoor(t, func(o *Options) { o.Version, o.PublicURL = "1", "" })
	got, err := d.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(committed, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if served := d.call(t, "GET", "/openapi.yaml", "", "Authorization: ").ok(200).Body.Bytes(); !bytes.Equal(served, got) {
		t.Error("/openapi.yaml is another one")
	}
	want, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("openapi.yaml is not current: go test ./api -run OpenAPI -update")
	}
}

func TestEveryOperationIsDescribedWhole(t *testing.T) {
	var description struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string                     `json:"operationId"`
			Summary     string                     `json:"summary"`
			Description string                     `json:"description"`
			Tags        []string                   `json:"tags"`
			Security    []map[string][]string      `json:"security"`
			Responses   map[string]json.RawMessage `json:"responses"`
			Parameters  []struct {
				Name        string `json:"name"`
				Description string `json:"description"`
			} `json:"parameters"`
		} `json:"paths"`
		Components struct {
			Responses map[string]json.RawMessage `json:"responses"`
			Schemas   map[string]struct {
				Type       string                     `json:"type"`
				Properties map[string]json.RawMessage `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	raw := newDoor(t).call(t, "GET", "/openapi.json", "").ok(200).Body.Bytes()
	if err := json.Unmarshal(raw, &description); err != nil {
		t.Fatal(err)
	}
	if description.OpenAPI != "3.1.0" {
		t.Errorf("openapi is %q, want 3.1.0", description.OpenAPI)
	}
	seen := map[string]string{}
	for path, item := range description.Paths {
		for method, op := range item {
			at := method + " " + path
			if op.OperationID == "" || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
				t.Errorf("%s: want operationId, summary, description and one tag", at)
			}
			if other, taken := seen[op.OperationID]; taken {
				t.Errorf("%s and %s are both %s", at, other, op.OperationID)
			}
			seen[op.OperationID] = at
			refusals := 0
			for status, response := range op.Responses {
				if status[0] == '4' {
					refusals++
					name, _ := strings.CutPrefix(refOf(response), "#/components/responses/")
					if r, shared := description.Components.Responses[name]; shared {
						response = r
					}
					if !bytes.Contains(response, []byte(`"application/problem+json"`)) {
						t.Errorf("%s: %s is no problem+json", at, status)
					}
				}
			}
			if refusals == 0 {
				t.Errorf("%s: no 4xx is described", at)
			}
			if strings.HasPrefix(path, "/v1/") != (len(op.Security) == 1) {
				t.Errorf("%s: security is %v", at, op.Security)
			}
			for _, p := range op.Parameters {
				if p.Description == "" {
					t.Errorf("%s: parameter %s has no description", at, p.Name)
				}
			}
		}
	}
	for _, path := range []string{
		"/v1/messages", "/v1/messages/batch", "/v1/messages/preview", "/v1/messages/{id}/decision", "/v1/contacts/{id}/timeline",
		"/v1/consents/withdraw", "/v1/consent-ledger/verify", "/v1/inbox", "/readyz",
	} {
		if description.Paths[path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
	for name, schema := range description.Components.Schemas {
		for field, property := range schema.Properties {
			if !bytes.Contains(property, []byte(`"description"`)) {
				t.Errorf("schema %s: %s has no description", name, field)
			}
		}
	}
	for _, ref := range regexp.MustCompile(`"\$ref":"([^"]+)"`).FindAllSubmatch(raw, -1) {
		kind, name, _ := strings.Cut(strings.TrimPrefix(string(ref[1]), "#/components/"), "/")
		_, schema := description.Components.Schemas[name]
		_, response := description.Components.Responses[name]
		if found := kind == "schemas" && schema || kind == "responses" && response; !found {
			t.Errorf("%s leads nowhere", ref[1])
		}
	}
	for _, s := range []string{"ErrorModel", "unpkg.com"} {
		if bytes.Contains(raw, []byte(s)) {
			t.Errorf("the description mentions %s", s)
		}
	}
}

func refOf(response json.RawMessage) string {
	var r struct {
		Ref string `json:"$ref"`
	}
	if json.Unmarshal(response, &r) != nil {
		return ""
	}
	return r.Ref
}
