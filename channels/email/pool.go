package email

import (
	"context"
	"sync"
	"time"

	"github.com/orleu/elshi/channels"
)

// pool keeps the connections to one provider. It starts no goroutine: what is too old is ended when it is next looked at.
type pool struct {
	o       *Options
	connect func(ctx context.Context, until time.Time) (*conn, *channels.Error)
	slots   chan struct{} // one for each connection in use; waiting senders are served in order

	mu   sync.Mutex
	idle []*conn // the last one was used last
}

func newPool(o *Options, connect func(context.Context, time.Time) (*conn, *channels.Error)) *pool {
	return &pool{o: o, connect: connect, slots: make(chan struct{}, o.MaxConnections)}
}

// get returns a connection that its caller must hand to put. It waits while MaxConnections are in use, at most until
// until or the end of ctx: then the Cause is LeaseExpired or Stopped. Any other Cause is about connecting.
func (p *pool) get(ctx context.Context, until time.Time) (*conn, *channels.Error) {
	select {
	case p.slots <- struct{}{}:
	default:
		lease := time.NewTimer(until.Sub(p.o.Now()))
		defer lease.Stop()
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, &channels.Error{Cause: channels.Stopped}
		case <-lease.C:
			return nil, &channels.Error{Cause: channels.LeaseExpired}
		}
	}
	if c := p.kept(); c != nil {
		return c, nil
	}
	return p.fresh(ctx, until)
}

// replace gives a broken connection up for a new one; the slot stays taken.
func (p *pool) replace(ctx context.Context, c *conn, until time.Time) (*conn, *channels.Error) {
	c.abort()
	return p.fresh(ctx, until)
}

// fresh connects within a slot that is taken, and frees the slot if that fails.
func (p *pool) fresh(ctx context.Context, until time.Time) (*conn, *channels.Error) {
	c, err := p.connect(ctx, until)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

// kept returns the connection that was used last, and ends those that have waited or lived too long.
func (p *pool) kept() *conn {
	now := p.o.Now()
	var found *conn
	var old []*conn
	p.mu.Lock()
	keep := p.idle[:0]
	for _, c := range p.idle {
		if now.Sub(c.lastUsed) >= p.o.IdleTimeout || now.Sub(c.born) >= p.o.MaxAge {
			old = append(old, c)
			continue
		}
		keep = append(keep, c)
	}
	if n := len(keep); n > 0 {
		found, keep = keep[n-1], keep[:n-1]
	}
	p.idle = keep
	p.mu.Unlock()
	for _, c := range old {
		c.quit()
	}
	return found
}

// put gives a connection back, ends it if it has done its work, and frees its slot.
func (p *pool) put(c *conn) {
	defer func() { <-p.slots }()
	if c.broken {
		c.abort()
		return
	}
	now := p.o.Now()
	if c.spent() {
		c.quit()
		return
	}
	c.lastUsed = now
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
}

// close ends the kept connections, all at once, so that silent ones do not add up.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range idle {
		wg.Go(c.quit)
	}
	wg.Wait()
}
