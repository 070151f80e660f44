package fault_test

import (
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// Redis is a doorbell: whatever happens to it, no message is lost, doubtful or sent twice.

func TestRedisIsEmptied(t *testing.T) {
	t.Parallel()
	s := usual()
	s.BatchSize, s.ClaimSize = 20, 20 // many rings, or the workers have taken all of them before they are lost
	w := newWorld(t, testkit.Postgres(t), 200, s)
	w.sink.Delay(4 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(1500))
	w.worker(t)
	lost := 0
	for _, n := range []int{200, 600, 1000} {
		w.sent(t, n)
		rings, err := w.redis.Do("LLEN", "asynq:{email_bulk}:pending")
		if err != nil {
			t.Fatal(err)
		}
		w.redis.Flush(t)
		if rings != "0" {
			lost++
		}
	}
	if lost == 0 {
		t.Error("no ring was waiting whenever Redis was emptied; the test shows nothing")
	}
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{})
}

func TestRedisIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.Postgres(t), 200, usual())
	w.sink.Delay(4 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(1000))
	first := w.worker(t)
	w.sent(t, 200)
	w.redis.Stop(t)
	asked = append(asked, w.submit(t, w.mixed(100))...) // taken in all the same
	second := w.worker(t)                               // comes up all the same
	lasts(t, 3*time.Second)
	w.redis.Start(t)
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{})
	for _, p := range []*process{first, second} {
		if !p.Running() {
			t.Errorf("a worker has ended: %s", p.Stderr())
		}
	}
}

// A Redis that takes connections and says nothing is worse than none: everything that asks it must give up by itself.
func TestRedisIsSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.Postgres(t), 200, usual())
	w.sink.Delay(4 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(1000))
	w.worker(t)
	w.sent(t, 200)
	w.redis.Pause(t)
	start := time.Now()
	asked = append(asked, w.submit(t, w.mixed(100))...)
	t.Logf("a submission waited %v for a silent Redis", time.Since(start).Round(10*time.Millisecond))
	lasts(t, 2*time.Second)
	w.redis.Resume(t)
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{})
}
