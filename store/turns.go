package store

import (
	"context"
	"slices"
	"sync"
)

// turns says whose transaction is next where one writes at a time, on SQLite: what somebody waits for goes before bulk, so that a one-time code
// waits for one claim of a campaign at most and not for all that are in line.
type turns struct {
	mu    sync.Mutex
	busy  bool
	soon  []chan struct{}
	later []chan struct{}
	ahead int // turns that went before a waiting bulk transaction
}

// mostAhead bounds how many turns go before bulk that waits: a campaign must not stand still while others keep asking.
const mostAhead = 8

// take waits for a turn. Whoever has it gives it back by done. The error is that of ctx.
func (t *turns) take(ctx context.Context, bulk bool) error {
	t.mu.Lock()
	if !t.busy {
		t.busy = true
		t.mu.Unlock()
		return nil
	}
	line := t.line(bulk)
	mine := make(chan struct{})
	*line = append(*line, mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	at := slices.Index(*line, mine)
	if at >= 0 {
		*line = slices.Delete(*line, at, at+1)
	}
	t.mu.Unlock()
	if at < 0 { // it came at the same moment
		t.done()
	}
	return ctx.Err()
}

// waiting is how many stand in line.
func (t *turns) waiting() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.soon) + len(t.later)
}

func (t *turns) line(bulk bool) *[]chan struct{} {
	if bulk {
		return &t.later
	}
	return &t.soon
}

// done gives the turn to whoever is next.
func (t *turns) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	bulk := len(t.soon) == 0 || t.ahead >= mostAhead && len(t.later) > 0
	line := t.line(bulk)
	if len(*line) == 0 {
		t.busy = false
		return
	}
	if bulk || len(t.later) == 0 {
		t.ahead = 0
	} else {
		t.ahead++
	}
	close((*line)[0])
	*line = (*line)[1:]
}
