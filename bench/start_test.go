package bench

import (
	"strconv"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// BenchmarkStart starts "elshi serve" in all roles over a ledger with one message that waits, as after a restart:
//
//	go test ./bench -run '^$' -bench Start -benchtime 5x
//
// ready-ms is when /readyz answers, first-ms when the sink has the message, peak-MiB the resident memory until then. All are means of the
// starts.
func BenchmarkStart(b *testing.B) {
	onEach(b, func(b *testing.B, e *engine) {
		b.Helper()
		build(b)
		redis := ""
		if e.name == "postgres" {
			redis = testkit.Redis(b).URL()
		}
		s := startSink(b)
		one := e.populate(b, 1)
		var ready, first time.Duration
		peak := 0
		for range b.N {
			e.submit(b, one)
			s.forget(b)
			listen := "127.0.0.1:" + strconv.Itoa(testkit.Free(b))
			settings := e.settings(s, redis, listen)
			began := time.Now()
			service := serve(b, settings)
			(&poster{url: "http://" + listen}).awaits(b)
			ready += time.Since(began)
			first += s.await(b, 1).First.Sub(began)
			peak += used(b, service.pid, false).peak
			service.stop()
		}
		b.ReportMetric(milliseconds(ready)/float64(b.N), "ready-ms")
		b.ReportMetric(milliseconds(first)/float64(b.N), "first-ms")
		b.ReportMetric(float64(peak)/1024/float64(b.N), "peak-MiB")
		b.ReportMetric(0, "ns/op")
	})
}
