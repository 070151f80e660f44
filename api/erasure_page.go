package api

import (
	_ "embed" // the page
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/vocab"
)

// certificateType is what the description calls CertificateView.
var certificateType = reflect.TypeFor[certificateView]()

//go:embed pages/certificate.html
var certificatePage string

// printedPolicy lets a page that is meant to be printed or kept load nothing and run nothing.
const printedPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// wantsHTML says whether a browser asks: it names text/html before it takes anything.
func wantsHTML(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		media, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch strings.ToLower(media) {
		case "text/html", "application/xhtml+xml":
			return true
		case "application/json":
			return false
		}
	}
	return false
}

// certificateWords are the words of the page in kk, ru and en.
var certificateWords = map[string]map[vocab.Language]string{
	"title":     {vocab.Kazakh: "Дербес деректерді жою туралы куәлік", vocab.Russian: "Свидетельство об уничтожении персональных данных", vocab.English: "Certificate of erasure of personal data"},
	"number":    {vocab.Kazakh: "Куәлік нөмірі", vocab.Russian: "Номер свидетельства", vocab.English: "Certificate"},
	"operator":  {vocab.Kazakh: "Оператор", vocab.Russian: "Оператор", vocab.English: "Operator"},
	"bin":       {vocab.Kazakh: "БСН", vocab.Russian: "БИН", vocab.English: "BIN"},
	"contact":   {vocab.Kazakh: "Контактінің ішкі нөмірі", vocab.Russian: "Внутренний номер контакта", vocab.English: "Contact"},
	"at":        {vocab.Kazakh: "Жойылған уақыты", vocab.Russian: "Время уничтожения", vocab.English: "Erased at"},
	"by":        {vocab.Kazakh: "Кімнің тапсырмасымен", vocab.Russian: "По чьему распоряжению", vocab.English: "By order of"},
	"deleted":   {vocab.Kazakh: "Не жойылды", vocab.Russian: "Что уничтожено", vocab.English: "What was deleted"},
	"remains":   {vocab.Kazakh: "Не қалды және неге", vocab.Russian: "Что осталось и почему", vocab.English: "What remains and why"},
	"what":      {vocab.Kazakh: "Деректер", vocab.Russian: "Данные", vocab.English: "Data"},
	"count":     {vocab.Kazakh: "Саны", vocab.Russian: "Количество", vocab.English: "Count"},
	"why":       {vocab.Kazakh: "Неге", vocab.Russian: "Почему", vocab.English: "Why"},
	"ground":    {vocab.Kazakh: "Құқықтық негіз", vocab.Russian: "Правовое основание", vocab.English: "Legal ground"},
	"flight":    {vocab.Kazakh: "Сол сәтте жіберіліп жатқан және әлі келуі мүмкін хабарламалар", vocab.Russian: "Сообщения, которые передавались в этот момент и ещё могут прийти", vocab.English: "Messages that were being handed over at that moment and may still arrive"},
	"ledger":    {vocab.Kazakh: "Сол сәттегі келісімдер журналының соңы", vocab.Russian: "Конец журнала согласий в этот момент", vocab.English: "End of the consent ledger at that moment"},
	"entry":     {vocab.Kazakh: "жазба", vocab.Russian: "запись", vocab.English: "entry"},
	"signature": {vocab.Kazakh: "Электрондық қолтаңба (JWS, Ed25519)", vocab.Russian: "Электронная подпись (JWS, Ed25519)", vocab.English: "Signature (JWS, Ed25519)"},
}

// certificateTemplates are the page in each language. A mistake in it stops the program at its start.
var certificateTemplates = func() map[vocab.Language]*template.Template {
	all := map[vocab.Language]*template.Template{}
	for _, lang := range vocab.Languages() {
		all[lang] = template.Must(template.New("certificate").Funcs(template.FuncMap{
			"t": func(key string) (string, error) {
				text, known := certificateWords[key][lang]
				if !known {
					return "", fmt.Errorf("no text %q", key)
				}
				return text, nil
			},
			"in": func(texts map[vocab.Language]string) string { return texts[lang] },
		}).Parse(certificatePage))
	}
	return all
}()

// printCertificate writes the page to print.
func (a *API) printCertificate(w io.Writer, view *certificateView, lang vocab.Language) error {
	var c contacts.Certificate
	if err := json.Unmarshal(view.Certificate, &c); err != nil {
		return fmt.Errorf("certificate that was kept: %w", err)
	}
	zone := a.Certificates.Zone
	if zone == nil {
		zone = time.UTC
	}
	return certificateTemplates[lang].Execute(w, map[string]any{
		"Lang": lang, "C": c, "At": c.ErasedAt.In(zone).Format("02.01.2006 15:04:05 -07:00"), "JWS": view.JWS,
	})
}
