package testkit

import (
	"fmt"
	"strings"
)

// CampaignMail returns the HTML and text of the benchmarks' mail, as templates: five variables of the contact beside the links of every
// marketing mail, one condition, in Russian, so that quoted-printable has something to do. It comes to about 10 KB of bodies and 14 KB on
// the wire. The variables are CampaignData's.
func CampaignMail() (html, text string) {
	var h strings.Builder
	h.WriteString(`<!doctype html>
<html lang="ru"><head><meta charset="utf-8"><title>{{ data.course }}</title>
<style>body{margin:0;background:#f4f6f8;font-family:Arial,sans-serif}td{font-size:15px;line-height:22px;color:#1c2733}a{color:#0b62a4}</style></head>
<body><table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" style="background:#ffffff;border-radius:6px">
<tr><td style="padding:24px">Здравствуйте, {{ contact.name }}! Приглашаем Вас на курс «{{ data.course }}» в городе {{ data.city }}.</td></tr>
`)
	for i := range 22 {
		fmt.Fprintf(&h, `<tr><td style="padding:8px 24px;border-top:1px solid #e3e8ee"><a href="https://orleu.example/courses/2026/winter/%02d"`+
			` style="font-weight:bold;text-decoration:none">Module %d: planning and assessment</a><br><span style="color:#5b6773;font-size:13px">`+
			`Formative assessment, lesson design and the habit of visiting each other. Онлайн.</span></td></tr>`+"\n", i, i)
	}
	h.WriteString(`{% if data.seats %}<tr><td style="padding:24px">Осталось мест: {{ data.seats }}.</td></tr>{% endif %}
<tr><td style="padding:24px"><a href="{{ data.url }}">Записаться</a></td></tr>
<tr><td style="padding:24px;color:#5b6773;font-size:12px">{{ org.name }}. <a href="{{ links.preferences }}">Настройки</a> ·
<a href="{{ links.why }}">Почему я это получил</a> · <a href="{{ links.unsubscribe }}">Отписаться</a></td></tr>
</table></td></tr></table></body></html>
`)
	var t strings.Builder
	t.WriteString("Здравствуйте, {{ contact.name }}!\n\nПриглашаем Вас на курс «{{ data.course }}» в городе {{ data.city }}. Мест: {{ data.seats }}.\n\n")
	for i := range 22 {
		fmt.Fprintf(&t, "Module %d: planning and assessment\n", i)
	}
	t.WriteString("\n{{ data.url }}\n\nОтписаться: {{ links.unsubscribe }}\nПочему я это получил: {{ links.why }}\n")
	return h.String(), t.String()
}

// CampaignData returns the JSON object of CampaignMail's variables of the i-th recipient.
func CampaignData(i int) string {
	return fmt.Sprintf(`{"course":"Зимняя школа учителей %d","city":"Астана","seats":%d,"url":"https://orleu.example/enrol/%08d"}`, i%7, 1+i%30, i)
}
