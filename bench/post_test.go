package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// BenchmarkPost asks for messages over HTTP from 16 and 64 clients at once, one message a call and a batch a call, each with a proven grant.
// Clients, service, database and Redis share the machine. On PostgreSQL the service has the role api alone; on SQLite it is everything, so
// that it also sends.
func BenchmarkPost(b *testing.B) {
	onEach(b, func(b *testing.B, e *engine) {
		b.Helper()
		all := e.populate(b, *messages)
		e.doors(b, nil)
		redis, roles := "", []string{}
		if e.name == "postgres" {
			redis, roles = testkit.Redis(b).URL(), []string{"api"}
		}
		listen := "127.0.0.1:" + strconv.Itoa(testkit.Free(b))
		settings := e.settings(startSink(b), redis, listen, roles...)
		settings["server"].(map[string]any)["rate_per_second"] = 1_000_000
		settings["server"].(map[string]any)["rate_burst"] = 1_000_000
		service := serve(b, settings)
		defer service.stop()
		p := poster{url: "http://" + listen, all: all, key: apiKey(b, settings)}
		p.awaits(b)
		for _, x := range []struct{ clients, batch int }{{16, 1}, {64, 1}, {4, 500}} {
			b.Run(fmt.Sprintf("clients=%d/batch=%d", x.clients, x.batch), func(b *testing.B) {
				before, database := used(b, service.pid, false).cpu, e.databaseUsed(b).cpu
				took, elapsed := p.run(b, x.clients, x.batch)
				n := float64(len(took) * x.batch)
				b.ReportMetric(n/elapsed.Seconds(), "msg/s")
				b.ReportMetric(milliseconds(took[len(took)/2]), "p50-ms")
				b.ReportMetric(milliseconds(took[len(took)*99/100]), "p99-ms")
				b.ReportMetric((used(b, service.pid, false).cpu-before).Seconds()*1e6/n, "service-µs/msg")
				b.ReportMetric((e.databaseUsed(b).cpu-database).Seconds()*1e6/n, "database-µs/msg")
				b.ReportMetric(0, "ns/op")
			})
		}
	})
}

// apiKey makes a key as an operator does.
func apiKey(b *testing.B, settings map[string]any) string {
	b.Helper()
	file := writeSettings(b, settings)
	out, err := exec.CommandContext(b.Context(), build(b), "key", "bench", "--config", file).Output()
	if err != nil {
		b.Fatal(err)
	}
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "elshi_live_") {
			return word
		}
	}
	b.Fatalf("no key in %q", out)
	return ""
}

// poster asks for messages.
type poster struct {
	url, key string
	all      []person
	next     atomic.Int64
}

// awaits returns when the service answers.
func (p *poster) awaits(b *testing.B) {
	b.Helper()
	testkit.Eventually(b, 30*time.Second, func() error {
		res, err := http.Get(p.url + "/readyz")
		if err != nil {
			return err
		}
		return res.Body.Close()
	})
}

// run asks for b.N calls from so many clients, and returns how long each took, in order, and all of them.
func (p *poster) run(b *testing.B, clients, batch int) ([]time.Duration, time.Duration) {
	b.Helper()
	return load(b, clients, func(client *http.Client) (time.Duration, error) {
		path, body := p.body(batch)
		start := time.Now()
		err := p.post(client, path, body)
		return time.Since(start), err
	})
}

// load makes b.N calls from so many clients at once, and returns how long each took, in order, and all of them.
func load(b *testing.B, clients int, call func(*http.Client) (time.Duration, error)) ([]time.Duration, time.Duration) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var took []time.Duration
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	began := time.Now()
	var workers sync.WaitGroup
	for range clients {
		workers.Go(func() {
			var mine []time.Duration
			for left.Add(-1) >= 0 {
				t, err := call(client)
				if err != nil {
					b.Error(err)
					return
				}
				mine = append(mine, t)
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	workers.Wait()
	elapsed := time.Since(began)
	if len(took) == 0 {
		b.Fatal("no call was answered")
	}
	slices.Sort(took)
	return took, elapsed
}

// body is a call for the next people.
func (p *poster) body(batch int) (path string, body []byte) {
	items := make([]string, batch)
	for i := range items {
		n := int(p.next.Add(1))
		items[i] = fmt.Sprintf(`{"to":{"contact_id":%q},"channel":"email","purpose":"news.company","template":%q,"language":"ru","data":%s}`,
			p.all[n%len(p.all)].contact, mailTemplate, mailData(n))
	}
	if batch == 1 {
		return "/v1/messages", []byte(items[0])
	}
	return "/v1/messages/batch", []byte(`{"messages":[` + strings.Join(items, ",") + `]}`)
}

func (p *poster) post(client *http.Client, path string, body []byte) error {
	req, err := http.NewRequest(http.MethodPost, p.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("%d: %.300s", res.StatusCode, answer)
	}
	if !json.Valid(answer) || bytes.Contains(answer, []byte(`"suppressed"`)) {
		return fmt.Errorf("not all may go: %.300s", answer)
	}
	return nil
}
