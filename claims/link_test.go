package claims

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

var linked = dispatcher.Message{
	ID: "msg_9", ContactID: "con_9", AddressID: "adr_9", Channel: vocab.SMS, Class: vocab.Marketing, Purpose: "offers.company", Language: vocab.Russian,
}

func TestAComplaintByALinkIsWhatAFeedbackReportIs(t *testing.T) {
	o := newOffice(t)
	c, err := o.ComplainFromLink(t.Context(), FromLink{Message: linked, Language: vocab.Kazakh, Text: "Келіспегенмін"})
	if err != nil || c.Kind != Complaint || c.Via != ByLink || c.About != "msg_9" {
		t.Fatalf("claim %+v, %v", c, err)
	}
	x := o.opened[0]
	want := dispatcher.Complained(linked)
	want.Event.Language, want.Event.Proof, want.Event.ProofRef = vocab.Kazakh, consent.ProofLink, "msg_9"
	if diff := cmp.Diff(&want, x.Complaint); diff != "" {
		t.Errorf("what it ends mismatch (-want +got):\n%s", diff)
	}
	if x.ContactID != "con_9" || x.Text != "Келіспегенмін" || x.ActorKind != consent.ActorContact || len(x.Withdrawal) != 0 {
		t.Errorf("claim %+v", x)
	}
	if want.StopAddress != contacts.Complaint || want.AddressID != "adr_9" || want.Message != "msg_9" || want.Event.Source != consent.SourceComplaint {
		t.Errorf("a complaint ends %+v", want)
	}
}

func TestWhatMayNotBeKeptStopsNothing(t *testing.T) {
	for name, text := range map[string]string{"an identifier": "ИИН 900101300017", "too long": strings.Repeat("ы", MaxLinkText+1)} {
		o := newOffice(t)
		for _, press := range []func() (Claim, error){
			func() (Claim, error) { return o.ComplainFromLink(t.Context(), FromLink{Message: linked, Text: text}) },
			func() (Claim, error) { return o.ObjectFromLink(t.Context(), FromLink{Message: linked, Text: text}) },
		} {
			_, err := press()
			f, is := errors.AsType[*fault.Error](err)
			if !is || f.Kind != fault.Invalid || f.Fields[0].Pointer != "/text" || strings.Contains(err.Error(), "900101300017") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(o.opened) != 0 {
			t.Errorf("%s: opened %+v", name, o.opened)
		}
	}
	o := newOffice(t)
	if _, err := o.ComplainFromLink(t.Context(), FromLink{Message: linked, Text: strings.Repeat("ы", MaxLinkText)}); err != nil {
		t.Errorf("as long as may be: %v", err)
	}
}

func TestTheOfficerHearsAtOnceOfAClaimThatNobodyHereRecorded(t *testing.T) {
	o := newOffice(t)
	if _, err := o.ComplainFromLink(t.Context(), FromLink{Message: linked, Language: vocab.Russian}); err != nil {
		t.Fatal(err)
	}
	o.silent = errors.New("no mail")
	o.watch().Look(t.Context())
	o.now, o.silent = o.watchAt, nil
	o.watch().Look(t.Context())
	o.watch().Look(t.Context())
	o.now = noon.AddDate(0, 0, 20)
	o.watch().Look(t.Context())
	want := []string{"claim/clm_1/0 claim-opened day 0, 30 left", "claim/clm_1/20 claim-alarm day 20, 10 left"}
	if diff := cmp.Diff(want, o.told); diff != "" {
		t.Errorf("told mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"msg_9", "msg_9"}, o.named); diff != "" {
		t.Errorf("messages mismatch (-want +got):\n%s", diff)
	}
}

func TestTheOfficerHearsAlsoWhileTheStreetIsAway(t *testing.T) {
	o := newOffice(t)
	o.away = fault.Away("ledger", nil)
	if _, err := o.ObjectFromLink(t.Context(), FromLink{Message: linked}); err != nil {
		t.Fatal(err)
	}
	o.watch().Look(t.Context())
	if len(o.told) != 1 || o.claim.Acknowledged != "" {
		t.Errorf("told %v, acknowledged by %q", o.told, o.claim.Acknowledged)
	}
}

// Whoever complained about their mail is rather told by SMS, where the gate says so.
func TestAClaimantIsToldByTheOtherChannelIfTheGateAsksForIt(t *testing.T) {
	for name, tc := range map[string]struct {
		denied map[vocab.Channel]consent.Reason
		want   []vocab.Channel // that were tried; the last one stays
	}{
		"nothing is wrong":        {nil, []vocab.Channel{vocab.Email}},
		"a complaint":             {map[vocab.Channel]consent.Reason{vocab.Email: consent.ComplainedUseOther}, []vocab.Channel{vocab.Email, vocab.SMS}},
		"the channel was stopped": {map[vocab.Channel]consent.Reason{vocab.Email: consent.ChannelStoppedUseOther}, []vocab.Channel{vocab.Email, vocab.SMS}},
		"no address":              {map[vocab.Channel]consent.Reason{vocab.Email: consent.AddressMissing}, []vocab.Channel{vocab.Email}},
	} {
		o := newOffice(t)
		o.other = tc.denied
		c := o.record(Objection)
		var got []vocab.Channel
		tokens := map[string]bool{}
		for i, r := range o.sent {
			got = append(got, r.Channel)
			tokens[o.keys[i].Token] = true
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || len(tokens) != len(got) {
			t.Errorf("%s: channels mismatch, %d keys (-want +got):\n%s", name, len(tokens), diff)
		}
		if want := vocab.MessageID([]string{"msg_1", "msg_2"}[len(tc.want)-1]); c.Acknowledged != want {
			t.Errorf("%s: acknowledged by %s, want %s", name, c.Acknowledged, want)
		}
	}
	o := newOffice(t)
	o.record(Access)
	o.other = map[vocab.Channel]consent.Reason{vocab.Email: consent.ComplainedUseOther}
	if _, err := o.Desk.Answer(t.Context(), "clm_1", Reply{Text: "Да", Channel: vocab.Email}); err != nil || len(o.sent) != 2 {
		t.Errorf("a channel that somebody chose was left: %v, %d messages", err, len(o.sent))
	}
}
