package dispatcher

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func TestOneResultForEachRequestInOrder(t *testing.T) {
	d := newDesk(t)
	bad := goodRequest(vocab.Service)
	bad.Reference, bad.Purpose = "2", "service.invented"
	hollow := goodRequest(vocab.Service)
	hollow.Reference, hollow.Data = "3", json.RawMessage(`{}`)
	first, last := goodRequest(vocab.Transactional), goodRequest(vocab.Legal)
	first.Reference, last.Reference = "1", "4"
	got, err := d.Submit(t.Context(), Caller{APIKey: "key_1", Mode: Live}, nil, []Request{first, bad, hollow, last})
	if err != nil {
		t.Fatal(err)
	}
	want := []Result{
		{Reference: "1", Status: Queued, Verdict: consent.Allow, Reason: consent.OK},
		{Reference: "2", Code: "invalid_request", Problem: []fault.Field{{Pointer: "/purpose", Code: "purpose_unregistered"}}},
		{Reference: "3", Code: "invalid_request", Problem: []fault.Field{{Pointer: "/data/text", Code: "missing_variable"}}},
		{Reference: "4", Status: Queued, Verdict: consent.Allow, Reason: consent.OK},
	}
	if diff := cmp.Diff(want, got.Results, cmpopts.IgnoreFields(Result{}, "ID"), cmpopts.IgnoreFields(fault.Field{}, "Detail")); diff != "" {
		t.Errorf("results mismatch (-want +got):\n%s", diff)
	}
	in := d.ledger.got[0]
	if diff := cmp.Diff([]int{0, 3}, in.Slots); diff != "" || len(in.Drafts) != 2 {
		t.Errorf("%d drafts at %v", len(in.Drafts), in.Slots)
	}
	if !in.Now.Equal(noon) || !in.RingUntil.Equal(noon.Add(15*time.Second)) {
		t.Errorf("taken in at %v, rung until %v", in.Now, in.RingUntil)
	}
	if len(d.bell.rings) != 1 || len(d.bell.rings[0].IDs) != 2 {
		t.Errorf("rings: %+v, want one with both messages", d.bell.rings)
	}
	if len(d.tally.decided) != 2 {
		t.Errorf("%d decisions counted, want 2", len(d.tally.decided))
	}
}

func TestSubmitWithoutAnObserver(t *testing.T) {
	d := newDesk(t)
	s := NewSubmitter(Intaker{
		Ledger: d.ledger, Bell: d.bell, Gate: d.gate, Renderer: d.renderer, Sealer: d.sealer, Now: d.now, Log: d.Submitter.log,
	}, d.options)
	got, err := s.Submit(t.Context(), Caller{APIKey: "key_1", Mode: Live}, nil, []Request{goodRequest(vocab.Service)})
	if err != nil || len(got.Results) != 1 || got.Results[0].Status != Queued {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestMessageAsItIsTakenIn(t *testing.T) {
	d := newDesk(t)
	contact := newContactID()
	d.ledger.known = func(RecipientQuery) Known {
		return Known{ContactID: contact, AddressID: "adr_9", Lookup: "aigul@example.org", Name: "Айгүл", Language: vocab.Russian, Sharers: 1}
	}
	r := goodRequest(vocab.Transactional)
	r.To = To{ContactID: contact, Name: "another name"}
	r.Channel, r.SendAt, r.TriggerID, r.Metadata = vocab.Email, noon.Add(time.Hour), "request-7", json.RawMessage(`{"a":1}`)
	if _, err := d.Submit(t.Context(), Caller{APIKey: "key_1", Mode: GuestList, Guests: &Guests{Hashes: []string{"h"}}}, nil, []Request{r}); err != nil {
		t.Fatal(err)
	}
	got := d.ledger.got[0].Drafts[0]
	want := Message{
		ContactID: contact, AddressID: "adr_9", Channel: vocab.Email, Class: vocab.Transactional, Lane: vocab.Normal, Purpose: "request.reply",
		Language: vocab.Russian, Sender: mailSender, Provider: "relay", Mode: GuestList, APIKey: "key_1", TriggerID: "request-7", TriggerAt: noon,
		LocaleApproved: true, NotAfter: noon.Add(time.Hour + 14*24*time.Hour), CreatedAt: noon,
	}
	if diff := cmp.Diff(want, got.Message, cmpopts.IgnoreFields(Message{}, "ID", "Template")); diff != "" {
		t.Errorf("message mismatch (-want +got):\n%s", diff)
	}
	if got.Recipient.Lookup != "aigul@example.org" || got.Guests == nil || !got.SendAt.Equal(r.SendAt) || string(got.Metadata) != `{"a":1}` {
		t.Errorf("draft: %+v", got)
	}
	if want := `{"name":"Айгүл","data":{"text":"hello"}}`; string(got.Payload.Data) != want || got.Payload.Sealed {
		t.Errorf("payload %s (sealed %t), want %s", got.Payload.Data, got.Payload.Sealed, want)
	}
}

func TestDefaultsOfAMessage(t *testing.T) {
	d := newDesk(t)
	d.options.NotAfter = map[vocab.Class]time.Duration{vocab.Security: 10 * time.Minute}
	d.ledger.known = func(q RecipientQuery) Known { return Known{Lookup: q.Recipient.Lookup} } // nobody yet
	r := goodRequest(vocab.Security)
	r.ExpiresAt = time.Time{}
	if _, err := d.Submit(t.Context(), Caller{Mode: Test}, nil, []Request{r}); err != nil {
		t.Fatal(err)
	}
	m := d.ledger.got[0].Drafts[0].Message
	if m.Language != vocab.Kazakh || m.Provider != "test:email" || !m.NotAfter.Equal(noon.Add(10*time.Minute)) || m.Lane != vocab.Urgent {
		t.Errorf("language %s, provider %s, until %v, lane %s", m.Language, m.Provider, m.NotAfter, m.Lane)
	}
	r.ExpiresAt = noon.Add(time.Minute)
	if _, err := d.Submit(t.Context(), Caller{Mode: Live}, nil, []Request{r}); err != nil {
		t.Fatal(err)
	}
	if m := d.ledger.got[1].Drafts[0].Message; !m.NotAfter.Equal(r.ExpiresAt) {
		t.Errorf("alive until %v, though the caller said %v", m.NotAfter, r.ExpiresAt)
	}
}

func TestLargeNoticesTravelInBulk(t *testing.T) {
	d := newDesk(t)
	many := make([]Request, 100)
	for i := range many {
		many[i] = goodRequest(vocab.Legal)
	}
	if _, err := d.Submit(t.Context(), Caller{Mode: Live}, nil, many); err != nil {
		t.Fatal(err)
	}
	if lane := d.ledger.got[0].Drafts[99].Message.Lane; lane != vocab.Bulk {
		t.Errorf("100 legal notices travel in %s", lane)
	}
}

// A one-time code lies sealed from the first moment.
func TestSecurityPayloadIsSealed(t *testing.T) {
	d := newDesk(t)
	r := goodRequest(vocab.Security)
	r.Data = json.RawMessage(`{"text":"482913"}`)
	out, err := d.Submit(t.Context(), Caller{Mode: Live}, nil, []Request{r})
	if err != nil {
		t.Fatal(err)
	}
	draft := d.ledger.got[0].Drafts[0]
	if !draft.Payload.Sealed || strings.Contains(string(draft.Payload.Data), "482913") {
		t.Errorf("sealed %t: %s", draft.Payload.Sealed, draft.Payload.Data)
	}
	data, err := d.sealer.Open(out.Results[0].ID, draft.Payload)
	if err != nil || !strings.Contains(string(data), "482913") {
		t.Errorf("opened to %s, %v", data, err)
	}
}

func TestRecipientsThatMakeNoMessage(t *testing.T) {
	contact := newContactID()
	tests := map[string]struct {
		known Known
		named bool // the caller names the contact
		want  string
	}{
		"no such contact":         {Known{Missing: true}, true, "/to/contact_id contact_not_found"},
		"an address of another":   {Known{ContactID: contact, Unlinked: true}, true, "/to recipient_mismatch"},
		"a shared address":        {Known{ContactID: contact, Sharers: 2}, false, "/to recipient_ambiguous"},
		"a shared address, named": {Known{ContactID: contact, Sharers: 2}, true, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.ledger.known = func(RecipientQuery) Known { return tc.known }
			r := goodRequest(vocab.Transactional)
			if tc.named {
				r.To.ContactID = contact
			}
			out, err := d.Submit(t.Context(), Caller{Mode: Live}, nil, []Request{r})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(codes(out.Results[0].Problem), ", "); got != tc.want {
				t.Errorf("problem %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTemplatesThatMakeNoMessage(t *testing.T) {
	tests := map[string]struct {
		change func(*Request)
		want   string
	}{
		"no such template":         {func(r *Request) { r.Template = "invented" }, "/template template_not_found"},
		"no such version":          {func(r *Request) { r.TemplateVersion = 7 }, "/template_version template_version_not_found"},
		"a version of no template": {func(r *Request) { r.Template, r.TemplateVersion = "invented", 7 }, "/template template_not_found"},
		"no variant":               {func(r *Request) { r.Template = "leaving" }, "/template variant_not_found"},
		"a missing entry":          {func(r *Request) { r.Data = nil }, "/data/text missing_variable"},
		"a missing entry of a list": {func(r *Request) {
			r.To, r.Template, r.Data = To{Phone: "+77011234567"}, "names", json.RawMessage(`{"articles":[{"url":"https://a.example"},{}]}`)
		}, "/data/articles/1/url missing_variable"},
		"a missing list": {func(r *Request) { r.To, r.Template = To{Phone: "+77011234567"}, "names" }, "/data/articles missing_variable"},
		"a missing name": {func(r *Request) {
			r.To, r.Template, r.Data = To{Phone: "+77019999999"}, "names", json.RawMessage(`{"articles":[]}`)
		}, "/to/name missing_variable"},
		"a link that the class has not": {func(r *Request) { r.To, r.Template = To{Phone: "+77011234567"}, "leaving" }, "/template missing_variable"},
		"a value that is none":          {func(r *Request) { r.Data = json.RawMessage(`{"text":{"a":1}}`) }, "/data bad_value"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.ledger.known = func(q RecipientQuery) Known {
				k := Known{ContactID: "con_1", AddressID: "adr_1", Language: vocab.English, Name: "Айгүл"}
				if q.Recipient.Lookup == "+77019999999" {
					k.Name = ""
				}
				return k
			}
			r := goodRequest(vocab.Transactional)
			tc.change(&r)
			out, err := d.Submit(t.Context(), Caller{Mode: Live}, nil, []Request{r})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(codes(out.Results[0].Problem), ", "); got != tc.want {
				t.Errorf("problem %q, want %q", got, tc.want)
			}
			if len(d.ledger.got) > 0 || len(d.bell.rings) > 0 {
				t.Error("something was written or rung for")
			}
		})
	}
}

func TestLedgerAwayTakesNothingIn(t *testing.T) {
	for _, away := range []string{"recipients", "templates", "submit"} {
		t.Run(away, func(t *testing.T) {
			d := newDesk(t)
			gone := fault.Away("ledger", errGone)
			switch away {
			case "recipients", "submit":
				d.ledger.err = gone
			case "templates":
				d.renderer.source.(*shelf).setAway(true)
			}
			if away == "submit" {
				d.Submitter.ledger = lateLedger{d.ledger}
			}
			out, err := d.Submit(t.Context(), Caller{Mode: Live}, nil, []Request{goodRequest(vocab.Transactional)})
			if fault.KindOf(err) != fault.Unavailable || len(out.Results) > 0 {
				t.Errorf("got %+v, %v, want unavailable", out, err)
			}
			if len(d.bell.rings) > 0 || len(d.tally.decided) > 0 {
				t.Error("it rang for nothing")
			}
		})
	}
}

// What made no message takes no key: the caller corrects the body and comes again.
func TestRefusedRequestsLeaveTheKeyFree(t *testing.T) {
	d := newDesk(t)
	out, err := d.Submit(t.Context(), Caller{Mode: Live}, &IdempotencyKey{Token: "t"}, []Request{{}})
	if err != nil || out.Results[0].Code != "invalid_request" || len(d.ledger.got) > 0 {
		t.Errorf("got %+v, %v and %d writes", out, err, len(d.ledger.got))
	}
}

func TestPreviewTakesEverythingBack(t *testing.T) {
	d := newDesk(t)
	got, err := d.Preview(t.Context(), Caller{Mode: Live}, goodRequest(vocab.Transactional))
	if err != nil {
		t.Fatal(err)
	}
	if got.Content.Subject != "Note" || strings.TrimSpace(got.Content.Text) != "hello" || got.Result.Verdict != consent.Allow {
		t.Errorf("preview: %+v", got)
	}
	if d.ledger.tried != 1 || len(d.ledger.got) > 0 || len(d.bell.rings) > 0 || len(d.tally.decided) > 0 {
		t.Error("a preview left something behind")
	}
	_, err = d.Preview(t.Context(), Caller{Mode: Live}, Request{})
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Invalid || len(f.Fields) == 0 {
		t.Errorf("preview of nothing: %v", err)
	}
	d.ledger.err = fault.Away("ledger", errGone)
	if _, err := d.Preview(t.Context(), Caller{Mode: Live}, goodRequest(vocab.Transactional)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("preview without a ledger: %v", err)
	}
}

func TestDeniedIsSaidByTheVerdict(t *testing.T) {
	for verdict, want := range map[consent.Verdict]bool{consent.Deny: true, consent.Hold: false, consent.Allow: false} {
		if got := (Result{Verdict: verdict}).Denied(); got != want {
			t.Errorf("Denied() of %s = %t", verdict, got)
		}
	}
}
