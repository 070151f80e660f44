// Package email composes emails and hands them to one SMTP provider over kept connections. It decides what a reply means,
// never whether a message may be sent or sent again.
package email

import (
	"context"
	"crypto/tls"
	"sync"
	"time"

	"github.com/orleu/elshi/channels"
)

// messagesPerWorker is how many messages of a batch make another connection worth its handshakes.
const messagesPerWorker = 10

// Sender is the channel to one SMTP provider. It is safe for use by several goroutines, which share its connections.
type Sender struct {
	o    Options
	pool *pool
}

var _ channels.Channel = (*Sender)(nil)

// New returns a Sender. It opens no connection; its error names every option that is wrong.
func New(o Options) (*Sender, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	s := &Sender{o: o}
	tlsConfig := &tls.Config{
		ServerName: o.ServerName, RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(o.MaxConnections),
	}
	s.pool = newPool(&s.o, func(ctx context.Context, until time.Time) (*conn, *channels.Error) {
		return connect(ctx, &s.o, tlsConfig, until)
	})
	return s, nil
}

// String names the provider and leaves the credentials out.
func (s *Sender) String() string { return s.o.String() }

// GoString names the provider and leaves the credentials out.
func (s *Sender) GoString() string { return "*email.Sender{" + s.o.String() + "}" }

// Close ends the idle connections with QUIT, within about a second even when the provider is silent. It never fails.
func (s *Sender) Close() error {
	s.pool.close()
	return nil
}

// Send hands a batch over, as channels.Channel promises. One batch of n messages uses at most n/10 connections, so that
// small batches leave some for others. A message that cannot be composed is Refused with Cause Unrenderable, or BadSyntax
// if it is the recipient's address. Once begun, a message is finished even if ctx ends.
func (s *Sender) Send(ctx context.Context, batch []channels.Message, report func(channels.Receipt)) {
	if len(batch) == 0 {
		return
	}
	workers := min(s.o.MaxConnections, 1+(len(batch)-1)/messagesPerWorker)
	q := &queue{waiting: batch, workers: workers}
	r := &reporter{report: report, now: s.o.Now}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() { s.work(ctx, q, r) })
	}
	// A stop tells at once of what nobody has begun: those who hand over may be waiting for a silent provider for longer than the stop does.
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		for _, m := range q.rest() {
			r.tell(m, result{outcome: channels.NotHandedOver, err: &channels.Error{Cause: channels.Stopped}})
		}
	})
	wg.Wait()
	if !stop() {
		<-told
	}
}

// work hands messages over until none is left. A worker that cannot connect leaves its message to the others; the last
// one reports what is left, so that a provider that is away costs one attempt per worker and not one per message.
func (s *Sender) work(ctx context.Context, q *queue, r *reporter) {
	next := func() *letter { return s.take(ctx, q, r) }
	for l := next(); l != nil; l = next() {
		left, away := s.deliver(ctx, l, next, r.tellOf)
		if left == nil {
			continue
		}
		m := left.msg
		left.free()
		if q.leaveTo(m) {
			return
		}
		r.tell(m, result{outcome: channels.NotHandedOver, err: away})
		s.giveUp(ctx, q, r, away)
		return
	}
}

// take composes the next message of a batch that can be begun and composed; nil when none is left.
func (s *Sender) take(ctx context.Context, q *queue, r *reporter) *letter {
	for {
		m, found := q.take()
		if !found {
			return nil
		}
		if early := s.tooLate(ctx, m); early != nil {
			r.tell(m, *early)
			continue
		}
		l, unfit := s.compose(m)
		if unfit == nil {
			return l
		}
		r.tell(m, result{outcome: channels.Refused, err: unfit})
	}
}

// tooLate says what to report for a message that must not be begun, or nil.
func (s *Sender) tooLate(ctx context.Context, m channels.Message) *result {
	if ctx.Err() != nil {
		return &result{outcome: channels.NotHandedOver, err: &channels.Error{Cause: channels.Stopped}}
	}
	if !s.o.Now().Before(m.Until) {
		return lapsed()
	}
	return nil
}

// deliver hands l over, and with it more of the batch if the provider takes commands in groups. It tells of every letter but the one it
// returns, with the reason: the provider could not be reached, which concerns every message of the batch alike. A kept connection that
// turns out to be dead says nothing about the provider: servers end idle ones, so the message goes over a fresh one.
func (s *Sender) deliver(ctx context.Context, l *letter, next func() *letter, tell func(*letter, result)) (left *letter, away *channels.Error) {
	c, err := s.pool.get(ctx, l.msg.Until)
	for err == nil {
		used := c.carried > 0
		left, away := c.carry(l, next, tell)
		if left == nil || left == l && !used {
			s.pool.put(c)
			return left, away
		}
		l = left
		c, err = s.pool.replace(ctx, c, l.msg.Until)
	}
	if err.Cause == channels.Stopped || err.Cause == channels.LeaseExpired { // this concerns one message
		tell(l, result{outcome: channels.NotHandedOver, err: err})
		return nil, nil
	}
	return l, err
}

// carry hands l over, and what next has if the provider takes commands in groups. It returns the letter that the provider has not heard
// of because the connection ended, and why.
func (c *conn) carry(l *letter, next func() *letter, tell func(*letter, result)) (unheard *letter, why *channels.Error) {
	fit := func(l *letter) *letter {
		for l != nil && l.utf8 && !c.offers("SMTPUTF8") {
			tell(l, result{outcome: channels.Refused, err: &channels.Error{
				Cause: channels.BadSyntax, Detail: "the address needs SMTPUTF8 and the provider does not offer it",
			}})
			l = next()
		}
		return l
	}
	if l = fit(l); l == nil {
		return nil, nil
	}
	if c.offers("PIPELINING") {
		return c.stream(l, func() *letter { return fit(next()) }, tell)
	}
	got := c.transfer(l)
	if got.unheard {
		return l, got.err
	}
	tell(l, got)
	return nil, nil
}

// giveUp reports what is left when the provider is away.
func (s *Sender) giveUp(ctx context.Context, q *queue, r *reporter, away *channels.Error) {
	for {
		m, found := q.take()
		if !found {
			return
		}
		if early := s.tooLate(ctx, m); early != nil {
			r.tell(m, *early)
			continue
		}
		r.tell(m, result{outcome: channels.NotHandedOver, err: away})
	}
}

// queue is what is left of one batch.
type queue struct {
	mu      sync.Mutex
	waiting []channels.Message
	workers int // those that still take
}

// take returns the next message. A worker that gets none must stop.
func (q *queue) take() (channels.Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.workers--
		return channels.Message{}, false
	}
	m := q.waiting[0]
	q.waiting = q.waiting[1:]
	return m, true
}

// rest takes all that waits.
func (q *queue) rest() []channels.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	rest := q.waiting
	q.waiting = nil
	return rest
}

// leaveTo gives a message back to the other workers; it returns false to the last one, who must go on.
func (q *queue) leaveTo(m channels.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.workers == 1 {
		return false
	}
	q.workers--
	// The caller's batch must stay as it is, so it is not appended to.
	q.waiting = append([]channels.Message{m}, q.waiting...)
	return true
}

// reporter calls report from one goroutine at a time.
type reporter struct {
	mu     sync.Mutex
	report func(channels.Receipt)
	now    func() time.Time
}

// tellOf tells of a letter and frees it.
func (r *reporter) tellOf(l *letter, got result) {
	r.tell(l.msg, got)
	l.free()
}

func (r *reporter) tell(m channels.Message, got result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report(got.receipt(m, r.now()))
}
