package queue

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Two processes that share a Redis share the rate: what they get together in two seconds is the burst and two seconds' worth.
func TestTwoLimitersShareOneRate(t *testing.T) {
	for name, start := range redises {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			const perSecond, burst, span = 50, 20, 2 * time.Second
			rates := map[vocab.ProviderID]Rate{"relay": {PerSecond: perSecond, Burst: burst}}
			start := time.Now()
			ctx, cancel := context.WithDeadline(t.Context(), start.Add(span))
			defer cancel()
			var mu sync.Mutex
			var granted int
			var wait sync.WaitGroup
			for range 2 {
				limiter := NewLimiter(r, rates)
				wait.Go(func() {
					for ctx.Err() == nil {
						n, after, err := limiter.Take(t.Context(), "relay", 100)
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						granted += n
						mu.Unlock()
						select {
						case <-ctx.Done():
						case <-time.After(after):
						}
					}
				})
			}
			wait.Wait()
			took := time.Since(start) // a slow machine gives more, in proportion
			if most := burst + int(perSecond*took.Seconds()) + 1; granted > most || granted < burst {
				t.Errorf("%d were granted in %v, want at least the burst of %d and at most %d", granted, took, burst, most)
			}
		})
	}
}

func TestTakeGrantsAtMostWhatIsAskedFor(t *testing.T) {
	for name, start := range redises {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			l := NewLimiter(r, map[vocab.ProviderID]Rate{"slow": {PerSecond: 0.01, Burst: 10}, "one": {PerSecond: 0.01}, "free": {}})
			take := func(provider vocab.ProviderID, n, want int) {
				t.Helper()
				got, after, err := l.Take(t.Context(), provider, n)
				if got != want || err != nil {
					t.Errorf("Take(%s, %d) = %d, %v, want %d", provider, n, got, err, want)
				}
				if got == 0 && after < 10*time.Millisecond {
					t.Errorf("nothing granted, and asked to come again after %v", after)
				}
			}
			take("slow", 3, 3)
			take("slow", 100, 7)
			take("slow", 1, 0)
			take("one", 5, 1) // without a burst, a rate below one a second still lets one go
			take("one", 5, 0)
			take("free", 1000, 1000)
			take("invented", 1000, 1000)
		})
	}
}

// A provider that asks one process for a slower pace gets it from all of them.
func TestSlowHalvesTheRateOfAllProcesses(t *testing.T) {
	for name, start := range redises {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			rates := map[vocab.ProviderID]Rate{"relay": {PerSecond: 0.01, Burst: 10}, "other": {PerSecond: 0.01, Burst: 10}, "free": {}}
			one, two := NewLimiter(r, rates), NewLimiter(r, rates)
			for _, provider := range []vocab.ProviderID{"relay", "free"} {
				if err := one.Slow(t.Context(), provider); err != nil {
					t.Fatal(err)
				}
			}
			for provider, want := range map[vocab.ProviderID]int{"relay": 5, "other": 10, "free": 20} {
				if got, _, err := two.Take(t.Context(), provider, 20); got != want || err != nil {
					t.Errorf("Take(%s, 20) = %d, %v, want %d", provider, got, err, want)
				}
			}
			if left, err := r.client.TTL(t.Context(), slowKey("relay")).Result(); left <= 0 || left > slowFor || err != nil {
				t.Errorf("it stays slow for %v, %v", left, err)
			}
		})
	}
}

func TestRatesAreNeverRoundedUp(t *testing.T) {
	r := open(t, RedisOptions{})
	for _, perSecond := range []float64{0.001, 0.3, 1, 9.99, 10.5, 33.333, 1e6} {
		l := NewLimiter(r, map[vocab.ProviderID]Rate{"relay": {PerSecond: perSecond}})
		limit := l.limits["relay"]
		if got := float64(limit.Rate) / limit.Period.Seconds(); got > perSecond || got < perSecond*0.7 {
			t.Errorf("%v a second became %v", perSecond, got)
		}
	}
}
