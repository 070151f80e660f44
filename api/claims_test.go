package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

const (
	aClaim    = vocab.ClaimID("clm_06gywnjy01xbs0938nkrkaydxw")
	another   = vocab.ContactID("con_06gywnjy01xbs0938nkrkaydx0")
	anEventID = vocab.ConsentEventID("cev_06gywnjy01xbs0938nkrkaydxw")
)

type fakeClaims struct {
	*door

	opened  []claims.New
	replies []claims.Reply
	closed  []string
	filters []claims.Filter
	kept    claims.Claim
	merged  []vocab.ContactID
	actors  []consent.Event
}

func (f *fakeClaims) Open(_ context.Context, x claims.New) (claims.Claim, error) {
	f.opened = append(f.opened, x)
	return f.kept, f.away
}

func (f *fakeClaims) Get(_ context.Context, id vocab.ClaimID) (claims.Claim, error) {
	if f.away == nil && id != f.kept.ID {
		return claims.Claim{}, fault.Missing("claim_not_found", "there is no claim with this id")
	}
	return f.kept, f.away
}

func (f *fakeClaims) List(_ context.Context, q claims.Filter) ([]claims.Claim, error) {
	f.filters = append(f.filters, q)
	return []claims.Claim{f.kept, f.kept}[:min(2, q.Limit)], f.away
}

func (f *fakeClaims) Answer(_ context.Context, _ vocab.ClaimID, r claims.Reply) (claims.Claim, error) {
	f.replies = append(f.replies, r)
	return f.kept, f.away
}

func (f *fakeClaims) Close(_ context.Context, _ vocab.ClaimID, by, reason string) (claims.Claim, error) {
	f.closed = append(f.closed, by+": "+reason)
	return f.kept, f.away
}

func (f *fakeClaims) Merge(_ context.Context, survivor, from vocab.ContactID, actor consent.Event, now time.Time) (contacts.Merged, error) {
	f.merged, f.actors = append(f.merged, survivor, from), append(f.actors, actor)
	return contacts.Merged{SurvivorID: survivor, MergedID: from, At: now}, f.away
}

func claimsDoor(t *testing.T) (*door, *fakeClaims) {
	t.Helper()
	d := newDoor(t)
	d.claims.kept = claims.Claim{
		ID: aClaim, Number: "2026-000017", ContactID: aContact, Kind: claims.Objection, Via: claims.ByLetter, State: claims.Answered, Text: "Stop",
		ReceivedAt: monday, RecordedAt: monday, DueAt: monday.AddDate(0, 0, 31), Answer: claims.Answer{MessageID: aMessage, Status: dispatcher.Sent, Count: 1, At: monday, By: "mem_x"},
		Alarms: []claims.Told{{Day: 20, At: monday}}, InFlight: []vocab.MessageID{aMessage},
	}
	return d, d.claims
}

func TestAClaimIsRecordedAsItCame(t *testing.T) {
	d, f := claimsDoor(t)
	var got claimView
	d.call(t, "POST", "/v1/claims", `{"contact_id":"`+string(aContact)+`","kind":"objection","via":"letter","text":"Stop","language":"kk","received_at":"2026-11-20T10:00:00+05:00"}`).ok(201).into(&got)
	want := []claims.New{{
		ContactID: aContact, Kind: claims.Objection, Via: claims.ByLetter, Text: "Stop", Language: "kk", ReceivedAt: time.Date(2026, 11, 20, 5, 0, 0, 0, time.UTC),
		ActorKind: consent.ActorAPIKey, ActorID: string(liveKey.ID),
	}}
	utc := cmp.Transformer("UTC", time.Time.UTC)
	if diff := cmp.Diff(want, f.opened, utc); diff != "" {
		t.Errorf("claim mismatch (-want +got):\n%s", diff)
	}
	if got.Number != "2026-000017" || got.Overdue || got.Answer.Status != "sent" || len(got.Alarms) != 1 || len(got.InFlight) != 1 {
		t.Errorf("answer %+v", got)
	}
	d.call(t, "POST", "/v1/claims", `{"contact_id":"x","kind":"objection","via":"letter"}`).problem(422, "invalid_request")
	d.call(t, "POST", "/v1/claims", `{"contact_id":"`+string(aContact)+`","kind":"rumour","via":"letter"}`).problem(422, "invalid_request")
	d.call(t, "POST", "/v1/claims", `{}`, "Authorization: Bearer "+testSecret).problem(403, "key_mode_forbidden")
}

func TestClaimsAreListedAnsweredAndClosed(t *testing.T) {
	d, f := claimsDoor(t)
	d.call(t, "GET", "/v1/claims?state=undelivered&due_before=2026-12-01T00:00:00Z&contact_id="+string(aContact)+"&limit=1", "").ok(200)
	want := claims.Filter{State: claims.Undelivered, ContactID: aContact, DueBefore: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Limit: 2}
	if diff := cmp.Diff(want, f.filters[0]); diff != "" {
		t.Errorf("filter mismatch (-want +got):\n%s", diff)
	}
	target := "/v1/claims/" + string(aClaim)
	d.call(t, "POST", target+"/answer", `{"text":"Done.","language":"ru","channel":"sms"}`).ok(200)
	reply := []claims.Reply{{Text: "Done.", Language: "ru", Channel: vocab.SMS, By: string(liveKey.ID), APIKey: liveKey.ID}}
	if diff := cmp.Diff(reply, f.replies, cmp.Comparer(func(a, b claims.Reply) bool {
		a.Data, b.Data = nil, nil
		return cmp.Equal(a, b)
	})); diff != "" {
		t.Errorf("reply mismatch (-want +got):\n%s", diff)
	}
	d.call(t, "POST", target+"/close", `{"reason":"taken back"}`).ok(200)
	if diff := cmp.Diff([]string{string(liveKey.ID) + ": taken back"}, f.closed); diff != "" {
		t.Errorf("closed mismatch (-want +got):\n%s", diff)
	}
	d.call(t, "POST", target+"/close", `{"reason":"ИИН 900101300017"}`).problem(422, "invalid_request")
	d.call(t, "GET", "/v1/claims/clm_06gywnjy01xbs0938nkrkaydx0", "").problem(404, "claim_not_found")
	d.call(t, "GET", "/v1/claims/nothing", "").problem(404, "claim_not_found")
	d.call(t, "GET", "/v1/claims?contact_id=x", "").problem(422, "invalid_request")
	d.away = fault.Away("ledger", nil)
	for _, x := range [][3]string{{"GET", "", ""}, {"POST", "/answer", `{"text":"x"}`}, {"POST", "/close", `{"reason":"x"}`}, {"GET", "/evidence", ""}} {
		d.call(t, x[0], target+x[1], x[2]).problem(503, "ledger_unavailable")
	}
}

func TestTheEvidenceOfAClaimIsWholeAndInOrder(t *testing.T) {
	d, _ := claimsDoor(t)
	d.contacts.byID[aContact] = contacts.Profile{Contact: contacts.Contact{ID: aContact}, Addresses: []contacts.LinkedAddress{{Address: contacts.Address{Channel: vocab.Email, Value: "a@example.org", Key: "a@example.org"}}}}
	for i := range 250 {
		id := vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
		d.messages.byID[id] = dispatcher.Message{ID: id, ContactID: aContact, Attempt: i, ContentHash: "c0ffee", Decision: consent.Decision{Reason: consent.OK, Verdict: consent.Allow}}
		d.consents.events = append([]consent.Event{{ID: vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), Seq: int64(i + 1), Hash: "v2:ab"}}, d.consents.events...)
	}
	d.consents.head = consent.Head{Seq: 250, Hash: "v2:ab"}
	d.suppressions.list = []contacts.Suppression{{ID: "sup_2"}, {ID: "sup_1", LiftedAt: monday, LiftedBy: "mem_x"}}
	var pack claimEvidenceView
	first := d.call(t, "GET", "/v1/claims/"+string(aClaim)+"/evidence?lang=ru", "").ok(200)
	first.into(&pack)
	if len(pack.Messages) != 250 || len(pack.Ledger) != 250 || pack.Head.Seq != 250 || pack.Claim.ID != aClaim || pack.Contact.ID != aContact {
		t.Fatalf("%d messages, %d entries, head %+v", len(pack.Messages), len(pack.Ledger), pack.Head)
	}
	for i := range 249 {
		if pack.Messages[i].Message.ID >= pack.Messages[i+1].Message.ID || pack.Ledger[i].Seq >= pack.Ledger[i+1].Seq {
			t.Fatalf("entry %d is out of order", i)
		}
	}
	one := pack.Messages[0]
	if one.Decision.ContentHash != "c0ffee" || len(one.Events) != 2 || len(one.Attempts) != 1 || pack.Ledger[0].Hash != "v2:ab" {
		t.Errorf("message %+v, entry %+v", one, pack.Ledger[0])
	}
	if len(pack.Suppressions) != 2 || pack.Suppressions[0].ID != "sup_1" || !d.suppressions.filters[0].Lifted {
		t.Errorf("suppressions %+v", pack.Suppressions)
	}
	if again := d.call(t, "GET", "/v1/claims/"+string(aClaim)+"/evidence?lang=ru", "").ok(200).Body.String(); again != first.Body.String() {
		t.Error("the same question has another answer")
	}
}

func TestTwoContactsAreMerged(t *testing.T) {
	d, f := claimsDoor(t)
	target := "/v1/contacts/" + string(aContact) + "/merge"
	body := d.call(t, "POST", target, `{"from":"`+string(another)+`"}`).ok(200).Body.String()
	if !strings.Contains(body, `"moved":[]`) || !cmp.Equal(f.merged, []vocab.ContactID{aContact, another}) || f.actors[0].ActorID != string(liveKey.ID) {
		t.Errorf("merged %v by %+v: %s", f.merged, f.actors, body)
	}
	if p := d.call(t, "POST", target, `{"from":"`+string(aContact)+`"}`).problem(422, "invalid_request"); p.Errors[0].Code != "same_contact" {
		t.Errorf("errors %+v", p.Errors)
	}
	d.call(t, "POST", target, `{"from":"nobody"}`).problem(422, "invalid_request")
}

func TestALiftSaysWhy(t *testing.T) {
	d, _ := claimsDoor(t)
	const id = "/v1/suppressions/sup_06gywnjy01xbs0938nkrkaydxw"
	d.call(t, "POST", id+"/lift", `{"reason":"asked by phone","consent_event_id":"`+string(anEventID)+`"}`).ok(200)
	d.call(t, "DELETE", id, "").ok(200)
	want := []contacts.Lift{{By: string(liveKey.ID), Reason: "asked by phone", Event: anEventID}, {By: string(liveKey.ID)}}
	if diff := cmp.Diff(want, d.suppressions.lifts); diff != "" {
		t.Errorf("lifts mismatch (-want +got):\n%s", diff)
	}
	var made suppressionView
	d.call(t, "POST", "/v1/suppressions", `{"email":"a@example.org","classes":["marketing"]}`).ok(201).into(&made)
	if !cmp.Equal(made.Classes, []vocab.Class{"marketing"}) || made.OriginKind != contacts.OriginAPIKey {
		t.Errorf("suppression %+v", made)
	}
	d.call(t, "POST", "/v1/suppressions", `{"email":"a@example.org","classes":["legal"]}`).problem(422, "invalid_request")
	d.call(t, "POST", "/v1/suppressions", `{"email":"a@example.org","reason":"complaint","classes":["marketing"]}`).problem(422, "invalid_request")
	d.call(t, "GET", "/v1/suppressions?include=lifted", "").ok(200)
	if !d.suppressions.filters[0].Lifted {
		t.Error("lifted ones were not asked for")
	}
}
