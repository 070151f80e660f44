package dispatcher

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// dues is a ledger of what is due: batches by lane and class, taken one by one.
type dues struct {
	mu      sync.Mutex
	due     map[LaneQuery][][]Batch
	takes   []LaneQuery
	marks   []DueMark // behind which each look began
	leader  string
	leads   []time.Duration // for how long each asked to lead
	leadErr error
	fail    map[LaneQuery]error
	lost    [][]Lost
	reapErr error
	before  []time.Duration // how long ago each reap wanted leases to have ended
	forget  []time.Duration
	keysErr error
}

func (l *dues) LeadFeeding(_ context.Context, holder string, now, until time.Time) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leads = append(l.leads, until.Sub(now))
	if l.leadErr != nil {
		return false, l.leadErr
	}
	if l.leader == "" {
		l.leader = holder
	}
	return l.leader == holder, nil
}

func (l *dues) Due(_ context.Context, q LaneQuery, after DueMark, now time.Time, _ int) ([]Batch, DueMark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takes = append(l.takes, q)
	l.marks = append(l.marks, after)
	if err := l.fail[q]; err != nil {
		return nil, after, err
	}
	if len(l.due[q]) == 0 {
		return nil, after, nil
	}
	first := l.due[q][0]
	l.due[q] = l.due[q][1:]
	return first, DueMark{At: now, ID: first[len(first)-1].IDs[0]}, nil
}

func (l *dues) Reap(_ context.Context, before, now time.Time, n int, once func(vocab.Class) bool) ([]Lost, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before = append(l.before, now.Sub(before))
	if l.reapErr != nil || len(l.lost) == 0 {
		return nil, l.reapErr
	}
	if !once(vocab.Marketing) || once(vocab.Legal) || n != reapSize {
		return nil, fmt.Errorf("marketing at most once: %t, legal: %t, %d at a time", once(vocab.Marketing), once(vocab.Legal), n)
	}
	first := l.lost[0]
	l.lost = l.lost[1:]
	return first, nil
}

func (l *dues) ForgetKeys(_ context.Context, before time.Time, _ int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget = append(l.forget, noon.Sub(before))
	return 0, l.keysErr
}

// belfry is a bell with queues.
type belfry struct {
	ringer

	pending map[LaneQuery]int
	failing map[LaneQuery]error
}

func (b *belfry) Pending(_ context.Context, channel vocab.Channel, lane vocab.Lane) (int, error) {
	q := LaneQuery{Channel: channel, Lane: lane}
	return b.pending[q], b.failing[q]
}

type feederParts struct {
	*Feeder

	ledger *dues
	bell   *belfry
	tally  *tally
	log    *testkit.Diary
}

func newFeeder(o FeederOptions) *feederParts {
	f := &feederParts{
		ledger: &dues{due: map[LaneQuery][][]Batch{}, fail: map[LaneQuery]error{}}, tally: &tally{}, log: &testkit.Diary{},
		bell: &belfry{pending: map[LaneQuery]int{}, failing: map[LaneQuery]error{}},
	}
	f.Feeder = NewFeeder(f.ledger, f.bell, o, f.tally, func() time.Time { return noon }, logTo(f.log))
	return f
}

// some returns one take of n batches of a lane.
func some(q LaneQuery, n int) []Batch {
	batches := make([]Batch, n)
	for i := range batches {
		batches[i] = Batch{Channel: q.Channel, Lane: q.Lane, Provider: vocab.ProviderID(string(q.Class) + fmt.Sprint(i)), IDs: []vocab.MessageID{newMessageID()}}
	}
	return batches
}

var (
	urgentMail     = LaneQuery{Channel: vocab.Email, Lane: vocab.Urgent}
	urgentText     = LaneQuery{Channel: vocab.SMS, Lane: vocab.Urgent}
	normalMail     = LaneQuery{Channel: vocab.Email, Lane: vocab.Normal}
	normalText     = LaneQuery{Channel: vocab.SMS, Lane: vocab.Normal}
	bulkLegalMail  = LaneQuery{vocab.Email, vocab.Bulk, vocab.Legal}
	bulkMarketMail = LaneQuery{vocab.Email, vocab.Bulk, vocab.Marketing}
	bulkLegalText  = LaneQuery{vocab.SMS, vocab.Bulk, vocab.Legal}
	bulkMarketText = LaneQuery{vocab.SMS, vocab.Bulk, vocab.Marketing}
	everyLane      = []LaneQuery{
		urgentMail, urgentText, normalMail, normalText, bulkLegalMail, bulkMarketMail, bulkLegalText, bulkMarketText,
	}
)

func TestLanesAreFedInOrder(t *testing.T) {
	f := newFeeder(FeederOptions{})
	f.Feed(t.Context())
	if diff := cmp.Diff(everyLane, f.ledger.takes); diff != "" {
		t.Errorf("lanes looked at (-want +got):\n%s", diff)
	}
}

// What was rung for is passed over until its time is over; then everything that still waits is rung for again.
func TestALookGoesOnWhereTheLastOneEnded(t *testing.T) {
	f := newFeeder(FeederOptions{Depth: func(vocab.Channel, vocab.Lane) int { return 1 }})
	now := noon
	f.now = func() time.Time { return now }
	var marks []DueMark
	var last DueMark
	for i := range 4 {
		f.ledger.due[urgentMail] = [][]Batch{some(urgentMail, 1)}
		id := f.ledger.due[urgentMail][0][0].IDs[0]
		f.ledger.marks = nil
		f.Feed(t.Context())
		marks = append(marks, f.ledger.marks[0])
		if want := last; i < 3 && marks[i] != want {
			t.Errorf("look %d began behind %v, want %v", i, marks[i], want)
		}
		last = DueMark{At: now, ID: id}
		now = now.Add(5 * time.Second)
	}
	if marks[3] != (DueMark{}) {
		t.Errorf("after 15 s a look began behind %v, want it to begin anew", marks[3])
	}
}

func TestARingThatFailedIsLookedForAgain(t *testing.T) {
	f := newFeeder(FeederOptions{})
	f.ledger.due[urgentMail] = [][]Batch{some(urgentMail, 1)}
	f.bell.err = fault.Away("queue", errGone)
	f.Feed(t.Context())
	f.bell.err = nil
	f.ledger.marks = nil
	f.Feed(t.Context())
	if f.ledger.marks[0] != (DueMark{}) {
		t.Errorf("the next look began behind %v", f.ledger.marks[0])
	}
}

func TestOneFeederFeeds(t *testing.T) {
	first, second := newFeeder(FeederOptions{}), newFeeder(FeederOptions{})
	second.Feeder = NewFeeder(first.ledger, second.bell, FeederOptions{}, second.tally, first.now, logTo(second.log))
	for range 2 {
		first.ledger.due[urgentMail] = [][]Batch{some(urgentMail, 1)}
		first.Feed(t.Context())
		first.ledger.due[urgentMail] = [][]Batch{some(urgentMail, 1)}
		second.Feed(t.Context())
	}
	if len(first.bell.rings) != 2 || len(second.bell.rings) != 0 {
		t.Errorf("the first rang %d times, the second %d times", len(first.bell.rings), len(second.bell.rings))
	}
	first.ledger.leader = "" // its time is over
	second.Feed(t.Context())
	if len(second.bell.rings) != 1 {
		t.Errorf("the second rang %d times when the first was gone", len(second.bell.rings))
	}
	if first.ledger.leads[0] != 3*time.Second {
		t.Errorf("it leads for %v", first.ledger.leads[0])
	}
}

func TestNobodyFeedsWhileTheLedgerIsAway(t *testing.T) {
	f := newFeeder(FeederOptions{})
	f.ledger.leadErr = fault.Away("ledger", errGone)
	f.Feed(t.Context())
	if len(f.ledger.takes) != 0 || strings.Count(f.log.String(), "feed failed") != 1 {
		t.Errorf("%d looks, log: %s", len(f.ledger.takes), f.log)
	}
}

// Every class has a lane that somebody feeds.
func TestNoClassIsLeftOut(t *testing.T) {
	fed := map[vocab.Lane]map[vocab.Class]bool{}
	for _, lane := range vocab.Lanes() {
		fed[lane] = map[vocab.Class]bool{}
		for _, class := range classesOf(lane) {
			fed[lane][class] = true
		}
	}
	for _, class := range vocab.Classes() {
		for _, recipients := range []int{1, 1000} {
			if lane := laneOf(class, recipients); !fed[lane][""] && !fed[lane][class] {
				t.Errorf("%s to %d recipients travels in %s, which feeds %v", class, recipients, lane, fed[lane])
			}
		}
	}
}

func TestLegalGoesBeforeMarketingInBulk(t *testing.T) {
	f := newFeeder(FeederOptions{Depth: func(vocab.Channel, vocab.Lane) int { return 3 }})
	f.ledger.due[bulkLegalMail] = [][]Batch{some(bulkLegalMail, 1), some(bulkLegalMail, 1)}
	f.ledger.due[bulkMarketMail] = [][]Batch{some(bulkMarketMail, 1), some(bulkMarketMail, 1)}
	f.Feed(t.Context())
	var rung []vocab.ProviderID
	for _, b := range f.bell.rings {
		rung = append(rung, b.Provider)
	}
	if diff := cmp.Diff([]vocab.ProviderID{"legal0", "legal0", "marketing0"}, rung); diff != "" {
		t.Errorf("rings (-want +got):\n%s", diff)
	}
	if left := len(f.ledger.due[bulkMarketMail]); left != 1 {
		t.Errorf("%d takes are left, want 1: there was room for three", left)
	}
}

func TestRoomOfALane(t *testing.T) {
	for pending, want := range map[int]int{0: 4, 3: 1, 4: 0, 9: 0} {
		f := newFeeder(FeederOptions{})
		f.bell.pending[urgentMail] = pending
		for range 10 {
			f.ledger.due[urgentMail] = append(f.ledger.due[urgentMail], some(urgentMail, 1))
		}
		f.Feed(t.Context())
		if got := len(f.bell.rings); got != want {
			t.Errorf("%d rings nobody has picked up: rang %d times more, want %d", pending, got, want)
		}
	}
	// One take may come to several batches, one for each provider; what is taken is rung for.
	f := newFeeder(FeederOptions{})
	f.bell.pending[urgentMail] = 3
	f.ledger.due[urgentMail] = [][]Batch{some(urgentMail, 3), some(urgentMail, 1)}
	f.Feed(t.Context())
	if got := len(f.bell.rings); got != 3 {
		t.Errorf("rang for %d batches of a take of 3", got)
	}
}

// A lane whose workers are fast must not stand still until the next look.
func TestALaneThatRunsDryGetsMore(t *testing.T) {
	f := newFeeder(FeederOptions{Depth: func(vocab.Channel, vocab.Lane) int { return 2 }})
	for range 1000 {
		f.ledger.due[bulkMarketMail] = append(f.ledger.due[bulkMarketMail], some(bulkMarketMail, 1))
	}
	var rung []int
	lane := LaneQuery{Channel: vocab.Email, Lane: vocab.Bulk}
	for _, pending := range []int{0, 0, 0, 1, 5, 3, 0, 0, 0, 0, 0, 0, 0} {
		before := len(f.bell.rings)
		f.bell.pending[lane] = pending
		f.Feed(t.Context())
		rung = append(rung, len(f.bell.rings)-before)
	}
	if diff := cmp.Diff([]int{2, 4, 8, 7, 0, 0, 4, 8, 16, 32, 64, 64, 64}, rung); diff != "" {
		t.Errorf("rings of each look (-want +got):\n%s", diff)
	}
	f.ledger.due[bulkMarketMail] = [][]Batch{some(bulkMarketMail, 1)}
	f.Feed(t.Context()) // nothing more is due: it begins anew
	f.ledger.due[bulkMarketMail] = nil
	for range 10 {
		f.ledger.due[bulkMarketMail] = append(f.ledger.due[bulkMarketMail], some(bulkMarketMail, 1))
	}
	before := len(f.bell.rings)
	f.Feed(t.Context())
	if n := len(f.bell.rings) - before; n != 2 {
		t.Errorf("after a lull: rang %d times, want 2", n)
	}
}

func TestOneLaneInTroubleStopsNoOther(t *testing.T) {
	away := fault.Away("queue", errGone)
	tests := map[string]func(f *feederParts){
		"the queue says nothing of it": func(f *feederParts) { f.bell.failing[urgentText] = away },
		"its messages cannot be taken": func(f *feederParts) { f.ledger.fail[urgentText] = away },
	}
	for name, trouble := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFeeder(FeederOptions{})
			for _, q := range everyLane {
				f.ledger.due[q] = [][]Batch{some(q, 1)}
			}
			trouble(f)
			f.Feed(t.Context())
			if got := len(f.bell.rings); got != len(everyLane)-1 {
				t.Errorf("rang for %d lanes of %d", got, len(everyLane)-1)
			}
			if n := strings.Count(f.log.String(), "feed failed"); n != 1 {
				t.Errorf("logged %d times: %s", n, f.log)
			}
		})
	}
}

// A queue that takes nothing must not be asked again and again: what was taken waits for its window.
func TestAFailingRingEndsTheLane(t *testing.T) {
	f := newFeeder(FeederOptions{})
	f.ledger.due[urgentMail] = [][]Batch{some(urgentMail, 1), some(urgentMail, 1)}
	f.bell.err = fault.Away("queue", errGone)
	f.Feed(t.Context())
	if left := len(f.ledger.due[urgentMail]); left != 1 {
		t.Errorf("%d takes are left, want 1", left)
	}
}

func TestReapCounts(t *testing.T) {
	full := make([]Lost, reapSize)
	for i := range full {
		full[i] = Lost{MessageID: newMessageID(), Attempt: 1, Class: vocab.Marketing}
	}
	f := newFeeder(FeederOptions{})
	f.ledger.lost = [][]Lost{full, {{Class: vocab.Marketing}, {Class: vocab.Legal}, {Class: vocab.Legal}}}
	f.Reap(t.Context())
	if diff := cmp.Diff(map[vocab.Class]int{vocab.Marketing: reapSize + 1, vocab.Legal: 2}, f.tally.lost); diff != "" {
		t.Errorf("lost leases (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{time.Minute, time.Minute}, f.ledger.before); diff != "" {
		t.Errorf("how long after a lease its attempt is given up (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{7 * 24 * time.Hour}, f.ledger.forget); diff != "" {
		t.Errorf("age of the keys to forget (-want +got):\n%s", diff)
	}
}

func TestReapThatFailsIsTriedAtTheNextTick(t *testing.T) {
	f := newFeeder(FeederOptions{})
	f.ledger.reapErr = fault.Away("ledger", errGone)
	f.Reap(t.Context())
	if len(f.ledger.before) != 1 || len(f.tally.lost) > 0 || !strings.Contains(f.log.String(), "reap failed") {
		t.Errorf("%d tries, lost %v, log: %s", len(f.ledger.before), f.tally.lost, f.log)
	}
	f = newFeeder(FeederOptions{})
	f.ledger.keysErr = fault.Away("ledger", errGone)
	f.Reap(t.Context())
	if !strings.Contains(f.log.String(), "old idempotency keys stay") {
		t.Errorf("log: %s", f.log)
	}
}

func TestNobodyIsLostForALedgerThatWasAway(t *testing.T) {
	f := newFeeder(FeederOptions{})
	now := noon
	f.now = func() time.Time { return now }
	f.ledger.reapErr = fault.Away("ledger", errGone)
	f.Reap(t.Context())
	f.ledger.reapErr = nil
	f.Reap(t.Context()) // it is back: workers record first what they have kept
	now = now.Add(settleFirst - time.Millisecond)
	f.Reap(t.Context())
	now = now.Add(time.Millisecond)
	f.Reap(t.Context())
	never := now.Sub(time.Time{})
	if diff := cmp.Diff([]time.Duration{time.Minute, never, never, time.Minute}, f.ledger.before); diff != "" {
		t.Errorf("how long after a lease its attempt is given up (-want +got):\n%s", diff)
	}
}

func TestRunFeedsAndReapsUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeeder(FeederOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 10*time.Second+time.Millisecond {
			t.Errorf("it stopped after %v", took)
		}
		if last := f.ledger.leads[len(f.ledger.leads)-1]; last != 0 {
			t.Errorf("it stopped and leads for another %v", last)
		}
		if feeds, reaps := len(f.ledger.takes)/len(everyLane), len(f.ledger.before); feeds != 11 || reaps != 2 {
			t.Errorf("fed %d times and reaped %d times in 10 s, want 11, the first at once, and 2", feeds, reaps)
		}
	})
}
