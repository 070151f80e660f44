package bench

import (
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
)

// BenchmarkWorkers sends the same campaign of -messages three times from one ledger on PostgreSQL and one Redis: with one process of the
// roles worker and feeder, with two, and with one again:
//
//	go test ./bench -run '^$' -bench Workers -benchtime 1x -count 3 -timeout 0 -messages 60000
//
// two-of-one compares the two with the mean of the single ones. On a machine whose cores are busy with one process it cannot exceed one;
// what they lose by standing in each other's way shows in worker-µs/msg and database-µs/msg, which count all processes, and in deadlocks.
// second-share is what the less busy of the two did, by CPU time. A message that comes twice or not at all fails the run.
func BenchmarkWorkers(b *testing.B) {
	e := open(b, "postgres")
	all := e.populate(b, *messages)
	build(b)
	redis := testkit.Redis(b).URL()
	b.ResetTimer()
	for range b.N {
		before := e.deadlocks(b)
		first := e.fleet(b, redis, all, 1)
		two := e.fleet(b, redis, all, 2)
		last := e.fleet(b, redis, all, 1)
		b.ReportMetric((first.rate+last.rate)/2, "one-msg/s")
		b.ReportMetric(two.rate, "two-msg/s")
		b.ReportMetric(two.rate/((first.rate+last.rate)/2), "two-of-one")
		b.ReportMetric((first.worker+last.worker)/2, "one-worker-µs/msg")
		b.ReportMetric(two.worker, "two-worker-µs/msg")
		b.ReportMetric((first.database+last.database)/2, "one-database-µs/msg")
		b.ReportMetric(two.database, "two-database-µs/msg")
		b.ReportMetric(two.leastShare, "second-share")
		b.ReportMetric(float64(e.deadlocks(b)-before), "deadlocks")
		b.ReportMetric(0, "ns/op")
	}
}

// fleetRun is what some processes did together.
type fleetRun struct {
	rate             float64
	worker, database float64 // CPU microseconds a message
	leastShare       float64 // of the workers' CPU time
}

// fleet sends a message to everybody with so many processes.
func (e *engine) fleet(b *testing.B, redis string, all []person, processes int) fleetRun {
	b.Helper()
	e.submit(b, all)
	already := e.count(b, dispatcher.Sent)
	s := startSink(b)
	before := e.databaseUsed(b).cpu
	var services []*service
	for range processes {
		services = append(services, serve(b, e.settings(s, redis, "127.0.0.1:0", "worker", "feeder")))
	}
	s.await(b, len(all))
	var worker, least time.Duration
	for i, x := range services {
		cpu := used(b, x.pid, false).cpu
		worker += cpu
		if i == 0 || cpu < least {
			least = cpu
		}
	}
	database := e.databaseUsed(b).cpu - before
	for _, x := range services {
		x.stop()
	}
	// Counted after the end of the processes: what is sent twice may come late.
	sent := s.counts(b)
	if n := e.count(b, dispatcher.Sent) - already; n != len(all) || sent.Messages != len(all) || sent.Distinct != len(all) {
		b.Errorf("the ledger has %d messages as sent, the sink %d, %d of them different; want %d", n, sent.Messages, sent.Distinct, len(all))
	}
	n := float64(len(all))
	return fleetRun{
		rate: sent.rate(), worker: worker.Seconds() * 1e6 / n, database: database.Seconds() * 1e6 / n, leastShare: least.Seconds() / worker.Seconds(),
	}
}

// deadlocks is how many the database has found in its life.
func (e *engine) deadlocks(b *testing.B) int {
	b.Helper()
	db := e.sql(b)
	defer db.Close()
	var n int
	if err := db.QueryRowContext(b.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}
