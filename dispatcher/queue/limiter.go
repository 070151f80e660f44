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
	redis   *Redis
	limiter *redis_rate.Limiter
	limits  map[vocab.ProviderID]redis_rate.Limit
}

// NewLimiter returns a Limiter.
func NewLimiter(r *Redis, rates map[vocab.ProviderID]Rate) *Limiter {
	l := &Limiter{redis: r, limiter: redis_rate.NewLimiter(r.client), limits: map[vocab.ProviderID]redis_rate.Limit{}}
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
	slowed, err := l.redis.client.Exists(ctx, slowKey(provider)).Result()
	if err != nil {
		return 0, 0, fmt.Errorf("rate of %s: %w", provider, fault.Away("queue", errors.New("redis does not answer")))
	}
	if slowed > 0 {
		limit.Rate, limit.Burst = max(1, limit.Rate/2), max(1, limit.Burst/2)
	}
	res, err := l.limiter.AllowAtMost(ctx, "elshi:"+string(provider), limit, n)
	if err != nil {
		return 0, 0, fmt.Errorf("rate of %s: %w", provider, fault.Away("queue", errors.New("redis does not answer")))
	}
	return res.Allowed, max(res.RetryAfter, gather), nil
}

// gather is how long an empty bucket is left to fill: asking at once for the first drop would make claims of one message.
const gather = 100 * time.Millisecond

// slowFor is how long a provider that asked for a slower pace is sent to at half its rate.
const slowFor = 10 * time.Minute

func slowKey(provider vocab.ProviderID) string { return "elshi:slow:" + string(provider) }

// Slow halves a provider's rate for ten minutes. One without a limit has none to halve: each process halves its own pace.
func (l *Limiter) Slow(ctx context.Context, provider vocab.ProviderID) error {
	if _, limited := l.limits[provider]; !limited {
		return nil
	}
	if err := l.redis.client.Set(ctx, slowKey(provider), "1", slowFor).Err(); err != nil {
		return fmt.Errorf("slow %s down: %w", provider, fault.Away("queue", errors.New("redis does not answer")))
	}
	return nil
}
