// Package batcher lets calls that come at the same time share one: what a round trip costs is paid once for all of them.
package batcher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Batcher shares calls. Nobody waits for company: a call goes at once while fewer than a limit run, and what comes meanwhile goes together
// after them. A shared call begins after everybody in it has asked, so that each gets an answer as new as one of its own would be.
type Batcher[Q, A any] struct {
	atOnce int
	most   int
	do     func(ctx context.Context, questions []Q) ([]A, error)

	mu      sync.Mutex
	waiting []*call[Q, A]
	running int
}

type call[Q, A any] struct {
	ctx      context.Context //nolint:containedctx // of the caller, for the case that it goes alone
	question Q
	answer   A
	err      error
	done     chan struct{}
}

// timeout bounds a shared call: it has no caller whose patience would.
const timeout = 10 * time.Second

// New returns a Batcher of calls to do, which answers each of its questions in order. At most atOnce of them run at a time, each with at
// most most questions. When one that is shared fails, each of its questions is asked again alone, so that nobody fails for a neighbour.
func New[Q, A any](atOnce, most int, do func(ctx context.Context, questions []Q) ([]A, error)) *Batcher[Q, A] {
	return &Batcher[Q, A]{atOnce: atOnce, most: most, do: do}
}

// Do asks one question. Its error is that of the call, or of ctx when that ends first.
func (b *Batcher[Q, A]) Do(ctx context.Context, question Q) (A, error) {
	c := &call[Q, A]{ctx: ctx, question: question, done: make(chan struct{})}
	b.mu.Lock()
	if b.running < b.atOnce {
		b.running++
		b.mu.Unlock()
		// It leads: it asks for itself at once, and whoever came meanwhile is asked for by somebody who waits for nobody.
		defer func() { go b.drain() }()
		b.alone(c)
		return c.answer, c.err
	}
	b.waiting = append(b.waiting, c)
	b.mu.Unlock()
	select {
	case <-c.done:
		return c.answer, c.err
	case <-ctx.Done():
		var none A
		if err, cause := ctx.Err(), context.Cause(ctx); !errors.Is(err, cause) {
			return none, fmt.Errorf("%w: %w", err, cause)
		}
		return none, ctx.Err()
	}
}

// drain asks for those who wait until nobody does.
func (b *Batcher[Q, A]) drain() {
	for group := b.next(); len(group) > 0; group = b.next() {
		if b.together(group) {
			continue
		}
		for _, c := range group {
			go func() {
				defer close(c.done)
				b.alone(c)
			}()
		}
	}
}

// next takes those who wait and have not left. Without any, its caller is done.
func (b *Batcher[Q, A]) next() []*call[Q, A] {
	b.mu.Lock()
	defer b.mu.Unlock()
	var group []*call[Q, A]
	for len(b.waiting) > 0 && len(group) < b.most {
		if c := b.waiting[0]; c.ctx.Err() == nil {
			group = append(group, c)
		}
		b.waiting[0] = nil
		b.waiting = b.waiting[1:]
	}
	if len(group) == 0 {
		b.running--
	}
	return group
}

// together asks for a group and says whether everybody has an answer.
func (b *Batcher[Q, A]) together(group []*call[Q, A]) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(group[0].ctx), timeout) // whoever leaves takes nobody along
	defer cancel()
	questions := make([]Q, len(group))
	for i, c := range group {
		questions[i] = c.question
	}
	answers, err := b.do(ctx, questions)
	if err != nil && len(group) > 1 {
		return false
	}
	for i, c := range group {
		if c.err = err; err == nil {
			c.answer = answers[i]
		}
		close(c.done)
	}
	return true
}

func (b *Batcher[Q, A]) alone(c *call[Q, A]) {
	answers, err := b.do(c.ctx, []Q{c.question})
	if c.err = err; err == nil {
		c.answer = answers[0]
	}
}
