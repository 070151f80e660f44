package dispatcher

import (
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// newsletter is the benchmarks' mail as a version.
func newsletter() templates.Version {
	html, text := testkit.CampaignMail()
	return templates.Version{
		ID: vocab.TemplateVersionID(vocab.NewID(vocab.TemplateVersionPrefix)), Template: "campaign", Number: 1, Purpose: "news.company",
		Variants: []templates.Variant{{
			Language: vocab.Russian, Channel: vocab.Email, Approved: true, Subject: "{{ contact.name }}, зимние курсы в городе {{ data.city }}",
			Preheader: "Осталось мест: {{ data.seats }}", HTML: html, Text: text,
		}},
	}
}

var newsletterPayload = `{"name":"Айгүл Сәрсенова","data":` + testkit.CampaignData(417) + `}`

// BenchmarkLetter is what a worker computes for one mail of a campaign before the channel has it: rendering, the hash of the content,
// headers and tokens.
func BenchmarkLetter(b *testing.B) {
	s := newShelf(b)
	v := newsletter()
	s.all = append(s.all, v)
	r, l := newRenderer(s), newLetters(b)
	p := samplePermit(vocab.Marketing)
	p.Message.Template, p.Message.Language = v.ID, vocab.Russian
	data := []byte(newsletterPayload)
	until := noon.Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		c, err := r.version(b.Context(), v.ID)
		if err != nil {
			b.Fatal(err)
		}
		content, err := r.render(c, p.Message, data)
		if err != nil {
			b.Fatal(err)
		}
		p.Message.ContentHash = contentHash(content.Content)
		if m := l.message(p, content, until); m.Email == nil {
			b.Fatal("no email")
		}
	}
}
