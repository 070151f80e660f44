package dispatcher

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/internal/testkit"
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
	give    func(n int) (int, time.Duration, error)
	asked   []int
	slowed  int
	slowErr error
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
	log     *testkit.Diary
	shelf   *shelf
}

const yardProvider vocab.ProviderID = "relay"

func newYard(t testing.TB, o WorkerOptions) *yard {
	t.Helper()
	y := &yard{
		ledger: &works{class: vocab.Breach, waiting: map[vocab.MessageID]bool{}}, carrier: &carrier{each: accept}, limiter: &tokens{},
		tally: &tally{}, log: &testkit.Diary{}, shelf: newShelf(t),
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

func (l *tokens) Slow(context.Context, vocab.ProviderID) error {
	l.slowed++
	return l.slowErr
}
