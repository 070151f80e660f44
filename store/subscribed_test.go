package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// What the settings leave out of the feed is told as soon as a webhook subscribes to it, in another process too once that has looked.
func TestTheFeedTakesWhatTheSettingsSayAndWhatWebhooksSubscribeTo(t *testing.T) {
	for _, e := range engines {
		for least, first := range map[events.Feeding][]events.Type{
			events.FeedAll:      {events.MessageQueued, events.MessageSent, events.MessageDelivered},
			events.FeedOutcomes: {events.MessageDelivered},
			events.FeedNone:     nil,
		} {
			t.Run(e.name+" "+string(least), func(t *testing.T) {
				o := e.empty(t)
				o.Feed = least
				db := open(t, o)
				if err := db.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				street := newStreet(t, db)
				sealer, err := dispatcher.NewSealer([]byte("a key of 32 bytes for tests only"))
				if err != nil {
					t.Fatal(err)
				}
				here, there := store.NewWebhooks(db, sealer), store.NewWebhooks(open(t, o), sealer) // another process
				says := func(when string, want ...events.Type) {
					t.Helper()
					var got []events.Type
					from := markOf(t, db)
					street.deliver(t)
					for _, x := range eventually(t, db, from, len(want)+1).Events { // the last is the mark behind it
						if x.Type.AboutMessage() {
							got = append(got, x.Type)
						}
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", when, diff)
					}
				}
				says("at first", first...)
				made, _, err := there.Create(t.Context(), events.Webhook{URL: "https://example.org", Events: events.Patterns{"message.sent"}, Enabled: true}, noon)
				if err != nil {
					t.Fatal(err)
				}
				says("before it has looked", first...)
				if err := here.Follow(t.Context()); err != nil {
					t.Fatal(err)
				}
				with := map[events.Feeding][]events.Type{
					events.FeedAll: first, events.FeedOutcomes: {events.MessageSent, events.MessageDelivered}, events.FeedNone: {events.MessageSent},
				}[least]
				says("with a webhook", with...)
				if _, err := here.Update(t.Context(), made.ID, noon, func(x events.Webhook) (events.Webhook, error) {
					x.Enabled = false
					return x, nil
				}); err != nil {
					t.Fatal(err)
				}
				says("when it is disabled", first...)
			})
		}
	}
}

// markOf is a place behind everything that was told so far.
func markOf(t *testing.T, db *store.DB) events.Place {
	t.Helper()
	from, err := store.NewFeed(db).End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id := vocab.SuppressionID(vocab.NewID(vocab.SuppressionPrefix))
	if err := db.Tell(t.Context(), []vocab.SuppressionID{id}, noon, commit); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		page := eventually(t, db, from, n)
		for _, e := range page.Events {
			if e.Data.SuppressionID == id {
				return e.Place
			}
		}
		n = len(page.Events)
	}
}

// deliver sends one more message to the contact of the street, which arrives, and marks the feed behind it.
func (s street) deliver(t *testing.T) {
	t.Helper()
	id := vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
	if _, err := s.ledger.Submit(t.Context(), dispatcher.Intake{
		Drafts: []dispatcher.Draft{{
			Message: dispatcher.Message{
				ID: id, ContactID: s.contact, Channel: vocab.Email, Class: vocab.Legal, Lane: vocab.Normal, Purpose: "legal.claim", Provider: "relay",
			},
			Payload: dispatcher.Payload{Data: []byte(`{}`)},
		}},
		Slots: []int{0}, Answer: make([]dispatcher.Result, 1), Now: noon,
	}, allow); err != nil {
		t.Fatal(err)
	}
	permits, err := s.ledger.ClaimBatch(t.Context(), dispatcher.Claim{IDs: []vocab.MessageID{id}, Now: noon, Lease: time.Minute}, allow)
	if err != nil || len(permits) != 1 {
		t.Fatalf("%d permits, %v", len(permits), err)
	}
	if err := s.ledger.Settle(t.Context(), []dispatcher.Settlement{{
		MessageID: id, Channel: vocab.Email, Attempt: 1, Provider: "relay", Next: dispatcher.Sent, At: noon, OpenedAt: noon, Outcome: "accepted",
	}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.ledger.RecordReport(t.Context(), dispatcher.LateReport{MessageID: id, Next: dispatcher.Delivered, At: noon}); err != nil {
		t.Fatal(err)
	}
	markOf(t, s.db)
}
