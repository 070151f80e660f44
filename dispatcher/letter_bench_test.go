package dispatcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// newsletter is a campaign's mail of about 10 KB of HTML: what all recipients read alike, and eleven places that are each one's own.
func newsletter() templates.Version {
	var html strings.Builder
	html.WriteString(`<!doctype html>
<html lang="ru"><head><meta charset="utf-8"><title>{{ data.course }}</title>
<style>body{margin:0;background:#f4f6f8;font-family:Arial,sans-serif}td{font-size:15px;line-height:22px;color:#1c2733}a{color:#0b62a4}</style></head>
<body><table role="presentation" width="100%"><tr><td style="padding:24px">Здравствуйте, {{ contact.name }}! Приглашаем Вас на курс «{{ data.course }}» в городе {{ data.city }}.</td></tr>
`)
	for i := range 25 {
		fmt.Fprintf(&html, `<tr><td style="padding:8px 24px;border-top:1px solid #e3e8ee"><a href="https://orleu.example/courses/2026/winter/%02d"`+
			` style="font-weight:bold;text-decoration:none">Module %d: planning and assessment</a><br><span style="color:#5b6773;font-size:13px">`+
			`Formative assessment, lesson design and the habit of visiting each other. Онлайн.</span></td></tr>`+"\n", i, i)
	}
	html.WriteString(`{% if data.seats %}<tr><td style="padding:24px">Осталось мест: {{ data.seats }}.</td></tr>{% endif %}
<tr><td style="padding:24px"><a href="{{ data.url }}">Записаться</a></td></tr>
<tr><td style="padding:24px;color:#5b6773;font-size:12px">{{ org.name }}. <a href="{{ links.preferences }}">Настройки</a> ·
<a href="{{ links.why }}">Почему я это получил</a> · <a href="{{ links.unsubscribe }}">Отписаться</a></td></tr>
</table></body></html>
`)
	var text strings.Builder
	text.WriteString("Здравствуйте, {{ contact.name }}!\n\nПриглашаем Вас на курс «{{ data.course }}» в городе {{ data.city }}. Мест: {{ data.seats }}.\n\n")
	for i := range 25 {
		fmt.Fprintf(&text, "Module %d: planning and assessment\n", i)
	}
	text.WriteString("\n{{ data.url }}\n\nОтписаться: {{ links.unsubscribe }}\nПочему я это получил: {{ links.why }}\n")
	return templates.Version{
		ID: vocab.TemplateVersionID(vocab.NewID(vocab.TemplateVersionPrefix)), Template: "campaign", Number: 1, Purpose: "news.company",
		Variants: []templates.Variant{{
			Language: vocab.Russian, Channel: vocab.Email, Approved: true, Subject: "{{ contact.name }}, зимние курсы в городе {{ data.city }}",
			Preheader: "Осталось мест: {{ data.seats }}", HTML: html.String(), Text: text.String(),
		}},
	}
}

const newsletterPayload = `{"name":"Айгүл Сәрсенова","data":{"course":"Зимняя школа учителей 3","city":"Астана","seats":12,"url":"https://orleu.example/enrol/00000417"}}`

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
