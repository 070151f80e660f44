package api

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/orleu/elshi/vocab"
)

// limits is a bucket of tokens for each API key, in this process. There are as many as there are keys, so none is ever thrown away.
type limits struct {
	perSecond rate.Limit
	burst     int

	mu    sync.Mutex
	byKey map[vocab.APIKeyID]*rate.Limiter
}

func newLimits(perSecond float64, burst int) *limits {
	return &limits{perSecond: rate.Limit(perSecond), burst: burst, byKey: map[vocab.APIKeyID]*rate.Limiter{}}
}

// limitState is what a key has left.
type limitState struct {
	allowed   bool
	remaining int
	reset     time.Duration // until the bucket is full again
	wait      time.Duration // until there is one token; zero if there is
}

// take takes a token of the key's.
func (l *limits) take(key vocab.APIKeyID, now time.Time) limitState {
	l.mu.Lock()
	limiter, have := l.byKey[key]
	if !have {
		limiter = rate.NewLimiter(l.perSecond, l.burst)
		l.byKey[key] = limiter
	}
	l.mu.Unlock()
	s := limitState{allowed: limiter.AllowN(now, 1)}
	tokens := limiter.TokensAt(now)
	s.remaining = max(0, int(tokens))
	s.reset = l.after(float64(l.burst) - tokens)
	if !s.allowed {
		s.wait = l.after(1 - tokens)
	}
	return s
}

// after is how long so many tokens take to come.
func (l *limits) after(tokens float64) time.Duration {
	return time.Duration(tokens / float64(l.perSecond) * float64(time.Second))
}

// policy is the RateLimit-Policy header (draft-ietf-httpapi-ratelimit-headers): so many requests in so many seconds.
func (l *limits) policy() string {
	return fmt.Sprintf(`"key";q=%d;w=%d`, l.burst, seconds(l.after(float64(l.burst))))
}

// header is the RateLimit header: what remains, and in how many seconds all of it is back.
func (s limitState) header() string {
	return fmt.Sprintf(`"key";r=%d;t=%d`, s.remaining, seconds(s.reset))
}

func seconds(d time.Duration) int { return max(0, int(math.Ceil(d.Seconds()))) }
