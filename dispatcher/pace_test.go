package dispatcher

import (
	"testing"
	"time"

	"github.com/orleu/elshi/vocab"
)

func TestPaceSizesClaimsToASecond(t *testing.T) {
	p, r := newPace(), Route{Provider: "relay", Lane: vocab.Bulk}
	if got := p.size(r, 100); got != firstClaim {
		t.Errorf("size of an unknown route = %d, want %d", got, firstClaim)
	}
	p.learn(r, 20, 2*time.Second)
	if got := p.size(r, 100); got != 10 {
		t.Errorf("size after 10 a second = %d, want 10", got)
	}
	p.learn(r, 30, time.Second)
	if got := p.size(r, 100); got != 20 {
		t.Errorf("size after a faster claim = %d, want half of the way: 20", got)
	}
	p.learn(r, 4, time.Second)
	if got := p.size(r, 100); got != 4 {
		t.Errorf("size after a slower claim = %d, want 4 at once", got)
	}
	p.learn(r, 10000, time.Second)
	if got := p.size(r, 100); got != 100 {
		t.Errorf("size of a fast route = %d, want the most, 100", got)
	}
	for range 6 {
		p.halve(r)
	}
	if got := p.size(r, 100); got >= 100 || got < 1 {
		t.Errorf("size after six halvings = %d, want fewer than before", got)
	}
}

func TestPaceLeavesARouteAloneWhoseProviderIsAway(t *testing.T) {
	p, r, now := newPace(), Route{Provider: "relay", Lane: vocab.Urgent}, time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if p.resting(r, now) {
		t.Error("a route rests before anything went wrong")
	}
	rest := firstRest
	for range 10 {
		p.rest(r, now)
		if !p.resting(r, now.Add(rest-time.Millisecond)) || p.resting(r, now.Add(rest)) {
			t.Errorf("a rest does not last %s", rest)
		}
		p.rest(r, now) // another batch that meets the same outage makes it no longer
		now, rest = now.Add(rest), min(2*rest, lastRest)
	}
	if got := p.size(r, 100); got != 1 {
		t.Errorf("size while away = %d, want 1: one message finds out", got)
	}
	if p.resting(Route{Provider: "relay", Lane: vocab.Bulk}, now) {
		t.Error("another lane's route rests too")
	}
	p.learn(r, 1, time.Millisecond)
	if got := p.size(r, 100); got != 100 {
		t.Errorf("size after it came back = %d, want 100", got)
	}
	p.rest(r, now)
	if p.resting(r, now.Add(firstRest)) {
		t.Error("the first rest after a good claim is not the shortest")
	}
}
