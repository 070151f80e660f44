package dispatcher

import (
	"sync"
	"time"
)

// pace is what one process has learnt about the speed of each route: how large a claim may be, and whether the provider is away.
type pace struct {
	mu     sync.Mutex
	routes map[Route]*routePace
}

type routePace struct {
	perSecond float64 // messages a second that one batch came to lately; 0: not known
	away      int     // claims in a row of which nothing could be handed over
	restUntil time.Time
}

// firstClaim is how many messages are claimed while the pace of a route is not known.
const firstClaim = 32

// The rest of a route whose provider is away: it doubles from one to the other.
const (
	firstRest = 2 * time.Second
	lastRest  = time.Minute
)

func newPace() *pace { return &pace{routes: map[Route]*routePace{}} }

// of returns what is known of a route; the caller holds the lock.
func (p *pace) of(r Route) *routePace {
	known, have := p.routes[r]
	if !have {
		known = &routePace{}
		p.routes[r] = known
	}
	return known
}

// size returns how many messages to claim, so that they are sent within about a second: what is claimed can no longer be withdrawn.
func (p *pace) size(r Route, most int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.of(r)
	switch {
	case known.away > 0:
		return 1 // one message finds out whether the provider is back
	case known.perSecond == 0:
		return min(firstClaim, most)
	}
	return max(1, min(int(known.perSecond), most))
}

// learn follows the pace of a route, quickly down and slowly up.
func (p *pace) learn(r Route, n int, took time.Duration) {
	if n == 0 || took <= 0 {
		return
	}
	latest := float64(n) / took.Seconds()
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.of(r)
	known.away = 0
	if known.perSecond > 0 && latest > known.perSecond {
		latest = known.perSecond + (latest-known.perSecond)/2
	}
	known.perSecond = latest
}

// halve slows a route down by half: the receiver says that we are too fast.
func (p *pace) halve(r Route) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.of(r)
	if known.perSecond == 0 {
		known.perSecond = firstClaim // which was too many
	}
	known.perSecond /= 2
}

// rest leaves a route alone for a while: its provider is away, and every further claim would only cost its messages a failure.
func (p *pace) rest(r Route, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.of(r)
	if now.Before(known.restUntil) {
		return // another batch has met the same outage
	}
	known.restUntil = now.Add(min(firstRest<<min(known.away, 5), lastRest))
	known.away++
}

// resting says whether a route is to be left alone now.
func (p *pace) resting(r Route, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return now.Before(p.of(r).restUntil)
}
