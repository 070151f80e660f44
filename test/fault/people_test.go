package fault_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/dispatcher/queue"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// The purposes that tests send for.
const (
	news       vocab.Purpose = "news.company"  // marketing: at most once
	invitation vocab.Purpose = "event.invite"  // marketing: at most once
	answer     vocab.Purpose = "request.reply" // transactional: at least once
)

// person is a contact who wants everything.
type person struct {
	contact vocab.ContactID
	address vocab.AddressID
	email   string
}

type people []person

// sharedEvery is how many contacts there are for one whose mailbox is the neighbour's too, as schools have it.
const sharedEvery = 10

// seed makes contacts with a proved address and grants for marketing, in a few statements: the tests are about what comes after.
func (w *world) seed(t *testing.T, n int) people {
	t.Helper()
	db := w.store(t)
	now := time.Now().UnixMicro()
	all := make(people, n)
	var contacts, addresses, links, consents []string
	for i := range all {
		p := &all[i]
		p.contact = vocab.ContactID(vocab.NewID(vocab.ContactPrefix))
		if i%sharedEvery == 1 {
			p.address, p.email = all[i-1].address, all[i-1].email
		} else {
			p.address = vocab.AddressID(vocab.NewID(vocab.AddressPrefix))
			p.email = fmt.Sprintf("person-%d@fault.example", i)
			addresses = append(addresses, fmt.Sprintf("('%s','email','%s','%s','%s',%d)", p.address, p.email, p.email, db.Hash(vocab.Email, p.email), now))
		}
		contacts = append(contacts, fmt.Sprintf("('%s','Person %d','person %d','en','','{}',false,false,%d,%d)", p.contact, i, i, now, now))
		links = append(links, fmt.Sprintf("('%s','%s',true,%d,%d)", p.contact, p.address, now, now))
		for _, purpose := range []vocab.Purpose{news, invitation} {
			consents = append(consents, fmt.Sprintf("('%s','%s','email','','granted',%d,false,false,'cev_seed')", p.contact, purpose, now))
		}
	}
	for _, x := range []struct {
		into string
		rows []string
	}{
		{"contacts (id, name, name_lookup, language, time_zone, attributes, minor, guardian_consented, created_at, updated_at)", contacts},
		{"addresses (id, channel, value, lookup, hash, created_at)", addresses},
		{"contact_addresses (contact_id, address_id, is_primary, verified_at, created_at)", links},
		{"consents (contact_id, purpose, channel, topic, state, since, objected, cross_border, event_id)", consents},
	} {
		for part := range slices.Chunk(x.rows, 500) {
			if _, err := w.db.ExecContext(t.Context(), "INSERT INTO "+x.into+" VALUES "+strings.Join(part, ",")); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

// store opens the ledger as a process of ours does, for what no door offers.
func (w *world) store(t *testing.T) *store.DB {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(w.Keys[2])
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Options{URL: w.Database, Dir: w.DataDir, HashKey: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// bell returns a function that rings for messages beside everybody else.
func (w *world) bell(t *testing.T) func([]message) {
	t.Helper()
	redis, err := queue.OpenRedis(queue.RedisOptions{URL: w.Redis})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := redis.Close(); err != nil {
			t.Error(err)
		}
	})
	q := queue.New(redis, time.Minute)
	return func(asked []message) {
		t.Helper()
		for part := range slices.Chunk(asked, 100) {
			b := dispatcher.Batch{Channel: vocab.Email, Provider: "relay"}
			for _, m := range part {
				b.IDs = append(b.IDs, m.id)
			}
			for _, b.Lane = range []vocab.Lane{vocab.Normal, vocab.Bulk} { // either lane may carry them
				if err := q.Ring(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
