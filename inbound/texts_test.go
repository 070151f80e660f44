package inbound_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

var stopped = []contacts.SuppressionReason{contacts.ChannelStop}

func TestStopWithdrawsForEverybodyBehindTheNumber(t *testing.T) {
	w := newWorld(t)
	other := w.person(t, "+77770000001")
	w.grant(t, other)
	for i, tc := range []struct{ name, from, text string }{ // # stands for a digit, so that each has a number of their own
		{"English", "+7701234567#", "STOP"},
		{"without a plus", "7701234567#", "stop."},
		{"as it is dialled at home", "8701234567#", "Стоп"},
		{"with spaces", "+7 701 234 56 7#", "отписаться"},
		{"Kazakh", "7701234567#", "Тоқтат!"},
		{"Kazakh without Kazakh letters", "7701234567#", "ТОКТАТУ"},
		{"Kazakh in Latin script", "7701234567#", "toqtat"},
		{"look-alike letters", "7701234567#", "CТOП"},
		{"politely", "7701234567#", "Стоп, пожалуйста"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			digit := strconv.Itoa(i)
			phone := "+7701234567" + digit
			mother, son := w.person(t, phone), w.person(t, phone)
			w.grant(t, mother)
			w.grant(t, son)
			news, code := w.waiting(t, son, "form", vocab.Marketing), w.waiting(t, son, "form", vocab.Security)
			before := w.events(t)

			wantStatus(t, w.form("from", strings.ReplaceAll(tc.from, "#", digit), "msg", tc.text), http.StatusOK)

			w.wantGrant(t, mother, consent.Withdrawn)
			w.wantGrant(t, son, consent.Withdrawn)
			w.wantGrant(t, other, consent.Granted)
			if diff := cmp.Diff(stopped, w.suppressed(t, phone)); diff != "" {
				t.Errorf("suppressions mismatch (-want +got):\n%s", diff)
			}
			w.wantMessage(t, news, dispatcher.Canceled)
			w.wantMessage(t, code, dispatcher.Queued)
			w.wantWithdrawals(t, before, mother.ID, son.ID)
		})
	}
}

// wantWithdrawals checks the entries of the consent ledger after one: a withdrawal of each contact by the keyword.
func (w *world) wantWithdrawals(t *testing.T, after int64, want ...vocab.ContactID) {
	t.Helper()
	events, err := w.consents.Events(w.ctx, after, 10)
	if err != nil {
		t.Fatal(err)
	}
	who := map[vocab.ContactID]bool{}
	for _, e := range events {
		who[e.ContactID] = true
		if e.Kind != consent.KindWithdrawn || e.Scope != consent.ScopeAddress || e.Channel != vocab.SMS || e.Source != consent.SourceSMSKeyword ||
			e.ActorKind != consent.ActorContact || !e.At.Equal(clock()) {
			t.Errorf("the ledger has %+v, want a withdrawal by the keyword", e)
		}
	}
	if len(events) != len(want) || len(who) != len(want) || !who[want[0]] {
		t.Errorf("the ledger has events of %v, want one of each of %v", who, want)
	}
}

func TestStopReadsTheCharacterSetOfTheAir(t *testing.T) {
	w := newWorld(t)
	p := w.person(t, number)
	w.grant(t, p)
	var air []byte
	for _, unit := range utf16.Encode([]rune("тоқтат")) {
		air = append(air, byte(unit>>8), byte(unit))
	}
	query := url.Values{"from": {number}, "to": {"1414"}, "text": {string(air)}, "charset": {"UTF-16BE"}, "event": {"e1"}}
	wantStatus(t, w.kannel(query.Encode()), http.StatusOK)
	w.wantGrant(t, p, consent.Withdrawn)
}

func TestStopFromAnUnknownNumberIsRemembered(t *testing.T) {
	w := newWorld(t)
	for range 2 { // said twice is said once
		wantStatus(t, w.form("from", number, "msg", "STOP"), http.StatusOK)
		if diff := cmp.Diff(stopped, w.suppressed(t, number)); diff != "" {
			t.Errorf("suppressions mismatch (-want +got):\n%s", diff)
		}
	}
	if n := w.events(t); n != 0 {
		t.Errorf("the consent ledger has %d events of nobody", n)
	}
	// Whoever gets the number later is met by the stop.
	p := w.person(t, number)
	list, err := w.suppressions.List(w.ctx, contacts.SuppressionFilter{Channel: vocab.SMS, Lookup: number, Limit: 10})
	if err != nil || len(list) != 1 || list[0].Origin != "sms_keyword" || !list[0].CreatedAt.Equal(clock()) {
		t.Errorf("suppressions of %s are %+v, %v, want one by the keyword", p.ID, list, err)
	}
}

// A number can be in the ledger with nobody behind it: its contact was erased, or gave it up after something was sent to it.
func TestStopFromANumberThatIsNobodysAnyMoreIsRemembered(t *testing.T) {
	for name, leave := range map[string]func(*testing.T, *world, contacts.Profile){
		"the contact was erased": func(t *testing.T, w *world, p contacts.Profile) {
			t.Helper()
			if _, err := w.contacts.Erase(w.ctx, p.ID, contacts.EraseOrder{
				At: start, Certify: func(contacts.Certificate) (string, error) { return "", nil },
			}); err != nil {
				t.Fatal(err)
			}
		},
		"the address was taken from the contact": func(t *testing.T, w *world, p contacts.Profile) {
			t.Helper()
			if _, err := w.contacts.RemoveAddress(w.ctx, p.ID, p.Addresses[0].AddressID, start); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.person(t, number)
			w.settle(t, w.claim(t, w.waiting(t, p, "form", vocab.Transactional)), dispatcher.Sent, "ref-1")
			leave(t, w, p)
			wantStatus(t, w.form("from", number, "msg", "STOP"), http.StatusOK)
			got := map[contacts.SuppressionReason]bool{}
			for _, reason := range w.suppressed(t, number) {
				got[reason] = true
			}
			if !got[contacts.ChannelStop] {
				t.Errorf("suppressions are %v, want a stop among them", got)
			}
		})
	}
}

func TestStartLiftsTheStopAndNothingElse(t *testing.T) {
	w := newWorld(t)
	p := w.person(t, number)
	w.grant(t, p)
	if _, err := w.suppressions.Add(w.ctx, vocab.SMS, number, contacts.Suppression{Reason: contacts.Manual, Origin: "api", CreatedAt: start}); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, w.form("from", number, "msg", "STOP"), http.StatusOK)
	before := w.events(t)
	for range 2 {
		wantStatus(t, w.form("from", "87012345678", "msg", "Старт"), http.StatusOK)
		if diff := cmp.Diff([]contacts.SuppressionReason{contacts.Manual}, w.suppressed(t, number)); diff != "" {
			t.Errorf("suppressions mismatch (-want +got):\n%s", diff)
		}
		w.wantGrant(t, p, consent.Withdrawn)
	}
	if after := w.events(t); after != before {
		t.Errorf("START wrote %d events into the consent ledger", after-before)
	}
	// Who stops again is stopped again.
	wantStatus(t, w.form("from", number, "msg", "STOP"), http.StatusOK)
	if n := len(w.suppressed(t, number)); n != 2 {
		t.Errorf("%d suppressions, want the manual one and a new stop", n)
	}
}

func TestTextsThatChangeNothing(t *testing.T) {
	w := newWorld(t)
	p := w.person(t, number)
	w.grant(t, p)
	before := w.events(t)
	for _, tc := range []struct{ name, from, text string }{
		{"HELP, which is answered", number, "HELP"},
		{"START with nothing to lift", number, "START"},
		{"START of somebody unknown", "+77770000001", "START"},
		{"thanks", number, "Рахмет!"},
		{"a sentence with the word in it", number, "Стоп-кран в школе не работает"},
		{"nothing", number, ""},
		{"a sender name, behind which nobody is", "KASPI", "STOP"},
		{"a short code", "1414", "STOP"},
		{"a fixed line", "+77172574600", "STOP"},
		{"no sender", "", "STOP"},
		{"a sender that is a text", "+7701' OR 1=1", "STOP"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantStatus(t, w.form("from", tc.from, "msg", tc.text), http.StatusOK)
			w.wantGrant(t, p, consent.Granted)
			list, err := w.suppressions.List(w.ctx, contacts.SuppressionFilter{Lifted: true, Limit: 10})
			if err != nil || len(list) != 0 {
				t.Errorf("suppressions are %+v, %v, want none", list, err)
			}
			if after := w.events(t); after != before {
				t.Errorf("it wrote %d events into the consent ledger", after-before)
			}
		})
	}
}
