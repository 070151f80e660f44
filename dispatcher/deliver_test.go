package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// works is a ledger that hands out permits for what waits and keeps what is settled.
type works struct {
	mu       sync.Mutex
	payload  func(vocab.MessageID) Payload
	class    vocab.Class
	template vocab.TemplateVersionID
	waiting  map[vocab.MessageID]bool
	claims   [][]vocab.MessageID
	settles  []settleCall
	claim    func(ctx context.Context) error // nil: every claim works
	settle   func(ctx context.Context) error // nil: every settle works
}

type settleCall struct {
	at   time.Time
	list []Settlement
	err  error
}

func (l *works) ClaimBatch(ctx context.Context, claim Claim, decide Decider) ([]Permit, error) {
	if l.claim != nil {
		if err := l.claim(ctx); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claims = append(l.claims, claim.IDs)
	var permits []Permit
	for _, id := range claim.IDs {
		if !l.waiting[id] {
			continue
		}
		m := mail(l.class)
		m.ID, m.Template, m.TriggerAt, m.NotAfter = id, l.template, claim.Now, claim.Now.Add(time.Hour)
		if decide([]Candidate{{Message: m, Facts: sound()}})[0].Verdict != consent.Allow {
			continue
		}
		delete(l.waiting, id)
		m.Status, m.Attempt, m.ClaimedAt, m.FirstAttemptAt = Sending, 1, claim.Now, claim.Now
		permits = append(permits, Permit{Message: m, To: "aigul.secret@example.org", ContactName: "Айгүл Құпиякызы", Payload: l.payload(id)})
	}
	return permits, nil
}

func (l *works) Settle(ctx context.Context, settlements []Settlement) error {
	var err error
	if l.settle != nil {
		err = l.settle(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settles = append(l.settles, settleCall{time.Now(), settlements, err})
	return err
}

// recorded is what was settled for good, by message.
func (l *works) recorded() map[vocab.MessageID]Settlement {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[vocab.MessageID]Settlement{}
	for _, call := range l.settles {
		if call.err == nil {
			for _, s := range call.list {
				all[s.MessageID] = s
			}
		}
	}
	return all
}

// carrier is a channel that does with each message of a batch what a test says, one after the other.
type carrier struct {
	each func(ctx context.Context, m channels.Message) channels.Receipt
	got  []channels.Message
}

func (c *carrier) Send(ctx context.Context, batch []channels.Message, report func(channels.Receipt)) {
	for _, m := range batch {
		r := channels.Receipt{Outcome: channels.NotHandedOver, Err: &channels.Error{Cause: channels.Stopped}}
		if ctx.Err() == nil {
			c.got = append(c.got, m)
			r = c.each(ctx, m)
		}
		r.MessageID, r.Attempt, r.At = m.ID, m.Attempt, time.Now()
		report(r)
	}
}

func (c *carrier) Close() error { return nil }

func accept(context.Context, channels.Message) channels.Receipt {
	return channels.Receipt{Outcome: channels.Accepted}
}

// slowly takes its time over each message before it is accepted.
func slowly(d time.Duration) func(context.Context, channels.Message) channels.Receipt {
	return func(context.Context, channels.Message) channels.Receipt {
		<-time.After(d)
		return channels.Receipt{Outcome: channels.Accepted}
	}
}

// tokens is a limiter. A nil give grants everything.
type tokens struct {
	give  func(n int) (int, time.Duration, error)
	asked []int
}

func (l *tokens) Take(_ context.Context, _ vocab.ProviderID, n int) (int, time.Duration, error) {
	l.asked = append(l.asked, n)
	if l.give == nil {
		return n, 0, nil
	}
	return l.give(n)
}

// yard is a Worker with what stands around it.
type yard struct {
	*Worker

	ledger  *works
	carrier *carrier
	limiter *tokens
	tally   *tally
	log     *diary
	shelf   *shelf
}

const yardProvider vocab.ProviderID = "relay"

func newYard(t testing.TB, o WorkerOptions) *yard {
	t.Helper()
	y := &yard{
		ledger: &works{class: vocab.Breach, waiting: map[vocab.MessageID]bool{}}, carrier: &carrier{each: accept}, limiter: &tokens{},
		tally: &tally{}, log: &diary{}, shelf: newShelf(t),
	}
	y.ledger.template = y.shelf.id(t, "note")
	y.ledger.payload = func(vocab.MessageID) Payload { return Payload{Data: []byte(`{"data":{"text":"hello"}}`)} }
	y.Worker = NewWorker(Street{
		Ledger: y.ledger, Gate: newGate(t), Renderer: newRenderer(y.shelf), Sealer: newSealer(t), Letters: newLetters(t),
		Carriers: map[Route]channels.Channel{{yardProvider, vocab.Urgent}: y.carrier}, Limiter: y.limiter, Schedule: defaultSchedule(),
		Observer: y.tally, Now: time.Now, Log: logTo(y.log),
	}, o)
	return y
}

// batch makes n messages that wait.
func (y *yard) batch(n int) Batch {
	b := Batch{Channel: vocab.Email, Lane: vocab.Urgent, Provider: yardProvider}
	for range n {
		id := newMessageID()
		y.ledger.waiting[id] = true
		b.IDs = append(b.IDs, id)
	}
	return b
}

// statuses counts what messages came to.
func (y *yard) statuses() map[Status]int {
	count := map[Status]int{}
	for _, s := range y.ledger.recorded() {
		count[s.Next]++
	}
	return count
}

func (y *yard) check(t *testing.T, want map[Status]int) {
	t.Helper()
	if diff := cmp.Diff(want, y.statuses()); diff != "" {
		t.Errorf("messages by status (-want +got):\n%s\nlog: %s", diff, y.log)
	}
}

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
		if n := strings.Count(y.log.String(), "outcomes could not be recorded"); n != 3 || !strings.Contains(y.log.String(), errStopped.Error()) {
			t.Errorf("what is lost was logged %d times, want 3 settles: %s", n, y.log)
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
