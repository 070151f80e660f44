package bench

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
)

// BenchmarkPages opens the preferences page, and unsubscribes by one click, from one client and from 16 at once, each time by the link of another message.
//
//	go test ./bench -run '^$' -bench Pages -benchtime 5000x -timeout 0
func BenchmarkPages(b *testing.B) {
	onEach(b, func(b *testing.B, e *engine) {
		b.Helper()
		ids := e.submit(b, e.populate(b, *people))
		listen := "127.0.0.1:" + strconv.Itoa(testkit.Free(b))
		redis := ""
		if e.name == "postgres" {
			redis = testkit.Redis(b).URL()
		}
		s := startSink(b)
		service := serve(b, e.settings(s, redis, listen))
		defer service.stop()
		base := "http://" + listen
		(&poster{url: base}).awaits(b)
		s.await(b, len(ids)) // or it would be sending all the while
		links := dispatcher.NewLinks(base, hashKey, hashKey)
		for _, x := range []struct {
			name    string
			clients int
			method  string
			kind    dispatcher.LinkKind
			body    string
		}{
			{"open/clients=1", 1, http.MethodGet, dispatcher.LinkPreferences, ""},
			{"open/clients=16", 16, http.MethodGet, dispatcher.LinkPreferences, ""},
			{"unsubscribe/clients=16", 16, http.MethodPost, dispatcher.LinkUnsubscribe, "List-Unsubscribe=One-Click"},
		} {
			b.Run(x.name, func(b *testing.B) {
				var next atomic.Int64
				took, elapsed := load(b, x.clients, func(c *http.Client) (time.Duration, error) {
					id := ids[int(next.Add(1))%len(ids)]
					start := time.Now()
					err := press(c, x.method, links.URL(x.kind, id), x.body)
					return time.Since(start), err
				})
				b.ReportMetric(float64(len(took))/elapsed.Seconds(), "pages/s")
				b.ReportMetric(milliseconds(took[len(took)/2]), "p50-ms")
				b.ReportMetric(milliseconds(took[len(took)*99/100]), "p99-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	})
}

func press(client *http.Client, method, url, body string) error {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d: %.300s", res.StatusCode, answer)
	}
	return err
}
