package dispatcher

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func TestDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{})
		b := y.batch(3)
		b.IDs = append(b.IDs, newMessageID()) // somebody else has taken this one
		start := time.Now()
		y.Deliver(t.Context(), b)
		y.check(t, map[Status]int{Sent: 3})
		got := y.carrier.got[0]
		if got.ID != b.IDs[0] || got.To != "aigul.secret@example.org" || got.Email.Subject != "Note" || strings.TrimSpace(got.Email.Text) != "hello" {
			t.Errorf("handed over: %+v %+v", got, got.Email)
		}
		if want := start.Add(time.Minute - 5*time.Second); !got.Until.Equal(want) {
			t.Errorf("the permit ends at %v, want the lease less its margin: %v", got.Until, want)
		}
		s := y.ledger.recorded()[b.IDs[0]]
		if len(s.ContentHash) != 64 || s.Attempt != 1 || s.Provider != yardProvider || !s.OpenedAt.Equal(start) {
			t.Errorf("settled: %+v", s)
		}
		if diff := cmp.Diff([]int{4}, y.tally.asked); diff != "" || y.tally.permits != 3 || len(y.tally.settled) != 3 {
			t.Errorf("counted %d permits and %d ends (-want +got):\n%s", y.tally.permits, len(y.tally.settled), diff)
		}
	})
}

func TestClaimThatFailsLeavesTheMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{})
		y.ledger.claim = func(context.Context) error { return fault.Away("ledger", errGone) }
		y.Deliver(t.Context(), y.batch(100))
		if len(y.carrier.got) > 0 || len(y.ledger.settles) > 0 || len(y.ledger.waiting) != 100 {
			t.Errorf("%d handed over, %d settles, %d wait", len(y.carrier.got), len(y.ledger.settles), len(y.ledger.waiting))
		}
		if len(y.limiter.asked) != 1 {
			t.Errorf("asked for tokens %d times: the rest of the batch should wait too", len(y.limiter.asked))
		}
	})
}

func TestUnknownProviderLeavesTheMessages(t *testing.T) {
	y := newYard(t, WorkerOptions{})
	b := y.batch(1)
	b.Provider = "gone"
	y.Deliver(t.Context(), b)
	if len(y.ledger.claims) > 0 || !strings.Contains(y.log.String(), "no such provider") {
		t.Errorf("%d claims, log: %s", len(y.ledger.claims), y.log)
	}
}

func TestMessagesThatCannotBeMade(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(y *yard)
		want   Status
		cause  channels.Cause
	}{
		"the data miss an entry": {func(y *yard) {
			y.ledger.payload = func(vocab.MessageID) Payload { return Payload{Data: []byte(`{}`)} }
		}, Failed, channels.Unrenderable},
		"the data are gone": {func(y *yard) {
			y.ledger.payload = func(vocab.MessageID) Payload { return Payload{} }
		}, Failed, channels.Unrenderable},
		"the seal is of another message": {func(y *yard) {
			sealed, err := y.sealer.Seal("msg_other", []byte(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			y.ledger.payload = func(vocab.MessageID) Payload { return sealed }
		}, Failed, channels.Unrenderable},
		"the template is gone": {func(y *yard) { y.ledger.template = "tpv_gone" }, Failed, channels.Unrenderable},
		"the store of templates is away": {func(y *yard) {
			y.shelf.setAway(true)
		}, Queued, channels.Stopped},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := newYard(t, WorkerOptions{})
				b := y.batch(2)
				tc.change(y)
				y.Deliver(t.Context(), b)
				y.check(t, map[Status]int{tc.want: 2})
				s := y.ledger.recorded()[b.IDs[0]]
				if s.Cause != tc.cause || s.Outcome != channels.NotHandedOver || s.Failure {
					t.Errorf("settled: %+v", s)
				}
				if len(y.carrier.got) > 0 {
					t.Error("it was handed over")
				}
			})
		})
	}
}

// One message that cannot be made does not stop its neighbours.
func TestNeighboursOfABadMessageGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{})
		b := y.batch(3)
		y.ledger.payload = func(id vocab.MessageID) Payload {
			if id == b.IDs[1] {
				return Payload{Data: []byte(`{"data":{"text":null}}`)}
			}
			return Payload{Data: []byte(`{"data":{"text":"hello"}}`)}
		}
		y.Deliver(t.Context(), b)
		y.check(t, map[Status]int{Sent: 2, Failed: 1})
	})
}

func TestWithoutTokensNothingIsClaimed(t *testing.T) {
	t.Run("they come later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t, WorkerOptions{})
			start := time.Now()
			y.limiter.give = func(n int) (int, time.Duration, error) {
				if time.Since(start) < 3*time.Second {
					if len(y.ledger.claims) > 0 {
						t.Error("claimed without a token")
					}
					return 0, time.Second, nil
				}
				return min(n, 2), 0, nil
			}
			y.Deliver(t.Context(), y.batch(5))
			var sizes []int
			for _, ids := range y.ledger.claims {
				sizes = append(sizes, len(ids))
			}
			if diff := cmp.Diff([]int{2, 2, 1}, sizes); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("they do not come", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t, WorkerOptions{})
			y.limiter.give = func(int) (int, time.Duration, error) { return 0, time.Second, nil }
			start := time.Now()
			y.Deliver(t.Context(), y.batch(5))
			if took := time.Since(start); len(y.ledger.claims) > 0 || took != patience {
				t.Errorf("%d claims, gave up after %v", len(y.ledger.claims), took)
			}
		})
	})
	t.Run("nobody knows", func(t *testing.T) {
		y := newYard(t, WorkerOptions{})
		y.limiter.give = func(int) (int, time.Duration, error) { return 5, 0, fault.Away("queue", errGone) }
		y.Deliver(t.Context(), y.batch(5))
		if len(y.ledger.claims) > 0 || !strings.Contains(y.log.String(), "no rate") {
			t.Errorf("%d claims, log: %s", len(y.ledger.claims), y.log)
		}
	})
	t.Run("the process stops meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t, WorkerOptions{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			y.limiter.give = func(int) (int, time.Duration, error) { return 0, time.Minute, nil }
			start := time.Now()
			y.Deliver(ctx, y.batch(5))
			if took := time.Since(start); took != time.Second || len(y.ledger.claims) > 0 {
				t.Errorf("it took %v and %d claims", took, len(y.ledger.claims))
			}
		})
	})
}

// What is claimed can no longer be withdrawn, so a claim is about a second's work.
func TestClaimsFollowThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{})
		y.carrier.each = slowly(100 * time.Millisecond) // ten a second
		y.Deliver(t.Context(), y.batch(100))
		sizes := make([]int, 0, len(y.ledger.claims))
		for _, ids := range y.ledger.claims {
			sizes = append(sizes, len(ids))
		}
		if sizes[0] != firstClaim {
			t.Errorf("the first claim is %d, want %d: nobody knows the pace yet", sizes[0], firstClaim)
		}
		for _, n := range sizes[1 : len(sizes)-1] {
			if n < 9 || n > 10 {
				t.Errorf("at ten a second a claim has %d messages: %v", n, sizes)
			}
		}
		y.carrier.each = slowly(2 * time.Second)
		y.Deliver(t.Context(), y.batch(20))
		if n := len(y.ledger.claims[len(y.ledger.claims)-1]); n != 1 {
			t.Errorf("at one in two seconds a claim has %d messages", n)
		}
		y.carrier.each = slowly(time.Millisecond)
		before := len(y.ledger.claims)
		y.Deliver(t.Context(), y.batch(2000))
		for i, ids := range y.ledger.claims[before:] {
			if len(ids) > 100 {
				t.Errorf("claim %d has %d messages, above the claim size", i, len(ids))
			}
			if i > 0 && i < 5 && len(ids) < len(y.ledger.claims[before+i-1]) {
				t.Errorf("the faster it goes, the smaller the claim: %d after %d", len(ids), len(y.ledger.claims[before+i-1]))
			}
		}
		if n := len(y.ledger.claims[before+6]); n != 100 {
			t.Errorf("after six fast claims the next has %d messages", n)
		}
	})
}

// claimSizes are the sizes of the claims since the given one.
func (y *yard) claimSizes(since int) (sizes []int) {
	for _, ids := range y.ledger.claims[since:] {
		sizes = append(sizes, len(ids))
	}
	return sizes
}

// Every claim for a provider that is away costs its messages a failure, so it is left alone, and then one message finds out.
func TestAProviderThatIsAwayIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{})
		there := false
		y.carrier.each = func(context.Context, channels.Message) channels.Receipt {
			if there {
				return channels.Receipt{Outcome: channels.Accepted}
			}
			return channels.Receipt{Outcome: channels.NotHandedOver, Err: &channels.Error{Cause: channels.Unreachable}}
		}
		b := y.batch(100)
		y.Deliver(t.Context(), b)
		y.Deliver(t.Context(), b)
		if diff := cmp.Diff([]int{firstClaim}, y.claimSizes(0)); diff != "" {
			t.Errorf("claims of two deliveries (-want +got):\n%s", diff)
		}
		y.check(t, map[Status]int{Deferred: firstClaim})
		<-time.After(firstRest)
		y.Deliver(t.Context(), Batch{b.Channel, b.Lane, b.Provider, b.IDs[firstClaim:]})
		there = true
		<-time.After(2 * firstRest)
		y.Deliver(t.Context(), Batch{b.Channel, b.Lane, b.Provider, b.IDs[firstClaim+1:]})
		if got := y.claimSizes(1); got[0] != 1 || got[1] != 1 || len(got) < 4 {
			t.Errorf("claims after the rests: %v, want 1 while it is away, 1 that finds it back, and then the rest", got)
		}
		y.check(t, map[Status]int{Deferred: firstClaim + 1, Sent: 100 - firstClaim - 1})
	})
}

// One that answers some of its messages is not away.
func TestOneUnreachableMessageStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{ClaimSize: 10})
		y.carrier.each = func(context.Context, channels.Message) channels.Receipt {
			if len(y.carrier.got) == 1 {
				return channels.Receipt{Outcome: channels.NotHandedOver, Err: &channels.Error{Cause: channels.Unreachable}}
			}
			return channels.Receipt{Outcome: channels.Accepted}
		}
		y.Deliver(t.Context(), y.batch(20))
		y.check(t, map[Status]int{Deferred: 1, Sent: 19})
	})
}

func TestAProviderThatFindsUsTooFastIsSentToMoreSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{})
		y.limiter.slowErr = fault.Away("queue", errGone)
		y.carrier.each = func(context.Context, channels.Message) channels.Receipt {
			return channels.Receipt{Outcome: channels.Refused, Err: &channels.Error{Cause: channels.RateLimited, Code: 450}}
		}
		y.Deliver(t.Context(), y.batch(firstClaim+24))
		if diff := cmp.Diff([]int{firstClaim, 16, 8}, y.claimSizes(0)); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		if y.limiter.slowed != 3 || !strings.Contains(y.log.String(), "the shared rate stays") {
			t.Errorf("the shared rate was slowed %d times, log: %s", y.limiter.slowed, y.log)
		}
	})
}

// A channel's receipts for messages that are not ours change nothing.
func TestInventedReceipts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{})
		b := y.batch(1)
		y.carriers[Route{yardProvider, vocab.Urgent}] = inventive{}
		y.Deliver(t.Context(), b)
		y.check(t, map[Status]int{})
	})
}

type inventive struct{}

func (inventive) Send(_ context.Context, batch []channels.Message, report func(channels.Receipt)) {
	report(channels.Receipt{MessageID: newMessageID(), Attempt: 1, Outcome: channels.Accepted})
	report(channels.Receipt{MessageID: batch[0].ID, Attempt: batch[0].Attempt + 1, Outcome: channels.Accepted})
}

func (inventive) Close() error { return nil }

// Whatever goes wrong, the log names messages and never people.
func TestLogsHoldNoPersonalData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, WorkerOptions{StopGrace: time.Second})
		y.ledger.class = vocab.Security
		y.ledger.payload = func(id vocab.MessageID) Payload {
			p, err := y.sealer.Seal(id, []byte(`{"name":"Айгүл Құпиякызы","data":{"text":"482913"}}`))
			if err != nil {
				t.Error(err)
			}
			return p
		}
		ctx, stop := context.WithCancel(t.Context())
		y.carrier.each = func(_ context.Context, m channels.Message) channels.Receipt {
			if !strings.Contains(m.Email.Text, "482913") {
				t.Errorf("the planted code is not in the message: %s", m.Email.Text)
			}
			return channels.Receipt{Outcome: channels.Refused, Err: &channels.Error{
				Cause: channels.NoSuchMailbox, Code: 550, Enhanced: "5.1.1", Detail: "no mailbox aigul.secret@example.org for code 482913",
			}}
		}
		away := fault.Away("ledger", fmt.Errorf("settle: %w", errGone))
		y.ledger.settle = func(context.Context) error { stop(); return away }
		y.Deliver(ctx, y.batch(3))
		y.limiter.give = func(int) (int, time.Duration, error) { return 0, 0, away }
		y.Deliver(t.Context(), y.batch(1))
		y.limiter.give, y.ledger.claim = nil, func(context.Context) error { return away }
		y.Deliver(t.Context(), y.batch(1))

		log := y.log.String()
		for _, want := range []string{"not recorded yet", "could not be recorded", "no rate", "claim failed"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log says nothing of %q: %s", want, log)
			}
		}
		for _, secret := range []string{"aigul.secret", "482913", "Құпия", "example.org"} {
			if strings.Contains(log, secret) {
				t.Errorf("the log holds %q: %s", secret, log)
			}
		}
	})
}
