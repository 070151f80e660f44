package dispatcher

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// house is a ledger with so many portions of old messages of each class.
type house struct {
	old   map[vocab.Class]int
	err   map[vocab.Class]error
	steps []ForgetStep
	runs  []RetentionRun // the newest last

	events []time.Time // before which events were to go
	forgot map[vocab.Class]int
	kept   int
	failed int
}

func (l *house) Forget(_ context.Context, step ForgetStep) (Forgotten, error) {
	l.steps = append(l.steps, step)
	if err := l.err[step.Class]; err != nil {
		return Forgotten{}, err
	}
	if step.Stays || l.old[step.Class] == 0 {
		return Forgotten{}, nil
	}
	l.old[step.Class]--
	return Forgotten{Counts: ForgetCounts{Messages: 2}, Last: "msg_x", More: l.old[step.Class] > 0}, nil
}

func (l *house) ForgetEvents(_ context.Context, before time.Time, _ int) (bool, error) {
	l.events = append(l.events, before)
	return len(l.events) < 2, nil
}

func (l *house) KeepRun(_ context.Context, run RetentionRun) error {
	if n := len(l.runs); n > 0 && l.runs[n-1].ID == run.ID {
		l.runs = l.runs[:n-1]
	}
	l.runs = append(l.runs, run)
	return nil
}

func (l *house) Runs(context.Context, string, int) ([]RetentionRun, error) {
	if len(l.runs) == 0 {
		return nil, nil
	}
	return l.runs[len(l.runs)-1:], nil
}

func (l *house) Forgot(_ RetentionKind, class vocab.Class, n ForgetCounts) {
	if l.forgot == nil {
		l.forgot = map[vocab.Class]int{}
	}
	l.forgot[class] += n.Messages
}

func (l *house) HouseKept(_ time.Time, failed bool) {
	l.kept++
	if failed {
		l.failed++
	}
}

func TestEachClassGoesAfterItsOwnMonths(t *testing.T) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	spring, years := time.Date(2026, 5, 22, 7, 0, 0, 0, time.UTC), time.Date(2021, 11, 22, 7, 0, 0, 0, time.UTC)
	ledger, log := &house{
		old: map[vocab.Class]int{vocab.Marketing: 3, vocab.Legal: 1, vocab.Breach: 9}, err: map[vocab.Class]error{vocab.Service: errors.New("gone")},
	}, &testkit.Diary{}
	NewHousekeeper(ledger, Keeping{Rules: []Retention{
		{RetainMessages, vocab.Service, 6},
		{RetainMessages, vocab.Marketing, 6},
		{RetainMessages, vocab.Breach, 0},
		{RetainContent, vocab.Legal, 60},
	}}, ledger, func() time.Time { return now }, logTo(log)).Keep(t.Context())
	step := func(kind RetentionKind, class vocab.Class, before time.Time, stays bool, after vocab.MessageID) ForgetStep {
		return ForgetStep{Kind: kind, Class: class, Before: before, Size: forgetSize, Stays: stays, After: after}
	}
	want := []ForgetStep{
		step(RetainMessages, vocab.Service, spring, true, ""), // fails, and does not keep the others from going
		step(RetainMessages, vocab.Marketing, spring, true, ""),
		step(RetainMessages, vocab.Marketing, spring, false, ""),
		step(RetainMessages, vocab.Marketing, spring, false, "msg_x"),
		step(RetainMessages, vocab.Marketing, spring, false, "msg_x"),
		step(RetainContent, vocab.Legal, years, true, ""),
		step(RetainContent, vocab.Legal, years, false, ""),
	}
	if diff := cmp.Diff(want, ledger.steps); diff != "" {
		t.Errorf("steps mismatch (-want +got):\n%s", diff)
	}
	if n := strings.Count(log.String(), `"level":"WARN"`); n != 1 {
		t.Errorf("%d warnings, want one: %s", n, log.String())
	}
	if diff := cmp.Diff(map[vocab.Class]int{vocab.Marketing: 6, vocab.Legal: 2}, ledger.forgot); diff != "" || ledger.kept != 1 || ledger.failed != 1 {
		t.Errorf("kept %d, failed %d, forgot (-want +got):\n%s", ledger.kept, ledger.failed, diff)
	}
	if len(ledger.runs) != 1 {
		t.Fatalf("%d reports, want one", len(ledger.runs))
	}
	run := ledger.runs[0]
	wantRun := RetentionRun{ID: run.ID, StartedAt: now, EndedAt: now, Failed: true, Counts: []RuleCount{
		{RetainMessages, vocab.Marketing, spring, ForgetCounts{Messages: 6}},
		{RetainContent, vocab.Legal, years, ForgetCounts{Messages: 2}},
	}}
	if diff := cmp.Diff(wantRun, run); diff != "" || !strings.HasPrefix(run.ID, RetentionRunPrefix+"_") {
		t.Errorf("report mismatch (-want +got):\n%s", diff)
	}
}

func TestOldEventsGoAfterTheirDays(t *testing.T) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	ledger := &house{}
	NewHousekeeper(ledger, Keeping{EventDays: 30}, ledger, func() time.Time { return now }, quietLog()).Keep(t.Context())
	october := time.Date(2026, 10, 23, 7, 0, 0, 0, time.UTC)
	if diff := cmp.Diff([]time.Time{october, october}, ledger.events); diff != "" || len(ledger.steps)+len(ledger.runs) > 0 {
		t.Errorf("%d steps, %d reports, times to forget events before (-want +got):\n%s", len(ledger.steps), len(ledger.runs), diff)
	}
}

func TestWithoutRulesNothingIsForgottenOrReported(t *testing.T) {
	ledger := &house{old: map[vocab.Class]int{vocab.Legal: 1}}
	NewHousekeeper(ledger, Keeping{Rules: []Retention{{RetainMessages, vocab.Legal, 0}}}, ledger, time.Now, quietLog()).Keep(t.Context())
	if len(ledger.steps)+len(ledger.runs)+ledger.kept > 0 {
		t.Errorf("%d steps, %d reports", len(ledger.steps), len(ledger.runs))
	}
}

func TestWhatWasForgottenIsReportedThoughTheRunIsCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ledger := &house{old: map[vocab.Class]int{vocab.Legal: 9}}
	NewHousekeeper(ledger, Keeping{Rules: []Retention{{RetainMessages, vocab.Legal, 60}}}, cutting{ledger, cancel}, time.Now, quietLog()).Keep(ctx)
	if len(ledger.runs) != 1 || !ledger.runs[0].EndedAt.IsZero() || ledger.runs[0].Counts[0].Messages != 2 {
		t.Errorf("reports: %+v", ledger.runs)
	}
}

// cutting ends the run after its first portion.
type cutting struct {
	*house

	cancel func()
}

func (c cutting) Forgot(kind RetentionKind, class vocab.Class, n ForgetCounts) {
	c.house.Forgot(kind, class, n)
	c.cancel()
}

func TestTheHouseIsKeptEveryHourAndNothingFoundIsReportedOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Hour+time.Minute)
		defer cancel()
		ledger := &house{}
		if err := NewHousekeeper(ledger, Keeping{Rules: []Retention{{RetainMessages, vocab.Legal, 60}}}, ledger, time.Now, quietLog()).Run(ctx); err != nil {
			t.Error(err)
		}
		if ledger.kept != 51 || len(ledger.runs) != 3 {
			t.Errorf("kept house %d times and reported %d, want 51 and 3 in fifty hours", ledger.kept, len(ledger.runs))
		}
	})
}
