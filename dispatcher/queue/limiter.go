package queue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-redis/redis_rate/v10"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Rate is how fast one provider is sent to, all processes together.
type Rate struct {
	PerSecond float64 // 0: no limit
	Burst     int     // how many may go at once after a pause. If zero, one second's worth
}

// Limiter shares out the rates of providers over all processes (a leaky bucket in Redis).
type Limiter struct {
	limiter *redis_rate.Limiter
	limits  map[vocab.ProviderID]redis_rate.Limit
}

// NewLimiter returns a Limiter.
func NewLimiter(r *Redis, rates map[vocab.ProviderID]Rate) *Limiter {
	l := &Limiter{limiter: redis_rate.NewLimiter(r.client), limits: map[vocab.ProviderID]redis_rate.Limit{}}
	for id, rate := range rates {
		if rate.PerSecond <= 0 {
			continue
		}
		// The library's rates are whole numbers: counted by the hour and rounded down, they never exceed what the provider allows.
		limit := redis_rate.Limit{Rate: max(1, int(rate.PerSecond*time.Hour.Seconds())), Period: time.Hour, Burst: rate.Burst}
		if limit.Burst <= 0 {
			limit.Burst = max(1, int(math.Ceil(rate.PerSecond)))
		}
		l.limits[id] = limit
	}
	return l
}

// Take grants between 0 and n messages of a provider; if 0, the time after which to ask again. The error is fault.Unavailable when
// Redis is away; a provider without a limit never asks it.
func (l *Limiter) Take(ctx context.Context, provider vocab.ProviderID, n int) (int, time.Duration, error) {
	limit, limited := l.limits[provider]
	if !limited {
		return n, 0, nil
	}
	res, err := l.limiter.AllowAtMost(ctx, "elshi:"+string(provider), limit, n)
	if err != nil {
		return 0, 0, fmt.Errorf("rate of %s: %w", provider, fault.Away("queue", errors.New("redis does not answer")))
	}
	return res.Allowed, max(res.RetryAfter, 10*time.Millisecond), nil
}
