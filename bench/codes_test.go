package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/dispatcher/queue"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// BenchmarkCodes measures the time from submitting a one-time code to its arrival, ten a second, with a campaign under way and without.
// The codes enter by the same Submit that the API calls.
func BenchmarkCodes(b *testing.B) {
	for _, campaign := range []int{0, *messages} {
		b.Run(fmt.Sprintf("campaign=%d", campaign), func(b *testing.B) {
			e := open(b, "postgres")
			all := e.populate(b, max(campaign, 1))
			for range b.N {
				codes(b, e, all[:campaign])
			}
		})
	}
}

func codes(b *testing.B, e *engine, readers []person) {
	b.Helper()
	build(b)
	redis := testkit.Redis(b).URL()
	e.submit(b, readers)
	s := startSink(b)
	service := serve(b, e.settings(s, redis, "127.0.0.1:0", "worker", "feeder"))
	defer service.stop()
	client, err := queue.OpenRedis(queue.RedisOptions{URL: redis})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	doorbell := queue.New(client, time.Minute)
	d := e.doors(b, func(batch dispatcher.Batch) {
		if err := doorbell.Ring(b.Context(), batch); err != nil {
			b.Error(err)
		}
	})
	if len(readers) > 0 {
		s.await(b, 1)
	}
	submitted := map[string]time.Time{}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	const most, least = 300, 100
	for n := 0; n < most && (n < least || s.counts(b).Messages < len(readers)); n++ {
		<-tick.C
		to := fmt.Sprintf("code-%d@school.example", n)
		submitted[to] = time.Now()
		out, err := d.submitter.Submit(b.Context(), caller, nil, []dispatcher.Request{{
			To: dispatcher.To{Email: to}, Purpose: "account.identity", Template: "one-time-code", Language: vocab.Russian,
			TriggerID: to, Data: []byte(`{"code":"493817","minutes":10,"action":"вход в кабинет"}`),
		}})
		if err != nil || out.Results[0].Status != dispatcher.Queued {
			b.Fatalf("got %+v, %v, want a queued message", out.Results, err)
		}
	}
	testkit.Eventually(b, time.Minute, func() error {
		if n := len(s.counts(b).Codes); n < len(submitted) {
			return fmt.Errorf("%d of %d codes have come", n, len(submitted))
		}
		return nil
	})
	var took []time.Duration
	for to, at := range s.counts(b).Codes {
		took = append(took, at.Sub(submitted[to]))
	}
	slices.Sort(took)
	b.ReportMetric(milliseconds(took[len(took)/2]), "p50-ms")
	b.ReportMetric(milliseconds(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(float64(len(took)), "codes")
	b.ReportMetric(0, "ns/op")
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
