package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/email"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// BenchmarkRelay hands mail to a relay that is a round trip of 5 ms away, over 16 and 64 connections, with and without PIPELINING. There
// are no others at work: no ledger, no rendering. One op is a whole batch:
//
//	go test ./bench -run '^$' -bench Relay -benchtime 1x -count 3
//
// rtt-ms is what a round trip took while nothing else happened. trips/msg is how many round trips a message took on its connection,
// by the clock; the protocol needs one with PIPELINING and four without. of-raw compares with "smtp blast" over the same way.
func BenchmarkRelay(b *testing.B) {
	for _, mode := range []string{"pipelined", "plain"} {
		for _, connections := range []int{16, 64} {
			b.Run(fmt.Sprintf("%s/connections=%d", mode, connections), func(b *testing.B) {
				s := startSink(b, "-plain="+strconv.FormatBool(mode == "plain"), "-rtt=5ms")
				trip := s.roundTrip(b)
				n := connections * 500
				batch := batchOf(b, n)
				raw := 0.0
				if mode == "pipelined" {
					raw = s.blast(b, connections, n, 12_000)
				}
				b.ResetTimer()
				for range b.N {
					rate := s.relay(b, connections, batch)
					b.ReportMetric(rate, "msg/s")
					b.ReportMetric(float64(connections)/rate/trip.Seconds(), "trips/msg")
					if raw > 0 {
						b.ReportMetric(raw, "raw/s")
						b.ReportMetric(rate/raw, "of-raw")
					}
				}
				b.ReportMetric(milliseconds(trip), "rtt-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// relay sends a batch and returns its rate at the sink.
func (s *sink) relay(b *testing.B, connections int, batch []channels.Message) float64 {
	b.Helper()
	s.forget(b)
	sender, err := email.New(email.Options{
		Address: s.mail, TLS: email.TLSNone, MaxConnections: connections, MessagesPerConnection: 500, Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	sender.Send(b.Context(), batch, func(r channels.Receipt) {
		if r.Outcome != channels.Accepted {
			b.Errorf("got %s with %v, want accepted", r.Outcome, r.Err)
		}
	})
	if err := sender.Close(); err != nil {
		b.Error(err)
	}
	c := s.counts(b)
	if c.Messages != len(batch) || c.Distinct != len(batch) {
		b.Fatalf("%d messages have come, %d of them different, want %d", c.Messages, c.Distinct, len(batch))
	}
	return c.rate()
}

// roundTrip is the median time from a command to its reply.
func (s *sink) roundTrip(b *testing.B) time.Duration {
	b.Helper()
	conn, err := net.Dial("tcp", s.mail)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	if _, err := r.ReadString('\n'); err != nil {
		b.Fatal(err)
	}
	took := make([]time.Duration, 101)
	for i := range took {
		began := time.Now()
		if _, err := conn.Write([]byte("NOOP\r\n")); err != nil {
			b.Fatal(err)
		}
		if _, err := r.ReadString('\n'); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// batchOf makes n messages as the street does: the benchmark's mail, rendered, with the headers of marketing.
func batchOf(b *testing.B, n int) []channels.Message {
	b.Helper()
	c, err := templates.Compile(mail())
	if err != nil {
		b.Fatal(err)
	}
	contents := make([]templates.Content, 50) // what is hundreds of megabytes would measure the memory
	for i := range contents {
		vars := mailVars(b, i)
		if contents[i], err = c.Render(vocab.Email, vocab.Russian, vars); err != nil {
			b.Fatal(err)
		}
	}
	batch := make([]channels.Message, n)
	for i := range batch {
		content := contents[i%len(contents)]
		link := fmt.Sprintf("https://elshi.example/u/%036d", i)
		batch[i] = channels.Message{
			ID: vocab.MessageID(vocab.NewID(vocab.MessagePrefix)), Attempt: 1, Until: time.Now().Add(time.Hour),
			To: vocab.Address(fmt.Sprintf("reader%07d@school%03d.example", i, i%500)),
			Email: &channels.Email{
				EnvelopeFrom: fmt.Sprintf("bounce+%036d@elshi.example", i), From: channels.Mailbox{Name: "Өрлеу", Address: "news@orleu.example"},
				ToName: "Айгүл Сәрсенова", MessageID: fmt.Sprintf("%026d@elshi.example", i), Date: time.Now(), Subject: content.Subject,
				Text: content.Text, HTML: content.HTML, Headers: []channels.Header{
					{Name: "Auto-Submitted", Value: "auto-generated"},
					{Name: "List-Unsubscribe", Value: "<" + link + ">"},
					{Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click"},
				},
			},
		}
	}
	return batch
}

// mailVars are the variables of a recipient as a template sees them.
func mailVars(b *testing.B, i int) map[string]any {
	b.Helper()
	var data map[string]any
	if err := json.Unmarshal(mailData(i), &data); err != nil {
		b.Fatal(err)
	}
	return map[string]any{
		"contact": map[string]any{"name": "Айгүл Сәрсенова", "language": "ru"},
		"org":     map[string]any{"name": "Өрлеу", "address": "", "url": "https://orleu.example"},
		"links": map[string]any{
			"unsubscribe": "https://elshi.example/u/0123456789abcdefghij0123456789abcdefgh", "preferences": "https://elshi.example/p/0123456789abcdef",
			"why": "https://elshi.example/w/0123456789abcdefghij0123456789abcdefgh",
		},
		"message": map[string]any{"id": "msg_06h06wtda9s43c129rpebnyr50", "purpose": "news.company"}, "data": data,
	}
}
