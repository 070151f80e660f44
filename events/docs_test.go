package events

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/vocab"
)

var update = flag.Bool("update", false, "write the tables of docs/webhooks.md anew")

const page = "../docs/webhooks.md"

// example is the data of a type as the store makes it; see store/storetest/feed_of_events.go.
func example(t Type) Data {
	until := time.Date(2028, 11, 23, 5, 0, 0, 0, time.UTC)
	const contact, address = "con_06gywnjy01xbs0938nkrkaydxw", "adr_06gywnjy01xbs0938nkrkaydxw"
	subject, what, _ := strings.Cut(string(t), ".")
	switch subject {
	case "message":
		d := Data{
			MessageID: "msg_06gywnjy01xbs0938nkrkaydxw", ContactID: contact, AddressID: address, Channel: vocab.Email, Class: vocab.Marketing,
			Purpose: "news.company", Mode: "live", Attempt: 1,
		}
		switch t { //nolint:exhaustive // the others are as they begin
		case MessageScheduled, MessageQueued:
			d.Attempt, d.Reason = 0, "ok"
		case MessageHeld:
			d.Attempt, d.Reason = 0, "quiet_hours"
		case MessageSuppressed:
			d.Attempt, d.Reason = 0, "consent_withdrawn"
		case MessageCanceled:
			d.Attempt, d.Reason = 0, "consent_withdrawn"
		case MessageExpired:
			d.Attempt, d.Reason = 0, "message_expired"
		case MessageBounced:
			d.Reason = "no_such_mailbox"
		case MessageFailed:
			d.Reason = "permanent"
		case MessageUndelivered:
			d.Channel, d.Reason = vocab.SMS, "undelivered"
		case MessageDeferred:
			d.Reason = "unreachable"
		case MessageUnknown:
			d.Reason = "worker_lost"
		case MessageComplained, MessageUnsubscribed:
			d.Attempt = 0
		}
		return d
	case "consent", "preference":
		d := Data{
			ConsentID: "cev_06gywnjy01xbs0938nkrkaydxw", ContactID: contact, Channel: vocab.Email, Purpose: "news.company", Kind: what,
			Scope: "purpose", Source: "api",
		}
		switch t { //nolint:exhaustive // the others are as they begin
		case ConsentGranted, ConsentConfirmed:
			d.ValidUntil = &until
		case PreferenceUpdated:
			d.Kind, d.Source = "withdrawn", "preference_page"
		}
		return d
	case "suppression":
		return Data{SuppressionID: "sup_06gywnjy01xbs0938nkrkaydxw", AddressID: address, Channel: vocab.Email, Reason: "hard_bounce"}
	}
	d := Data{ContactID: contact}
	if t == ContactUpdated {
		d.Changed = []string{"language", "name"}
	}
	return d
}

// tables are the generated part of the page.
func tables(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| type | what it says | `data`, for example |\n|---|---|---|\n")
	for _, m := range Meanings() {
		data, err := json.Marshal(example(m.Type))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", m.Type, m.Meaning, data)
	}
	b.WriteString("\n| field of `data` | what it is |\n|---|---|\n")
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Data]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, f.Tag.Get("doc"))
	}
	return b.String()
}

func TestTheTablesOfThePageAreThoseOfTheCode(t *testing.T) {
	const begin, end = "<!-- generated: go test ./events -update -->\n", "<!-- end -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the tables", page)
	}
	want := before + begin + tables(t) + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if string(text) != want && !*update {
		t.Errorf("%s is not current: go test ./events -update", page)
	}
}

// A field that could hold what somebody typed would be a hole in every promise of this package.
func TestDataHasFieldsOfIDsAndCodesAlone(t *testing.T) {
	allowed := map[string]bool{
		"message_id": true, "consent_id": true, "suppression_id": true, "contact_id": true, "address_id": true, "channel": true, "class": true,
		"purpose": true, "topic": true, "mode": true, "attempt": true, "reason": true, "kind": true, "scope": true, "source": true,
		"valid_until": true, "changed": true,
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Data]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !allowed[name] {
			t.Errorf("%s is new: is it an id or a code, whoever writes it? Then list it here", name)
		}
	}
}
