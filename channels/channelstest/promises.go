package channelstest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/orleu/elshi/channels"
)

// alive is how long a permit lasts that is not meant to end during a test.
const alive = time.Minute

// promises are the sentences of channels.Channel's contract. Each check gets a Subject of its own.
var promises = []struct {
	name  string
	check func(ctx context.Context, s Subject, r *recorder)
}{
	{"an accepted message is with the provider exactly once", accepting},
	{"a batch of none reports none", empty},
	{"a refusal has its cause and the rest of the batch goes on", refusing},
	{"a message after Until is not begun", late},
	{"a late message does not hold back the others", lateAmongGood},
	{"a cancelled context stops what was not begun", cancelled},
	{"a provider that is gone has nothing, and is used again when it is back", gone},
	{"a provider that drops kept connections costs no message", dropped},
	{"a provider that takes a message and never answers leaves it in doubt", silent},
	{"several goroutines may send at once", concurrent},
	{"Close ends the kept connections", closing},
	{"printing the channel shows no secret", printing},
}

func accepting(ctx context.Context, s Subject, r *recorder) {
	defer s.close(r)
	batch := s.batch(25, alive)
	expect(r, s.send(ctx, r, batch), channels.Accepted, "")
	for i, m := range batch {
		if n := s.taken(m); n != 1 {
			r.addf("the provider has message %d %d times, want once", i, n)
		}
	}
}

func empty(ctx context.Context, s Subject, r *recorder) {
	defer s.close(r)
	s.send(ctx, r, nil)
	if n := s.Provider.Begun(); n != 0 {
		r.addf("an empty batch began %d hand-overs", n)
	}
}

func refusing(ctx context.Context, s Subject, r *recorder) {
	defer s.close(r)
	s.Provider.Behave(Refuse)
	batch := s.batch(3, alive)
	expect(r, s.send(ctx, r, batch), channels.Refused, s.RefusedCause)
	if n := s.Provider.Begun(); n < len(batch) {
		r.addf("the provider saw %d hand-overs begin, want one for each of %d messages", n, len(batch))
	}
	s.Provider.Behave(Accept)
	expect(r, s.send(ctx, r, s.batch(3, alive)), channels.Accepted, "")
}

func late(ctx context.Context, s Subject, r *recorder) {
	defer s.close(r)
	expect(r, s.send(ctx, r, s.batch(3, -time.Nanosecond)), channels.NotHandedOver, channels.LeaseExpired)
	if n := s.Provider.Begun(); n != 0 {
		r.addf("%d hand-overs began although every permit had ended", n)
	}
}

func lateAmongGood(ctx context.Context, s Subject, r *recorder) {
	defer s.close(r)
	batch := s.batch(9, alive)
	for i := range batch {
		if i%3 == 1 {
			batch[i].Until = s.Now().Add(-time.Hour)
		}
	}
	receipts := s.send(ctx, r, batch)
	for i, m := range batch {
		want, outcome, cause := 1, channels.Accepted, channels.Cause("")
		if i%3 == 1 {
			want, outcome, cause = 0, channels.NotHandedOver, channels.LeaseExpired
		}
		expect(r, receipts[i:i+1], outcome, cause)
		if n := s.taken(m); n != want {
			r.addf("the provider has message %d %d times, want %d", i, n, want)
		}
	}
}

func cancelled(ctx context.Context, s Subject, r *recorder) {
	defer s.close(r)
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	expect(r, s.send(ctx, r, s.batch(3, alive)), channels.NotHandedOver, channels.Stopped)
	if n := s.Provider.Begun(); n != 0 {
		r.addf("%d hand-overs began although the context had ended", n)
	}
}

func gone(ctx context.Context, s Subject, r *recorder) {
	defer s.close(r)
	s.Provider.Behave(Gone)
	expect(r, s.send(ctx, r, s.batch(30, alive)), channels.NotHandedOver, channels.Unreachable)
	s.Provider.Behave(Accept)
	expect(r, s.send(ctx, r, s.batch(3, alive)), channels.Accepted, "")
}

func dropped(ctx context.Context, s Subject, r *recorder) {
	defer s.close(r)
	expect(r, s.send(ctx, r, s.batch(3, alive)), channels.Accepted, "")
	s.Provider.Behave(Gone)
	s.Provider.Behave(Accept)
	batch := s.batch(3, alive)
	expect(r, s.send(ctx, r, batch), channels.Accepted, "")
	for i, m := range batch {
		if n := s.taken(m); n != 1 {
			r.addf("the provider has message %d %d times, want once", i, n)
		}
	}
}

func silent(ctx context.Context, s Subject, r *recorder) {
	defer s.close(r)
	s.Provider.Behave(Silent)
	batch := s.batch(1, alive)
	expect(r, s.send(ctx, r, batch), channels.InDoubt, channels.ConnectionLost)
	if n := s.taken(batch[0]); n != 1 {
		r.addf("the provider has the message %d times, want once: in doubt is no reason to try again", n)
	}
	s.Provider.Behave(Accept)
	expect(r, s.send(ctx, r, s.batch(3, alive)), channels.Accepted, "")
}

func concurrent(ctx context.Context, s Subject, r *recorder) {
	defer s.close(r)
	batches := make([][]channels.Message, 4)
	for i := range batches {
		batches[i] = s.batch(12, alive)
	}
	var wg sync.WaitGroup
	for _, batch := range batches {
		wg.Go(func() { expect(r, s.send(ctx, r, batch), channels.Accepted, "") })
	}
	wg.Wait()
	for _, batch := range batches {
		for i, m := range batch {
			if n := s.taken(m); n != 1 {
				r.addf("the provider has message %d of a batch %d times, want once", i, n)
			}
		}
	}
}

func closing(ctx context.Context, s Subject, r *recorder) {
	expect(r, s.send(ctx, r, s.batch(3, alive)), channels.Accepted, "")
	s.close(r)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	patience := time.NewTimer(s.Patience)
	defer patience.Stop()
	for s.Provider.Connections() != 0 {
		select {
		case <-tick.C:
		case <-patience.C:
			r.addf("%d connections were open %v after Close", s.Provider.Connections(), s.Patience)
			return
		}
	}
}

func printing(_ context.Context, s Subject, r *recorder) {
	defer s.close(r)
	for _, secret := range s.Secrets {
		if len(secret) < 8 {
			r.addf("a secret of %d bytes is too short to be searched for", len(secret))
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		s.checkPrintable(r, "the channel's "+verb, fmt.Sprintf(verb, s.Channel), s.batch(1, alive)[0])
	}
}
