package email

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
)

// typical is a marketing mail of about 12 KB on the wire.
func typical() channels.Message {
	m := marketing()
	m.Email.HTML = strings.Repeat("<tr><td style=\"padding:0 24px\"><a href=\"https://elshi.example.kz/c/0123456789abcdef\">Жаңа курс</a></td></tr>\n", 65)
	m.Until = time.Now().Add(time.Hour)
	return m
}

// campaign is a mail whose template says which stretches all recipients read alike: ten places of 10 KB are its own.
func campaign() channels.Message {
	m := marketing()
	row := strings.Repeat("<tr><td style=\"padding:0 24px\"><a href=\"https://elshi.example.kz/courses/2026/winter\">Жаңа курс: planning and assessment</a></td></tr>\n", 8)
	var html strings.Builder
	for _, own := range []string{
		"Айгерім Сәрсенова", "Математика мұғалімдеріне арналған жаңа курстар", "Астана", "12", "https://elshi.example.kz/c/0123456789abcdef",
		"https://elshi.example.kz/u/0123456789abcdef0123456789abcdef012345", "https://elshi.example.kz/p/0123456789abcdef0123456789abcdef012345", "Өрлеу", "kk", "2026",
	} {
		m.Email.HTMLMarks = append(m.Email.HTMLMarks, channels.Mark{At: html.Len(), Fixed: &channels.Fixed{Text: row}})
		html.WriteString(row + own)
	}
	m.Email.HTML = html.String()
	begin := strings.Index(m.Email.Text, "!") + 1
	end := strings.Index(m.Email.Text, "https://")
	m.Email.TextMarks = []channels.Mark{{At: begin, Fixed: &channels.Fixed{Text: m.Email.Text[begin:end]}}}
	return m
}

func BenchmarkCompose(b *testing.B) {
	flat := campaign()
	flat.Email.TextMarks, flat.Email.HTMLMarks = nil, nil
	for name, m := range map[string]channels.Message{"typical": typical(), "campaign": campaign(), "campaign-without-marks": flat} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l, err := compose(m)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(l.wire)))
				l.free()
			}
		})
	}
}

// BenchmarkSend hands mail to a go-smtp server in the same process, which shares the CPU with it.
func BenchmarkSend(b *testing.B) {
	for _, connections := range []int{1, 4} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			address := goSMTP(b, &mailbox{}, nil, false)
			s := newSender(b, address, func(o *Options) {
				o.MaxConnections, o.MessagesPerConnection, o.DotReplyTimeout = connections, 1000, time.Minute
			})
			batch := make([]channels.Message, 500)
			for i := range batch {
				batch[i] = typical()
			}
			sent := 0
			for b.Loop() {
				s.Send(b.Context(), batch, func(r channels.Receipt) {
					if r.Outcome != channels.Accepted {
						b.Errorf("%s with %v", r.Outcome, r.Err)
					}
					sent++
				})
			}
			b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "messages/s")
			_ = s.Close()
		})
	}
}
