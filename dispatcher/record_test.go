package dispatcher

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/fault"
)

func TestOutcomesAreSettledInCompany(t *testing.T) {
	sizes := func(calls []settleCall) (all []int) {
		for _, call := range calls {
			all = append(all, len(call.list))
		}
		return all
	}
	tests := map[string]struct {
		n     int
		pause time.Duration
		o     WorkerOptions
		want  []int
	}{
		"fast: by size":              {32, time.Microsecond, WorkerOptions{SettleSize: 10}, []int{10, 10, 10, 2}},
		"slow: by time":              {5, 60 * time.Millisecond, WorkerOptions{SettleEvery: 100 * time.Millisecond}, []int{2, 2, 1}},
		"one after a long while":     {2, time.Second, WorkerOptions{}, []int{1, 1}},
		"the last goes with the end": {1, time.Microsecond, WorkerOptions{SettleEvery: time.Hour}, []int{1}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := newYard(t, tc.o)
				y.carrier.each = slowly(tc.pause)
				y.Deliver(t.Context(), y.batch(tc.n))
				if diff := cmp.Diff(tc.want, sizes(y.ledger.settles)); diff != "" {
					t.Errorf("settles by size (-want +got):\n%s", diff)
				}
				y.check(t, map[Status]int{Sent: tc.n})
			})
		})
	}
}

// While the ledger is away, what happened is kept and nothing further is begun.
func TestOutcomesSurviveALedgerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{ClaimSize: 2})
		back := time.Now().Add(time.Minute)
		y.ledger.settle = func(context.Context) error {
			if time.Now().Before(back) {
				if len(y.ledger.claims) > 1 {
					t.Error("another claim while outcomes were not recorded")
				}
				return fault.Away("ledger", errGone)
			}
			return nil
		}
		y.Deliver(t.Context(), y.batch(4))
		y.check(t, map[Status]int{Sent: 4})
		if len(y.carrier.got) != 4 {
			t.Errorf("%d hand-overs of 4 messages: nothing is sent again because it could not be written down", len(y.carrier.got))
		}
		var last time.Time
		for i, call := range y.ledger.settles {
			if gap := call.at.Sub(last); i > 0 && call.err != nil && (gap < 100*time.Millisecond || gap > 2*time.Second) {
				t.Errorf("tried again after %v", gap)
			}
			last = call.at
		}
	})
}

func TestStopInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{ClaimSize: 10})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		y.carrier.each = func(context.Context, channels.Message) channels.Receipt {
			if len(y.carrier.got) == 3 {
				stop()
			}
			return channels.Receipt{Outcome: channels.Accepted}
		}
		b := y.batch(20)
		y.Deliver(ctx, b)
		y.check(t, map[Status]int{Sent: 3, Queued: 7})
		for id, s := range y.ledger.recorded() {
			if s.Next == Queued && (s.Failure || !s.DueAt.Equal(s.At) || s.PossibleDup) {
				t.Errorf("message %s was given back as %+v", id, s)
			}
		}
		if len(y.ledger.waiting) != 10 {
			t.Errorf("%d messages wait, want the 10 that were never claimed", len(y.ledger.waiting))
		}
	})
}

// A stop during a claim must not leave its messages in sending with nobody who knows of them.
func TestAStopDoesNotCutAClaimShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{})
		ctx, stop := context.WithCancel(t.Context())
		y.ledger.claim = func(ctx context.Context) error {
			stop()
			select {
			case <-ctx.Done():
				return fault.Away("ledger", ctx.Err())
			case <-time.After(3 * time.Second):
				return nil
			}
		}
		y.Deliver(ctx, y.batch(2))
		y.check(t, map[Status]int{Queued: 2})

		y.ledger.claim = func(ctx context.Context) error {
			<-ctx.Done()
			return fault.Away("ledger", context.Cause(ctx))
		}
		start := time.Now()
		y.Deliver(t.Context(), y.batch(1))
		if took := time.Since(start); took != 10*time.Second || !strings.Contains(y.log.String(), errClaimSlow.Error()) {
			t.Errorf("a claim that is never answered took %v, log: %s", took, y.log)
		}
	})
}

// After a stop, outcomes are kept trying for the grace and no longer, however many settles they would take.
func TestGraceIsForAllOutcomesOfAClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{SettleSize: 2, StopGrace: 20 * time.Second})
		y.ledger.settle = func(context.Context) error { return fault.Away("ledger", errGone) }
		ctx, stop := context.WithCancel(t.Context())
		y.carrier.each = func(context.Context, channels.Message) channels.Receipt {
			<-time.After(time.Microsecond)
			if len(y.carrier.got) == 6 {
				stop()
			}
			return channels.Receipt{Outcome: channels.Accepted}
		}
		start := time.Now()
		y.Deliver(ctx, y.batch(6))
		if took := time.Since(start); took < 20*time.Second || took > 21*time.Second {
			t.Errorf("it took %v to give up, want the grace of 20 s", took)
		}
		if n := strings.Count(y.log.String(), "outcomes could not be recorded"); n != 2 || !strings.Contains(y.log.String(), errStopped.Error()) {
			t.Errorf("what is lost was logged %d times, want 2 settles, of two outcomes and of the four that came meanwhile: %s", n, y.log)
		}
	})
}

// A ledger that hangs is no reason to hang.
func TestASettleTakesTenSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{})
		var causes []error
		y.ledger.settle = func(ctx context.Context) error {
			if len(causes) > 0 {
				return nil
			}
			<-ctx.Done()
			causes = append(causes, context.Cause(ctx))
			return fault.Away("ledger", ctx.Err())
		}
		start := time.Now()
		y.Deliver(t.Context(), y.batch(1))
		y.check(t, map[Status]int{Sent: 1})
		if took := time.Since(start); took != 10*time.Second+100*time.Millisecond || !errors.Is(causes[0], errSettleSlow) {
			t.Errorf("it took %v, the first try ended with %v", took, causes)
		}
	})
}
