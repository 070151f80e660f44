package bench

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
)

// BenchmarkCampaign sends -messages marketing messages that wait in the ledger to the sink, with a worker and feeder process
// of its own, after it has measured the raw limit on the same machine a moment before.
func BenchmarkCampaign(b *testing.B) {
	onEach(b, func(b *testing.B, e *engine) {
		b.Helper()
		all := e.populate(b, *messages)
		b.ResetTimer()
		for range b.N {
			campaign(b, e, all)
		}
	})
}

func campaign(b *testing.B, e *engine, all []person) {
	b.Helper()
	build(b)
	redis := ""
	roles := []string{}
	if e.name == "postgres" {
		redis = testkit.Redis(b).URL()
		roles = []string{"worker", "feeder"}
	}
	began := time.Now()
	e.submit(b, all)
	b.ReportMetric(float64(len(all))/time.Since(began).Seconds(), "submitted/s")

	s := startSink(b)
	raw := map[int]float64{}
	for _, connections := range []int{4, 8} {
		raw[connections] = s.blast(b, connections, max(*messages, 50_000), 12_000)
		b.ReportMetric(raw[connections], fmt.Sprintf("raw%d/s", connections))
	}

	databaseBefore := e.databaseUsed(b)
	before := used(b, os.Getpid(), false)
	began = time.Now()
	service := serve(b, e.settings(s, redis, "127.0.0.1:0", roles...))
	sent := s.await(b, len(all))
	worker, database := used(b, service.pid, false), e.databaseUsed(b)
	if *profile != "" {
		worker.cpu -= before.cpu
	}
	service.stop()
	if n := e.count(b, dispatcher.Sent); n < len(all) || sent.Distinct != len(all) {
		b.Errorf("the ledger has %d messages as sent, the sink %d, %d of them different; want %d", n, sent.Messages, sent.Distinct, len(all))
	}
	rate := float64(sent.Messages-1) / sent.Last.Sub(sent.First).Seconds()
	perMessage := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(len(all)) }
	b.ReportMetric(rate, "msg/s")
	b.ReportMetric(rate/raw[8], "of-raw8")
	b.ReportMetric(rate/raw[4], "of-raw4")
	b.ReportMetric(perMessage(worker.cpu), "worker-µs/msg")
	b.ReportMetric(perMessage(database.cpu-databaseBefore.cpu), "database-µs/msg")
	b.ReportMetric(float64(worker.peak)/1024, "peak-MiB")
	b.ReportMetric(sent.First.Sub(began).Seconds()*1000, "first-ms")
	b.ReportMetric(float64(sent.Size)/float64(sent.Messages), "bytes/msg")
	b.ReportMetric(0, "ns/op") // one campaign is no operation
}

// await waits until the sink has n messages, as long as some keep coming.
func (s *sink) await(b *testing.B, n int) counts {
	b.Helper()
	const patience = 30 * time.Second
	seen, since := 0, time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		c := s.counts(b)
		if c.Messages >= n {
			return c
		}
		if c.Messages > seen {
			seen, since = c.Messages, time.Now()
		}
		if time.Since(since) > patience {
			b.Fatalf("%d of %d messages have come, and none for %v", seen, n, patience)
		}
	}
}
