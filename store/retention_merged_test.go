package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// What is blocked by law is the person's, whatever name their messages stand under.
func TestRetentionKeepsWhatWasSentToWhoBecameABlockedContact(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			db := e.open(t)
			now := time.Now().UTC()
			people := store.NewContacts(db)
			var ids [2]vocab.ContactID
			for i := range ids {
				made, err := people.Create(t.Context(), contacts.Contact{CreatedAt: now}, nil)
				if err != nil {
					t.Fatal(err)
				}
				ids[i] = made.ID
			}
			old := now.AddDate(0, -8, 0)
			exec(t, db, `INSERT INTO addresses (id, channel, value, lookup, hash, created_at) VALUES ('adr_1', 'sms', '+77010000000', '+77010000000', 'h', 1)`)
			withHistory(t, db, idOf(old, 1), string(ids[1]), "adr_1", old)
			registry, err := consent.NewRegistry()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.NewConsents(db, registry).Merge(t.Context(), ids[0], ids[1], consent.Event{ActorKind: consent.ActorMember, ActorID: "mem_x"}, now); err != nil {
				t.Fatal(err)
			}
			if _, err := people.Update(t.Context(), ids[0], now, func(c contacts.Contact) (contacts.Contact, error) {
				c.DataBlockedAt = &now
				return c, nil
			}); err != nil {
				t.Fatal(err)
			}
			got := forgetAll(t, db, dispatcher.RetainMessages, vocab.Legal, now.AddDate(0, -6, 0))
			if diff := cmp.Diff(dispatcher.ForgetCounts{Stayed: 1}, got); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

func forgetLegal(before time.Time) dispatcher.ForgetStep {
	return dispatcher.ForgetStep{Kind: dispatcher.RetainMessages, Class: vocab.Legal, Before: before, Size: 10}
}
