package dispatcher

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// house is a ledger with so many portions of old messages.
type house struct {
	old    int
	err    error
	before []time.Time
	events []time.Time // before which events were to go
}

func (l *house) ForgetEvents(_ context.Context, before time.Time, _ int) (bool, error) {
	l.events = append(l.events, before)
	return len(l.events) < 2, nil
}

func (l *house) ForgetMessages(_ context.Context, before time.Time, _ int) (bool, error) {
	l.before = append(l.before, before)
	if l.err != nil {
		return false, l.err
	}
	l.old--
	return l.old > 0, nil
}

func TestOldMessagesGoAfterTheirMonths(t *testing.T) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	spring := time.Date(2026, 5, 22, 7, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		months, old int
		err         error
		want        []time.Time
		warnings    int
	}{
		"for ever":              {months: 0, old: 3},
		"until nothing is left": {months: 6, old: 3, want: []time.Time{spring, spring, spring}},
		"not while it fails":    {months: 6, old: 3, err: errors.New("gone"), want: []time.Time{spring}, warnings: 1},
	} {
		t.Run(name, func(t *testing.T) {
			ledger, log := &house{old: tc.old, err: tc.err}, &diary{}
			NewHousekeeper(ledger, Keeping{Months: tc.months}, func() time.Time { return now }, logTo(log)).Keep(t.Context())
			if diff := cmp.Diff(tc.want, ledger.before); diff != "" {
				t.Errorf("times to forget before (-want +got):\n%s", diff)
			}
			if got := strings.Count(log.String(), `"level":"WARN"`); got != tc.warnings {
				t.Errorf("%d warnings, want %d", got, tc.warnings)
			}
		})
	}
}

func TestOldEventsGoAfterTheirDays(t *testing.T) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	ledger := &house{}
	NewHousekeeper(ledger, Keeping{EventDays: 30}, func() time.Time { return now }, quietLog()).Keep(t.Context())
	october := time.Date(2026, 10, 23, 7, 0, 0, 0, time.UTC)
	if diff := cmp.Diff([]time.Time{october, october}, ledger.events); diff != "" || ledger.before != nil {
		t.Errorf("times to forget events before (-want +got):\n%s\nmessages: %v", diff, ledger.before)
	}
}

func TestTheHouseIsKeptAtOnceAndEveryHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Minute)
		defer cancel()
		ledger := &house{}
		if err := NewHousekeeper(ledger, Keeping{Months: 3}, time.Now, quietLog()).Run(ctx); err != nil {
			t.Error(err)
		}
		if len(ledger.before) != 3 {
			t.Errorf("looked %d times in two hours and a half, want 3", len(ledger.before))
		}
	})
}
