package store

import (
	"context"
	"sync"
	"time"

	"github.com/orleu/elshi/dispatcher"
)

// intake lets small submissions that come at the same time share a transaction (group commit): the ledger then costs each of them a part
// of a few set-based statements instead of two dozen of its own. Nobody waits for company: a submission goes at once while fewer than
// atOnce transactions run, and what comes meanwhile goes together after them. When a shared transaction fails before its commit, each
// is made again by itself, so that nobody fails for a neighbour.
type intake struct {
	db     *DB
	atOnce int

	mu      sync.Mutex
	waiting []*waiter
	running int
}

// waiter is a submission that waits for its answer.
type waiter struct {
	asked

	ctx  context.Context //nolint:containedctx // of the caller, for the case that it is made alone
	done chan struct{}
}

const (
	smallIntake  = 50  // drafts of a submission that shares
	groupDrafts  = 500 // drafts of a shared transaction
	groupTimeout = 10 * time.Second
	groupKeyWait = 50 * time.Millisecond // for a twin elsewhere, before everybody goes alone
)

func newIntake(db *DB) *intake {
	atOnce := 2
	if db.dialect.name == "sqlite" {
		atOnce = 1
	}
	return &intake{db: db, atOnce: atOnce}
}

func (g *intake) submit(ctx context.Context, in dispatcher.Intake, decide dispatcher.Decider) (dispatcher.Submitted, error) {
	w := &waiter{asked: asked{in: in, decide: decide}, ctx: ctx, done: make(chan struct{})}
	if len(in.Drafts) > smallIntake {
		g.alone(w)
		return w.out, w.err
	}
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	if g.running < g.atOnce {
		g.running++
		go g.drain() //nolint:contextcheck // it serves many callers, each with a context of its own
	}
	g.mu.Unlock()
	select {
	case <-w.done:
		return w.out, w.err
	case <-ctx.Done(): // it may be written all the same; a key tells whoever asks again
		return dispatcher.Submitted{}, away(ctx.Err())
	}
}

// drain makes groups until nobody waits. Whoever must go alone does so beside it: waiting for a twin elsewhere may take seconds, and
// nobody behind waits for that.
func (g *intake) drain() {
	for group := g.next(); len(group) > 0; group = g.next() {
		if g.together(group) {
			for _, w := range group {
				close(w.done)
			}
			continue
		}
		for _, w := range group {
			go func() {
				defer close(w.done)
				g.alone(w)
			}()
		}
	}
}

// next takes a group; twins are not in the same one. Without one, its caller is done.
func (g *intake) next() []*waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	var group, later []*waiter
	drafts := 0
	keys := map[keyName]bool{}
	for _, w := range g.waiting {
		if w.ctx.Err() != nil {
			continue // its caller has left
		}
		full := drafts+len(w.in.Drafts) > groupDrafts && len(group) > 0
		if k := w.in.Key; full || k != nil && keys[nameOf(*k)] {
			later = append(later, w)
			continue
		} else if k != nil {
			keys[nameOf(*k)] = true
		}
		drafts += len(w.in.Drafts)
		group = append(group, w)
	}
	g.waiting = later
	if len(group) == 0 {
		g.running--
	}
	return group
}

// together makes a group in one transaction. If that fails before the commit, nothing was written, and it returns false.
func (g *intake) together(group []*waiter) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(group[0].ctx), groupTimeout) // whoever leaves takes nobody along
	defer cancel()
	all := make([]*asked, len(group))
	var before error // what went wrong before the commit
	err := g.db.tx(ctx, func(tx *tx) error {
		for i, w := range group {
			w.out, w.err = dispatcher.Submitted{}, nil
			all[i] = &w.asked
		}
		before = tx.submit(ctx, all, groupKeyWait, g.db.Hash)
		return before
	})
	if err != nil && before == nil { // no connection, or nobody knows whether it was committed
		for _, w := range group {
			w.out, w.err = dispatcher.Submitted{}, err
		}
	}
	return before == nil
}

// alone makes one submission in a transaction of its own.
func (g *intake) alone(w *waiter) {
	err := g.db.txOf(w.ctx, len(w.in.Drafts), func(tx *tx) error {
		w.out, w.err = dispatcher.Submitted{}, nil
		if err := tx.submit(w.ctx, []*asked{&w.asked}, keyWait(w.in), g.db.Hash); err != nil {
			return err
		}
		return w.err
	})
	if err != nil {
		w.out, w.err = dispatcher.Submitted{}, err
	}
}
