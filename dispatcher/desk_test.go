package dispatcher

import (
	"context"
	"testing"

	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// intakes is a ledger that takes messages in: it decides each and remembers.
type intakes struct {
	known    func(RecipientQuery) Known
	replay   []Result
	replayed bool
	err      error
	got      []Intake
	tried    int
	inside   bool // the key is found in Submit itself: a twin was faster
}

func (l *intakes) Replay(context.Context, IdempotencyKey) ([]Result, bool, error) {
	return l.replay, l.replayed, nil
}

func (l *intakes) Recipients(_ context.Context, queries []RecipientQuery) ([]Known, error) {
	if l.err != nil {
		return nil, l.err
	}
	known := make([]Known, len(queries))
	for i, q := range queries {
		known[i] = Known{ContactID: newContactID(), AddressID: "adr_1", Lookup: q.Recipient.Lookup, Name: "Айгүл", Language: vocab.English, Sharers: 1}
		if l.known != nil {
			known[i] = l.known(q)
		}
	}
	return known, nil
}

func (l *intakes) Submit(_ context.Context, in Intake, decide Decider) (Submitted, error) {
	if l.err != nil {
		return Submitted{}, l.err
	}
	l.got = append(l.got, in)
	if l.inside {
		return Submitted{Results: l.replay, Replayed: true}, nil
	}
	return l.answer(in, decide), nil
}

func (l *intakes) Try(_ context.Context, in Intake, decide Decider) (Submitted, error) {
	l.tried++
	return l.answer(in, decide), l.err
}

func (l *intakes) answer(in Intake, decide Decider) Submitted {
	cs := make([]Candidate, len(in.Drafts))
	for i, d := range in.Drafts {
		cs[i] = Candidate{Message: d.Message, Facts: sound()}
	}
	out := Submitted{Results: in.Answer}
	batch := Batch{Channel: vocab.Email, Lane: vocab.Normal, Provider: "relay"}
	for i, d := range decide(cs) {
		m := in.Drafts[i].Message
		out.Results[in.Slots[i]] = Result{ID: m.ID, Status: Queued, Verdict: d.Verdict, Reason: d.Reason, Reference: m.Reference}
		batch.IDs = append(batch.IDs, m.ID)
	}
	out.Ring = []Batch{batch}
	return out
}

// desk is a Submitter with what stands around it.
type desk struct {
	*Submitter

	ledger *intakes
	bell   *ringer
	tally  *tally
	log    *testkit.Diary
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{Submitter: newSubmitter(t), ledger: &intakes{}, bell: &ringer{}, tally: &tally{}, log: &testkit.Diary{}}
	d.Submitter.ledger, d.Submitter.bell, d.observer, d.Submitter.log = d.ledger, d.bell, d.tally, logTo(d.log)
	return d
}

// lateLedger goes away after the recipients were found.
type lateLedger struct{ *intakes }

func (l lateLedger) Recipients(ctx context.Context, queries []RecipientQuery) ([]Known, error) {
	there := &intakes{}
	return there.Recipients(ctx, queries)
}

// stuckBell never answers by itself.
type stuckBell struct{ cause error }

func (b *stuckBell) Ring(ctx context.Context, _ Batch) error {
	<-ctx.Done()
	b.cause = context.Cause(ctx)
	return ctx.Err()
}
