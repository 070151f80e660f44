package bench

import (
	"encoding/json"

	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// mailTemplate is the name of the benchmark's mail.
const mailTemplate = "bench-newsletter"

// mail is the benchmark's mail as a version.
func mail() templates.Version {
	html, text := testkit.CampaignMail()
	return templates.Version{
		Template: mailTemplate, Purpose: "news.company",
		Sample: map[string]any{"course": "Зимняя школа", "city": "Астана", "seats": 12, "url": "https://orleu.example/enrol/sample"},
		Variants: []templates.Variant{{
			Language: vocab.Russian, Channel: vocab.Email, Approved: true, Subject: "{{ contact.name }}, зимние курсы в городе {{ data.city }}",
			Preheader: "Осталось мест: {{ data.seats }}", HTML: html, Text: text,
		}},
	}
}

// mailData are the variables of one recipient.
func mailData(i int) json.RawMessage {
	return json.RawMessage(testkit.CampaignData(i))
}
