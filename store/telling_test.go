package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

func everything(events.Type) bool { return true }

// told are the suppressions of a page of events.
func told(page events.Page) []vocab.SuppressionID {
	var ids []vocab.SuppressionID
	for _, e := range page.Events {
		ids = append(ids, e.Data.SuppressionID)
	}
	return ids
}

func read(t *testing.T, db *store.DB, after events.Place, n int) events.Page {
	t.Helper()
	page, err := store.NewFeed(db).Read(t.Context(), after, n, everything)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func commit(func() error) error { return nil }

// What is committed first may have begun later: until the earlier transaction has ended nothing behind it is told.
func TestATransactionThatCommitsLateIsNotPassedOver(t *testing.T) {
	db := openPostgres(t)
	start := read(t, db, events.Place{}, 10).Next
	open, finish, late := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		late <- db.Tell(t.Context(), []vocab.SuppressionID{"sup_late"}, noon, func(func() error) error {
			close(open)
			<-finish
			return nil
		})
	}()
	<-open
	if err := db.Tell(t.Context(), []vocab.SuppressionID{"sup_early"}, noon, commit); err != nil {
		t.Fatal(err)
	}
	page := read(t, db, start, 10)
	if len(page.Events) > 0 {
		t.Fatalf("told %v although an earlier transaction still runs", told(page))
	}
	end, err := store.NewFeed(db).End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	close(finish)
	if err := <-late; err != nil {
		t.Fatal(err)
	}
	want := []vocab.SuppressionID{"sup_late", "sup_early"}
	for name, from := range map[string]events.Place{"the page": page.Next, "the end": end} {
		if diff := cmp.Diff(want, told(eventually(t, db, from, 2))); diff != "" {
			t.Errorf("behind %s (-want +got):\n%s", name, diff)
		}
	}
}

// eventually reads behind a place until n events are told: other transactions of the server may hold them up.
func eventually(t *testing.T, db *store.DB, from events.Place, n int) (page events.Page) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() error {
		var err error
		if page, err = store.NewFeed(db).Read(t.Context(), from, 1000, everything); err != nil {
			return err
		}
		if len(page.Events) < n {
			return fmt.Errorf("%d of %d events are told", len(page.Events), n)
		}
		return nil
	})
	return page
}

// Writers that overlap, some of which give up, and a reader that follows them with pages of any size: it sees every event of what was
// committed exactly once, those of one transaction together and in order.
func TestAReaderThatFollowsMissesNothingAndSeesNothingTwice(t *testing.T) {
	const writers, transactions = 8, 40
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			db := e.open(t)
			var mu sync.Mutex
			committed := map[vocab.SuppressionID]bool{}
			ctx, done := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for w := range writers {
				all.Go(func() {
					chance := rand.New(rand.NewPCG(uint64(w), 7))
					for k := range transactions {
						var ids []vocab.SuppressionID
						for i := range 1 + chance.IntN(4) {
							ids = append(ids, vocab.SuppressionID(fmt.Sprintf("sup_%d_%d_%d", w, k, i)))
						}
						gives := chance.IntN(5) == 0
						err := db.Tell(t.Context(), ids, noon, func(statement func() error) error {
							for range chance.IntN(30) { // so that who began first may commit last
								if err := statement(); err != nil {
									return err
								}
							}
							if gives {
								return errGivesUp
							}
							return nil
						})
						if gives != errors.Is(err, errGivesUp) || !gives && err != nil {
							t.Errorf("writer %d: %v", w, err)
						}
						if err == nil {
							mu.Lock()
							for _, id := range ids {
								committed[id] = true
							}
							mu.Unlock()
						}
					}
				})
			}
			go func() {
				all.Wait()
				done()
			}()
			var seen []vocab.SuppressionID
			place := events.Place{}
			chance := rand.New(rand.NewPCG(1, 2))
			step := func() bool {
				page := read(t, db, place, 1+chance.IntN(9))
				seen, place = append(seen, told(page)...), page.Next
				return page.More
			}
			for ctx.Err() == nil {
				step()
			}
			testkit.Eventually(t, 20*time.Second, func() error {
				for step() {
				}
				if len(seen) < len(committed) {
					return fmt.Errorf("%d of %d events are told", len(seen), len(committed))
				}
				return nil
			})
			count := map[vocab.SuppressionID]int{}
			for i, id := range seen {
				count[id]++
				if !committed[id] {
					t.Errorf("%s was taken back and is told", id)
				}
				if base, ok := strings.CutSuffix(string(id), "_1"); ok && (i == 0 || string(seen[i-1]) != base+"_0") {
					t.Errorf("%s does not follow the event before it", id)
				}
			}
			for id := range committed {
				if count[id] != 1 {
					t.Errorf("%s is told %d times", id, count[id])
				}
			}
			if len(committed) < writers*transactions {
				t.Fatalf("only %d events were committed", len(committed))
			}
		})
	}
}

var errGivesUp = errors.New("gives up")

func TestOldEventsAreForgottenAndWhoWasBehindThemIsTold(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			db := e.open(t)
			start := read(t, db, events.Place{}, 10).Next
			for i, at := range []time.Time{noon, noon, noon.Add(time.Hour), noon.Add(time.Minute)} {
				if err := db.Tell(t.Context(), []vocab.SuppressionID{vocab.SuppressionID(fmt.Sprintf("sup_%d", i))}, at, commit); err != nil {
					t.Fatal(err)
				}
			}
			all := eventually(t, db, start, 4)
			ledger := store.NewLedger(db)
			more, err := ledger.ForgetEvents(t.Context(), noon.Add(time.Second), 1)
			if err != nil || !more {
				t.Fatalf("after one of two: %t, %v", more, err)
			}
			for n := 0; more; n++ {
				if more, err = ledger.ForgetEvents(t.Context(), noon.Add(10*time.Minute), 1); err != nil || n > 5 {
					t.Fatalf("call %d: %v", n, err)
				}
			}
			feed := store.NewFeed(db)
			for _, place := range []events.Place{{Tx: start.Tx, Seq: 1}, all.Events[0].Place} {
				if _, err := feed.Read(t.Context(), place, 10, everything); !errors.Is(err, events.ErrForgotten) {
					t.Errorf("reading on from %v: %v", place, err)
				}
			}
			want := []vocab.SuppressionID{"sup_2", "sup_3"} // the last one happened earlier, but was told later
			for _, place := range []events.Place{{}, all.Events[1].Place} {
				if diff := cmp.Diff(want, told(read(t, db, place, 10))); diff != "" {
					t.Errorf("behind %v (-want +got):\n%s", place, diff)
				}
			}
		})
	}
}

// A dump that is restored in another cluster begins with low numbers of transactions.
func TestTheFeedGoesOnInARestoredDatabase(t *testing.T) {
	db := openPostgres(t)
	feed := store.NewFeed(db)
	if err := db.Tell(t.Context(), []vocab.SuppressionID{"sup_old"}, noon, commit); err != nil {
		t.Fatal(err)
	}
	if err := feed.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := one[int64](t, db, `SELECT base FROM feed_state`); n != 0 {
		t.Fatalf("base is %d although nothing was restored", n)
	}
	// As if the cluster that wrote it had been a billion transactions ahead of this one.
	exec(t, db, `UPDATE feed SET tx = tx + 1000000000`)
	old := events.Place{Tx: one[int64](t, db, `SELECT tx FROM feed`), Seq: 1}
	if page := read(t, db, events.Place{}, 10); len(page.Events) > 0 {
		t.Fatalf("told %v before it was resumed", told(page))
	}
	for range 2 {
		if err := feed.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Tell(t.Context(), []vocab.SuppressionID{"sup_new"}, noon, commit); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]vocab.SuppressionID{"sup_old", "sup_new"}, told(eventually(t, db, events.Place{}, 2))); diff != "" {
		t.Errorf("from the beginning (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]vocab.SuppressionID{"sup_new"}, told(eventually(t, db, old, 1))); diff != "" {
		t.Errorf("behind the old event (-want +got):\n%s", diff)
	}
}
