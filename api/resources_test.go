package api

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

func TestAContactIsMadeWithItsAddresses(t *testing.T) {
	d := newDoor(t)
	var got contactView
	d.call(t, "POST", "/v1/contacts", `{"external_id":"t-1","name":" Айгүл ","language":"KK","attributes":{"city":"Астана"},
		"addresses":[{"email":"Aigul@Example.org","verified":true},{"phone":"8 701 000 00 00","primary":true}]}`).ok(201).into(&got)
	if got.Name != "Айгүл" || got.Language != "kk" || got.Addresses[0].Email != "Aigul@example.org" || got.Addresses[1].Phone != "+77010000000" {
		t.Errorf("contact %+v", got)
	}
	want := []contacts.NewAddress{
		{Channel: vocab.Email, Value: "Aigul@example.org", Lookup: "aigul@example.org", Verified: true},
		{Channel: vocab.SMS, Value: "+77010000000", Lookup: "+77010000000", Primary: true},
	}
	if diff := cmp.Diff(want, d.contacts.created); diff != "" {
		t.Errorf("addresses mismatch (-want +got):\n%s", diff)
	}
}

func TestAMergePatchChangesWhatItNames(t *testing.T) {
	blocked := monday.Add(-time.Hour)
	before := contacts.Contact{
		ID: aContact, ExternalID: "t-1", Name: "Айгүл", Language: "kk", Minor: true, Attributes: map[string]any{"city": "Астана", "grade": 5.0},
		DataBlockedAt: &blocked,
	}
	for name, tc := range map[string]struct {
		patch string
		want  func(*contacts.Contact)
	}{
		"nothing":        {`{}`, func(*contacts.Contact) {}},
		"a value":        {`{"name":"Данияр","minor":false}`, func(c *contacts.Contact) { c.Name, c.Minor = "Данияр", false }},
		"null clears":    {`{"external_id":null,"language":null}`, func(c *contacts.Contact) { c.ExternalID, c.Language = "", "" }},
		"one attribute":  {`{"attributes":{"city":null,"school":"7"}}`, func(c *contacts.Contact) { c.Attributes = map[string]any{"grade": 5.0, "school": "7"} }},
		"all attributes": {`{"attributes":null}`, func(c *contacts.Contact) { c.Attributes = map[string]any{} }},
		"still blocked":  {`{"data_blocked":true}`, func(*contacts.Contact) {}},
		"unblocked":      {`{"data_blocked":false}`, func(c *contacts.Contact) { c.DataBlockedAt = nil }},
	} {
		d := newDoor(t)
		d.contacts.byID[aContact] = contacts.Profile{Contact: before}
		d.call(t, "PATCH", "/v1/contacts/"+string(aContact), tc.patch, "Content-Type: application/merge-patch+json").ok(200)
		want := before
		tc.want(&want)
		if diff := cmp.Diff(want, d.contacts.byID[aContact].Contact); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
	d := newDoor(t)
	d.contacts.byID[aContact] = contacts.Profile{Contact: before}
	p := d.call(t, "PATCH", "/v1/contacts/"+string(aContact), `{"name":7,"language":"!"}`).problem(422, "invalid_request")
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/name" {
		t.Errorf("errors %+v", p.Errors)
	}
}

func TestAddressesOfAContact(t *testing.T) {
	d := newDoor(t)
	d.contacts.byID[aContact] = contacts.Profile{Contact: contacts.Contact{ID: aContact}}
	target := "/v1/contacts/" + string(aContact) + "/addresses"
	var added addressView
	d.call(t, "POST", target, `{"phone":"+77010000000"}`).ok(201).into(&added)
	if added.ID != "adr_new" || added.Phone != "+77010000000" {
		t.Errorf("address %+v", added)
	}
	d.call(t, "POST", target+"/adr_06gywnjy01xbs0938nkrkaydxw/verify", "").problem(404, "address_not_found") // not one of the fake's
	var gone canceledView
	d.call(t, "DELETE", target+"/adr_06gywnjy01xbs0938nkrkaydxw", "").ok(200).into(&gone)
	if !cmp.Equal(gone.Canceled, []vocab.MessageID{aMessage}) {
		t.Errorf("canceled %v", gone.Canceled)
	}
	if body := d.call(t, "DELETE", "/v1/contacts/"+string(aContact), "").ok(200).Body.String(); !strings.Contains(body, `"in_flight":[]`) {
		t.Errorf("erasure %s", body)
	}
}

func TestAConsentIsExact(t *testing.T) {
	person := `{"contact_id":"` + string(aContact) + `","channel":"email","purpose":"news.company",`
	until := monday.AddDate(2, 0, 0)
	for name, tc := range map[string]struct {
		body string
		want consent.Event
	}{
		"a grant": {
			person + `"kind":"grant","source":"sign_up_form","language":"kk","text_hash":"ab","policy_version":"2026-05"}`,
			consent.Event{Kind: consent.KindGranted, Scope: consent.ScopePurpose, Source: consent.SourceSignUpForm, Language: "kk", TextHash: "ab", PolicyVersion: "2026-05", ValidUntil: until},
		},
		"an import":        {person + `"kind":"import"}`, consent.Event{Kind: consent.KindImported, Scope: consent.ScopePurpose, Source: consent.SourceImport, ValidUntil: until}},
		"a refused topic":  {person + `"kind":"refuse","topic":"maths"}`, consent.Event{Kind: consent.KindRefused, Scope: consent.ScopeTopic, Topic: "maths", Source: consent.SourceAPI}},
		"a request":        {person + `"kind":"request"}`, consent.Event{Kind: consent.KindRequested, Scope: consent.ScopePurpose, Source: consent.SourceAPI}},
		"its confirmation": {person + `"kind":"confirm","source":"confirm_link"}`, consent.Event{Kind: consent.KindConfirmed, Scope: consent.ScopePurpose, Source: consent.SourceConfirmLink, ValidUntil: until}},
	} {
		d := newDoor(t)
		d.call(t, "POST", "/v1/consents", tc.body).ok(201)
		got := d.consents.recorded[0]
		tc.want.ID, tc.want.ContactID, tc.want.Purpose, tc.want.Channel = got.ID, aContact, "news.company", vocab.Email
		tc.want.ActorKind, tc.want.ActorID, tc.want.At = consent.ActorAPIKey, string(liveKey.ID), monday
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: event mismatch (-want +got):\n%s", name, diff)
		}
	}
}

func TestAWithdrawalMayBeWide(t *testing.T) {
	d := newDoor(t)
	d.contacts.byID[aContact] = contacts.Profile{
		Contact: contacts.Contact{ID: aContact},
		Addresses: []contacts.LinkedAddress{{
			Address: contacts.Address{ID: "adr_1", Channel: vocab.SMS, Key: "+77010000000"},
		}},
	}
	var got withdrawnView
	d.call(t, "POST", "/v1/consents/withdraw?wait=3s", `{"contact_id":"`+string(aContact)+`","scope":"all"}`).ok(200).into(&got)
	if !cmp.Equal(got.InFlight, []vocab.MessageID{"msg_2"}) || !cmp.Equal(got.Canceled, []vocab.MessageID{"msg_1"}) {
		t.Errorf("acknowledgement %+v", got)
	}
	d.call(t, "POST", "/v1/consents/withdraw?wait=1h", `{"address":{"phone":"8 701 000 00 00"},"scope":"address","source":"sms_keyword"}`).ok(200)
	if !cmp.Equal(d.waited, []time.Duration{3 * time.Second, 5 * time.Second}) {
		t.Errorf("waited %v, want 3s and at most 5s", d.waited)
	}
	wide := d.withdrawn[1]
	if wide.ContactID != "" || wide.AddressID != "adr_1" || wide.Event.Channel != vocab.SMS || wide.Event.Scope != consent.ScopeAddress ||
		wide.Event.Source != consent.SourceSMSKeyword || wide.Event.ActorID != string(liveKey.ID) {
		t.Errorf("withdrawal %+v", wide)
	}
}

func TestATimelineMergesMessagesAndConsents(t *testing.T) {
	d := newDoor(t)
	d.contacts.byID[aContact] = contacts.Profile{Contact: contacts.Contact{ID: aContact}}
	const stem, end = "06gywnjy01xbs0938nkrkay", "xw"
	for _, c := range "135" {
		id := vocab.MessageID("msg_" + stem + string(c) + end)
		d.messages.byID[id] = dispatcher.Message{ID: id, ContactID: aContact, CreatedAt: monday}
	}
	for _, c := range "642" {
		d.consents.events = append(d.consents.events, consent.Event{ID: vocab.ConsentEventID("cev_" + stem + string(c) + end), At: monday})
	}
	order, cursor := "", ""
	for range 4 {
		var p page[timelineEntry]
		d.call(t, "GET", "/v1/contacts/"+string(aContact)+"/timeline?limit=2&cursor="+cursor, "").ok(200).into(&p)
		for _, e := range p.Data {
			if e.Message != nil {
				order += "m" + string(e.Message.ID[len("msg_"+stem)])
			} else {
				order += "c" + string(e.Consent.ID[len("cev_"+stem)])
			}
		}
		if cursor = p.NextCursor; cursor == "" {
			break
		}
	}
	if order != "c6m5c4m3c2m1" {
		t.Errorf("order %s, want c6m5c4m3c2m1", order)
	}
}

func TestPausesAreSetOnceAndLifted(t *testing.T) {
	for _, what := range []string{"/v1/providers/relay", "/v1/purposes/news.company"} {
		d := newDoor(t)
		var p pauseView
		d.call(t, "POST", what+"/pause", `{"reason":"moving"}`).ok(200).into(&p)
		if p.Reason != "moving" || p.Origin != string(liveKey.ID) {
			t.Errorf("pause %+v", p)
		}
		list := what[:strings.LastIndex(what, "/")]
		if body := d.call(t, "GET", list, "").ok(200).Body.String(); strings.Count(body, `"paused":{`) != 1 {
			t.Errorf("GET %s: want one paused in %s", list, body)
		}
		for _, want := range []string{"true", "false"} {
			if body := d.call(t, "POST", what+"/resume", "").ok(200).Body.String(); !strings.Contains(body, `"resumed":`+want) {
				t.Errorf("resume: %s, want %s", body, want)
			}
		}
	}
}

func TestTemplatesAreVersioned(t *testing.T) {
	d := newDoor(t)
	sms := func(text string) string { return `"variants":[{"language":"ru","channel":"sms","sms":"` + text + `"}]` }
	var v versionView
	d.call(t, "POST", "/v1/templates", `{"template":"hello","sample":{"name":"Айгүл"},`+sms("Привет, {{ data.name }}")+`}`).ok(201).into(&v)
	if v.Number != 1 || !cmp.Equal(v.Variants[0].Variables, []string{"data.name"}) {
		t.Errorf("version %+v", v)
	}
	d.call(t, "POST", "/v1/templates", `{"template":"hello",`+sms("x")+`}`).problem(409, "template_exists")
	d.call(t, "POST", "/v1/templates/hello/versions", `{`+sms("Здравствуйте, {{ data.name }}")+`}`).ok(201).into(&v)
	if v.Number != 2 {
		t.Errorf("number %d, want 2", v.Number)
	}
	var c contentView
	d.call(t, "POST", "/v1/templates/hello/preview", `{"version":1,"channel":"sms"}`).ok(200).into(&c)
	if c.SMS != "Привет, Айгүл" || c.Segments == nil {
		t.Errorf("preview %+v", c)
	}
	p := d.call(t, "POST", "/v1/templates/hello/preview", `{"channel":"sms","data":{}}`).problem(422, "invalid_request")
	if p.Errors[0].Code != "missing_variable" {
		t.Errorf("errors %+v", p.Errors)
	}
	d.call(t, "GET", "/v1/templates/hello/versions/1", "").ok(200)
	if body := d.call(t, "GET", "/v1/templates", "").ok(200).Body.String(); strings.Contains(body, "Здравствуйте") || !strings.Contains(body, `"number":2`) {
		t.Errorf("list %s", body)
	}
}

func TestASecretIsShownOnce(t *testing.T) {
	d := newDoor(t)
	var k keyView
	d.call(t, "POST", "/v1/api-keys", `{"name":"school","mode":"guest_list","guests":[{"email":"A@Example.org"},{"phone":"+77010000000"}]}`).ok(201).into(&k)
	if k.Secret == "" || k.Guests != 2 {
		t.Errorf("key %+v", k)
	}
	want := []contacts.Address{{Channel: vocab.Email, Key: "a@example.org"}, {Channel: vocab.SMS, Key: "+77010000000"}}
	if diff := cmp.Diff(want, d.keys.guests); diff != "" {
		t.Errorf("guests mismatch (-want +got):\n%s", diff)
	}
	if body := d.call(t, "GET", "/v1/api-keys", "").ok(200).Body.String(); strings.Contains(body, "secret") {
		t.Errorf("the list holds secrets: %s", body)
	}
	d.call(t, "DELETE", "/v1/api-keys/"+string(liveKey.ID), "").ok(200).into(&k)
	if k.RevokedAt.IsZero() {
		t.Error("not revoked")
	}
}

func TestSuppressions(t *testing.T) {
	d := newDoor(t)
	var s suppressionView
	d.call(t, "POST", "/v1/suppressions", `{"email":"A@example.org","note":"asked by phone"}`).ok(201).into(&s)
	if s.Reason != "manual" || s.Origin != string(liveKey.ID) || s.Email != "a@example.org" {
		t.Errorf("suppression %+v", s)
	}
	d.call(t, "DELETE", "/v1/suppressions/"+string(s.ID), "").ok(200).into(&s)
	if s.LiftedBy != string(liveKey.ID) || !s.LiftedAt.Equal(monday) {
		t.Errorf("lifted %+v", s)
	}
	d.call(t, "GET", "/v1/suppressions?email=a@example.org&channel=sms", "").problem(422, "invalid_request")
}

func TestTheInboxIsThereOnlyWithACatcher(t *testing.T) {
	d := newDoor(t)
	d.call(t, "GET", "/v1/inbox/cgt_06gywnjy01xbs0938nkrkaydxw", "").ok(200)
	if body := d.call(t, "DELETE", "/v1/inbox", "").ok(200).Body.String(); !strings.Contains(body, `"cleared":3`) {
		t.Errorf("cleared %s", body)
	}
	without := newDoor(t, func(o *Options) { o.Inbox = nil })
	without.call(t, "GET", "/v1/inbox", "").problem(404, "route_not_found")
}

func TestReadinessSaysWhatIsMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		checks []Check
		status int
		state  string
	}{
		"all well":    {[]Check{{Name: "ledger", OK: true, Essential: true}, {Name: "queue", OK: true}}, 200, "ready"},
		"queue away":  {[]Check{{Name: "ledger", OK: true, Essential: true}, {Name: "queue", Affects: "messages start later"}}, 200, "degraded"},
		"ledger away": {[]Check{{Name: "ledger", Essential: true}, {Name: "queue", OK: true}}, 503, "not_ready"},
	} {
		d := newDoor(t)
		d.checks = tc.checks
		var got readyView
		d.call(t, "GET", "/readyz", "", "Authorization: ").ok(tc.status).into(&got)
		if diff := cmp.Diff(readyView{tc.state, tc.checks}, got); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
	newDoor(t).call(t, "GET", "/healthz", "", "Authorization: ").ok(200)
}

func TestHandlersThatAreHandedIn(t *testing.T) {
	seen := ""
	d := newDoor(t, func(o *Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") })
		o.Callbacks = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			_, tooLarge := errors.AsType[*http.MaxBytesError](err)
			seen = fmt.Sprint(r.PathValue("provider"), " ", r.PathValue("token"), " ", tooLarge)
		})
		o.MaxBody = 100
	})
	if got := d.call(t, "GET", "/metrics", "").ok(200).Body.String(); got != "metrics" {
		t.Errorf("/metrics: %s", got)
	}
	d.call(t, "POST", "/callbacks/mobizon/t0ken", strings.Repeat("x", 101)).ok(200)
	if seen != "mobizon t0ken true" {
		t.Errorf("the callback saw %q", seen)
	}
	if strings.Contains(d.log.String(), "t0ken") {
		t.Error("the log holds the token of a callback")
	}
	newDoor(t).call(t, "GET", "/metrics", "").problem(404, "route_not_found")
}

func TestTheReferenceNeedsNoNetwork(t *testing.T) {
	d := newDoor(t)
	page := d.call(t, "GET", "/docs", "", "Authorization: ").ok(200)
	if strings.Contains(page.Body.String(), "//") && strings.Contains(page.Body.String(), "http") {
		t.Errorf("the page loads from elsewhere: %s", page.Body)
	}
	if policy := page.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
	program := d.call(t, "GET", "/docs/rapidoc.js", "", "Authorization: ").ok(200)
	unzipped, err := gzip.NewReader(program.Body)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 100)
	if _, err := io.ReadFull(unzipped, first); err != nil || !strings.Contains(string(first), "RapiDoc 9.3.8") {
		t.Errorf("the program begins %q, %v", first, err)
	}
}
