package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// The costly parts alone. Composing is in package channels/email, whose benchmark sees inside.

func BenchmarkDecide(b *testing.B) {
	now := time.Now()
	facts := consent.Facts{
		Now: now, Class: vocab.Marketing, Purpose: "news.company", Channel: vocab.Email, PurposeRegistered: true, WindowOpen: true,
	}
	facts.Address.Present, facts.Address.Valid, facts.Address.Verified = true, true, true
	facts.Grant = consent.GrantFacts{State: consent.Granted, PartnerNamed: true}
	facts.Message.HasUnsubscribe, facts.Message.LocaleApproved, facts.Message.SenderRegistered = true, true, true
	facts.Message.NotAfter = now.Add(time.Hour)
	if d := consent.Decide(facts); d.Verdict != consent.Allow {
		b.Fatalf("got %s because of %v, want allow", d.Verdict, d.All)
	}
	b.ReportAllocs()
	for b.Loop() {
		consent.Decide(facts)
	}
}

func BenchmarkRender(b *testing.B) {
	c, err := templates.Compile(mail())
	if err != nil {
		b.Fatal(err)
	}
	vars := mailVars(b, 1)
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		content, err := c.Render(vocab.Email, vocab.Russian, vars)
		if err != nil {
			b.Fatal(err)
		}
		size = len(content.HTML) + len(content.Text)
	}
	b.ReportMetric(float64(size), "bytes")
}

// BenchmarkLedger submits, claims and settles in batches, one batch after the other, in a ledger of -people contacts.
func BenchmarkLedger(b *testing.B) {
	onEach(b, func(b *testing.B, e *engine) {
		b.Helper()
		all := e.populate(b, *people)
		for _, size := range []int{100, 500, 1000} {
			b.Run(fmt.Sprintf("submit=%d", size), func(b *testing.B) {
				d := e.doors(b, func(dispatcher.Batch) {})
				spent := e.databaseUsed(b).cpu
				n := 0
				for b.Loop() {
					if _, err := d.submitter.Submit(b.Context(), caller, nil, requestsFor(next(all, n, size), n)); err != nil {
						b.Fatal(err)
					}
					n += size
				}
				e.perMessage(b, n, spent)
			})
		}
		for _, size := range []int{100, 500} {
			b.Run(fmt.Sprintf("claim+settle=%d", size), func(b *testing.B) { e.claimAndSettle(b, all, size) })
		}
	})
}

// next returns size people, beginning with the n-th and at the first again after the last.
func next(all []person, n, size int) []person {
	from := n % (len(all) - size + 1)
	return all[from : from+size]
}

// claimAndSettle reports the two apart.
func (e *engine) claimAndSettle(b *testing.B, all []person, size int) {
	b.Helper()
	var claiming, settling time.Duration
	d := e.doors(b, nil)
	spent := time.Duration(0)
	n := 0
	for b.Loop() {
		b.StopTimer()
		ids := e.submit(b, next(all, n, size))
		n += size
		before := e.databaseUsed(b).cpu
		b.StartTimer()
		began := time.Now()
		permits, err := d.ledger.ClaimBatch(b.Context(), dispatcher.Claim{IDs: ids, Now: began, Lease: time.Minute}, d.gate.At(began))
		if err != nil || len(permits) != size {
			b.Fatalf("%d of %d permits, %v", len(permits), size, err)
		}
		claimed := time.Now()
		if err := d.ledger.Settle(b.Context(), accepted(permits, claimed)); err != nil {
			b.Fatal(err)
		}
		claiming += claimed.Sub(began)
		settling += time.Since(claimed)
		spent += e.databaseUsed(b).cpu - before
	}
	b.ReportMetric(float64(n)/claiming.Seconds(), "claimed/s")
	b.ReportMetric(float64(n)/settling.Seconds(), "settled/s")
	if e.pg != nil {
		b.ReportMetric(spent.Seconds()*1e6/float64(n), "database-µs/msg")
	}
}

// accepted is what the street settles after a hand-over.
func accepted(permits []dispatcher.Permit, at time.Time) []dispatcher.Settlement {
	all := make([]dispatcher.Settlement, len(permits))
	for i, p := range permits {
		m := p.Message
		all[i] = dispatcher.Settlement{
			MessageID: m.ID, AddressID: m.AddressID, Attempt: m.Attempt, Provider: m.Provider, Next: dispatcher.Sent, At: at,
			OpenedAt: m.ClaimedAt, FinalizedAt: at.Add(5 * 24 * time.Hour), Outcome: channels.Accepted, ProviderRef: "0123456789ABCDEF",
			ContentHash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Detail: "2.0.0 ok: queued as 0123456789ABCDEF",
		}
	}
	return all
}

// perMessage reports the rate of a benchmark that worked on n messages, and what the database spent on each since then.
func (e *engine) perMessage(b *testing.B, n int, since time.Duration) {
	b.Helper()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msg/s")
	if e.pg != nil {
		b.ReportMetric((e.databaseUsed(b).cpu-since).Seconds()*1e6/float64(n), "database-µs/msg")
	}
}
