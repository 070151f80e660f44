package bench

import (
	"os"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
)

// BenchmarkCampaign sends -messages marketing messages that wait in the ledger to the sink, with a worker and feeder process
// of its own. It measures the raw limit before and after and compares with the mean of both, because the machine's speed changes within
// minutes; how far raw8-before/s and raw8-after/s lie apart says how far the ratio may be trusted.
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
	before4, before8 := s.rawLimits(b)
	databaseBefore := e.databaseUsed(b)
	own := used(b, os.Getpid(), false)
	began = time.Now()
	service := serve(b, e.settings(s, redis, "127.0.0.1:0", roles...))
	sent := s.await(b, len(all))
	worker, database := used(b, service.pid, false), e.databaseUsed(b)
	if *profile != "" {
		worker.cpu -= own.cpu
	}
	service.stop()
	if n := e.count(b, dispatcher.Sent); n < len(all) || sent.Distinct != len(all) {
		b.Errorf("the ledger has %d messages as sent, the sink %d, %d of them different; want %d", n, sent.Messages, sent.Distinct, len(all))
	}
	after4, after8 := s.rawLimits(b)
	raw4, raw8 := (before4+after4)/2, (before8+after8)/2
	rate := sent.rate()
	perMessage := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(len(all)) }
	b.ReportMetric(rate, "msg/s")
	b.ReportMetric(raw4, "raw4/s")
	b.ReportMetric(raw8, "raw8/s")
	b.ReportMetric(before8, "raw8-before/s")
	b.ReportMetric(after8, "raw8-after/s")
	b.ReportMetric(rate/raw8, "of-raw8")
	b.ReportMetric(rate/raw4, "of-raw4")
	b.ReportMetric(perMessage(worker.cpu), "worker-µs/msg")
	b.ReportMetric(perMessage(database.cpu-databaseBefore.cpu), "database-µs/msg")
	b.ReportMetric(float64(worker.peak)/1024, "peak-MiB")
	b.ReportMetric(sent.First.Sub(began).Seconds()*1000, "first-ms")
	b.ReportMetric(float64(sent.Size)/float64(sent.Messages), "bytes/msg")
	b.ReportMetric(0, "ns/op") // one campaign is no operation
}

// rawLimits returns what four and eight connections carry.
func (s *sink) rawLimits(b *testing.B) (raw4, raw8 float64) {
	b.Helper()
	n := max(*messages, 50_000)
	return s.blast(b, 4, n, 12_000), s.blast(b, 8, n, 12_000)
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
