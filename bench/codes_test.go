package bench

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// BenchmarkCodes measures the time from asking for a one-time code over HTTP to its arrival, ten a second, with a campaign of -messages
// under way in the same service and without. The service is one process in all roles, on SQLite with the in-process Redis.
//
//	go test ./bench -run '^$' -bench Codes -benchtime 1x -count 3 -timeout 0 -messages 60000
//
// p50-ms, p99-ms and max-ms end when the sink has the whole code; answer-p99-ms is the answer to the POST. campaign-msg/s is what the
// campaign did meanwhile.
func BenchmarkCodes(b *testing.B) {
	for _, name := range engines {
		for _, campaign := range []int{0, *messages} {
			b.Run(fmt.Sprintf("%s/campaign=%d", name, campaign), func(b *testing.B) {
				e := open(b, name)
				all := e.populate(b, max(campaign, 1))
				for range b.N {
					codes(b, e, all[:campaign])
				}
			})
		}
	}
}

func codes(b *testing.B, e *engine, readers []person) {
	b.Helper()
	build(b)
	redis := ""
	if e.name == "postgres" {
		redis = testkit.Redis(b).URL()
	}
	e.submit(b, readers)
	s := startSink(b)
	listen := "127.0.0.1:" + strconv.Itoa(testkit.Free(b))
	settings := e.settings(s, redis, listen)
	p := poster{url: "http://" + listen, key: apiKey(b, settings)}
	service := serve(b, settings)
	defer service.stop()
	p.awaits(b)
	if len(readers) > 0 {
		s.await(b, 1)
	}
	asked, answered := p.askForCodes(b, func() bool { return s.counts(b).Messages < len(readers) })
	campaign := s.counts(b)
	testkit.Eventually(b, time.Minute, func() error {
		if n := len(s.counts(b).Codes); n < len(asked) {
			return fmt.Errorf("%d of %d codes have come", n, len(asked))
		}
		return nil
	})
	var took []time.Duration
	for to, at := range s.counts(b).Codes {
		took = append(took, at.Sub(asked[to]))
	}
	slices.Sort(took)
	slices.Sort(answered)
	b.ReportMetric(milliseconds(took[len(took)/2]), "p50-ms")
	b.ReportMetric(milliseconds(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(milliseconds(took[len(took)-1]), "max-ms")
	b.ReportMetric(milliseconds(answered[len(answered)*99/100]), "answer-p99-ms")
	b.ReportMetric(float64(len(took)), "codes")
	if len(readers) > 0 {
		b.ReportMetric(campaign.rate(), "campaign-msg/s")
	}
	b.ReportMetric(0, "ns/op")
}

// askForCodes asks for ten codes a second while the campaign runs, for at least 10 and at most 60 seconds. It returns when it asked for
// each, by recipient, and how long the answers took.
func (p *poster) askForCodes(b *testing.B, runs func() bool) (asked map[string]time.Time, answered []time.Duration) {
	b.Helper()
	const most, least = 600, 100
	client := &http.Client{}
	defer client.CloseIdleConnections()
	asked = map[string]time.Time{}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; n < most && (n < least || runs()); n++ {
		<-tick.C
		to := fmt.Sprintf("code-%d@school.example", n)
		body := fmt.Sprintf(`{"to":{"email":%q},"purpose":"account.identity","template":"one-time-code","language":"ru","trigger":{"id":%q},`+
			`"data":{"code":"493817","minutes":10,"action":"вход в кабинет"}}`, to, to)
		asked[to] = time.Now()
		if err := p.post(client, "/v1/messages", []byte(body)); err != nil {
			b.Fatal(err)
		}
		answered = append(answered, time.Since(asked[to]))
	}
	return asked, answered
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
