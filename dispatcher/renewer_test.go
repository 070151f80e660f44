package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// endings is a consent ledger with grants that end.
type endings struct {
	grants    []EndingGrant
	asked     map[string]vocab.MessageID // event/days
	lost      bool                       // the answer to KeepAsks
	submitted []Request
	keys      map[string]Submitted
	expired   []int
}

func (e *endings) Ending(_ context.Context, from, until time.Time, days int, after EndingGrant, n int) ([]EndingGrant, error) {
	var list []EndingGrant
	for _, g := range e.grants {
		_, asked := e.asked[fmt.Sprint(g.Event, "/", days)]
		behind := g.ValidUntil.After(after.ValidUntil) || g.ValidUntil.Equal(after.ValidUntil) && g.Event > after.Event
		if !asked && behind && g.ValidUntil.After(from) && !g.ValidUntil.After(until) && len(list) < n {
			list = append(list, g)
		}
	}
	return list, nil
}

func (e *endings) KeepAsks(_ context.Context, days int, asks map[vocab.ConsentEventID]vocab.MessageID, _ time.Time) error {
	if e.lost {
		e.lost = false
		return errors.New("the ledger went away")
	}
	for event, message := range asks {
		e.asked[fmt.Sprint(event, "/", days)] = message
	}
	return nil
}

func (e *endings) Expire(_ context.Context, _ time.Time, n int) (int, error) {
	if len(e.expired) == 0 {
		return 0, nil
	}
	k := min(n, e.expired[0])
	e.expired = e.expired[1:]
	return k, nil
}

func (e *endings) Submit(_ context.Context, _ Caller, key *IdempotencyKey, requests []Request) (Submitted, error) {
	name := key.Route + key.Token + key.BodyHash
	if first, again := e.keys[name]; again {
		return first, nil
	}
	var out Submitted
	for _, r := range requests {
		e.submitted = append(e.submitted, r)
		out.Results = append(out.Results, Result{ID: vocab.MessageID(fmt.Sprint("msg_", len(e.submitted)))})
	}
	e.keys[name] = out
	return out, nil
}

func newEndings(t *testing.T, at time.Time, grants ...EndingGrant) (*endings, func(time.Time) error) {
	t.Helper()
	registry, err := consent.Registered(consent.RegistryOptions{Topics: []consent.TopicInfo{{
		ID: "maths", Purpose: "news.company", Names: map[vocab.Language]string{vocab.Kazakh: "Математика", vocab.Russian: "Математика", vocab.English: "Maths"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	e := &endings{grants: grants, asked: map[string]vocab.MessageID{}, keys: map[string]Submitted{}}
	r := NewRenewer(RenewerOptions{
		Ledger: e, Submitter: e, Purposes: registry, Zone: time.FixedZone("Almaty", 5*3600), Now: func() time.Time { return at },
		Log: slog.New(slog.DiscardHandler),
	})
	return e, func(now time.Time) error {
		at = now
		return r.Renew(t.Context())
	}
}

func ending(event vocab.ConsentEventID, until time.Time) EndingGrant {
	return EndingGrant{ContactID: "con_1", Key: consent.GrantKey{Purpose: "news.company", Channel: vocab.Email}, Event: event, ValidUntil: until}
}

func TestARenewalIsAskedForThirtyAndSevenDaysBeforeTheEnd(t *testing.T) {
	end := noon.AddDate(0, 0, 40)
	g := ending("cev_1", end)
	g.Key.Topic, g.Language = "maths", vocab.English
	e, renew := newEndings(t, noon, g)
	asks := func(at time.Time) int {
		t.Helper()
		before := len(e.submitted)
		for range 2 { // every hour, and once for each stage
			if err := renew(at); err != nil {
				t.Fatal(err)
			}
		}
		return len(e.submitted) - before
	}
	for _, tc := range []struct {
		before int
		want   int
	}{{31, 0}, {30, 1}, {29, 0}, {8, 0}, {7, 1}, {1, 0}, {0, 0}} {
		if got := asks(end.AddDate(0, 0, -tc.before)); got != tc.want {
			t.Errorf("%d days before the end: asked %d times, want %d", tc.before, got, tc.want)
		}
	}
	want := Request{
		To: To{ContactID: "con_1"}, Channel: vocab.Email, Purpose: "news.company", Topic: "maths", Language: vocab.English, Template: "consent-renewal",
		Data: []byte(`{"grant":{"purpose":"Newsletters","topic":"Maths","until":"` + end.Add(5*time.Hour).Format(time.DateOnly) + `"}}`), ExpiresAt: end,
	}
	if diff := cmp.Diff(want, e.submitted[0]); diff != "" {
		t.Errorf("the request mismatch (-want +got):\n%s", diff)
	}
}

func TestWhoeverWasDownForWeeksAsksOnce(t *testing.T) {
	end := noon.AddDate(0, 0, 3)
	e, renew := newEndings(t, noon, ending("cev_1", end))
	if err := renew(noon); err != nil {
		t.Fatal(err)
	}
	if len(e.submitted) != 1 || len(e.asked) != 1 {
		t.Errorf("asked %d times for %v", len(e.submitted), e.asked)
	}
}

// A crash between the submission and the note of it must not ask a contact twice.
func TestACrashAfterAskingAsksNobodyTwice(t *testing.T) {
	e, renew := newEndings(t, noon, ending("cev_1", noon.AddDate(0, 0, 20)), ending("cev_2", noon.AddDate(0, 0, 20)))
	e.lost = true
	if err := renew(noon); err == nil {
		t.Fatal("an error is not reported")
	}
	if err := renew(noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	want := map[string]vocab.MessageID{"cev_1/30": "msg_1", "cev_2/30": "msg_2"}
	if diff := cmp.Diff(want, e.asked); diff != "" || len(e.submitted) != 2 {
		t.Errorf("asked %d times; remembered (-want +got):\n%s", len(e.submitted), diff)
	}
}

func TestAPurposeThatIsGoneAsksNothing(t *testing.T) {
	g := ending("cev_1", noon.AddDate(0, 0, 20))
	g.Key.Purpose = "partner.gone"
	e, renew := newEndings(t, noon, g)
	if err := renew(noon); err != nil || len(e.submitted) != 0 || len(e.asked) != 1 {
		t.Errorf("submitted %d, remembered %v: %v", len(e.submitted), e.asked, err)
	}
}

func TestEverythingThatEndedIsWrittenDown(t *testing.T) {
	e, renew := newEndings(t, noon)
	e.expired = []int{renewalSize, renewalSize, 3, 0}
	if err := renew(noon); err != nil || len(e.expired) != 0 {
		t.Errorf("%d portions are left: %v", len(e.expired), err)
	}
}
