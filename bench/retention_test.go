package bench

import (
	"flag"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

var oldMessages = flag.Int("old", 200_000, "old messages that BenchmarkRetention forgets")

// BenchmarkRetention forgets what old messages say, and then the messages, in portions as the housekeeper does but without its rests: these add
// 50 ms for each 500 messages. content-s and messages-s are seconds for all of them.
//
//	go test ./bench -run '^$' -bench Retention -benchtime 1x -timeout 0 -old 1000000
func BenchmarkRetention(b *testing.B) {
	for _, name := range engines {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				l := aged(b, open(b, name), *oldMessages)
				b.ResetTimer()
				for _, kind := range []dispatcher.RetentionKind{dispatcher.RetainContent, dispatcher.RetainMessages} {
					began, forgotten := time.Now(), 0
					step := dispatcher.ForgetStep{Kind: kind, Class: vocab.Marketing, Before: time.Now().AddDate(0, 1, 0), Size: 500}
					for more := true; more; {
						f, err := l.ledger.Forget(b.Context(), step)
						if err != nil {
							b.Fatal(err)
						}
						forgotten += max(f.Counts.Messages, f.Counts.Payloads)
						more = f.More
					}
					if forgotten < *oldMessages {
						b.Fatalf("%d of %d messages were forgotten", forgotten, *oldMessages)
					}
					b.ReportMetric(time.Since(began).Seconds(), string(kind)+"-s")
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
