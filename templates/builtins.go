package templates

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/orleu/elshi/vocab"
)

//go:embed builtin
var builtinFiles embed.FS

// meta is builtin/<name>/meta.json: what a version has besides its texts.
type meta struct {
	Purpose   vocab.Purpose             `json:"purpose"`
	Calendar  string                    `json:"calendar"`
	Footer    string                    `json:"footer"`   // "marketing" (with opt-out and why) or "plain"
	SMSOnly   bool                      `json:"sms_only"` // an answer to a text, which no email can be
	Subject   map[vocab.Language]string `json:"subject"`
	Preheader map[vocab.Language]string `json:"preheader"`
	Sample    map[string]any            `json:"sample"`
}

// Builtins returns the templates that ship, each as version 1 in kk, ru and en, sorted by name, with Hash and without ID,
// which is the store's to give: all for email and SMS, but keyword-help, which answers texts, for SMS alone. Every variant is whole: nothing refers to another file any more.
func Builtins() ([]Version, error) {
	metas, err := fs.Glob(builtinFiles, "builtin/*/meta.json")
	if err != nil {
		return nil, fmt.Errorf("list built-in templates: %w", err)
	}
	var versions []Version
	for _, file := range metas {
		name := path.Base(path.Dir(file))
		v, err := builtin(name)
		if err != nil {
			return nil, fmt.Errorf("built-in template %s: %w", name, err)
		}
		versions = append(versions, v)
	}
	return versions, nil
}

func builtin(name string) (Version, error) {
	dir := "builtin/" + name + "/"
	var m meta
	raw, err := builtinFiles.ReadFile(dir + "meta.json")
	if err != nil {
		return Version{}, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return Version{}, fmt.Errorf("read meta.json: %w", err)
	}
	v := Version{Template: name, Number: 1, Purpose: m.Purpose, Sample: m.Sample, Calendar: m.Calendar}
	files := reader{}
	for _, lang := range vocab.Languages() {
		if !m.SMSOnly {
			v.Variants = append(v.Variants, files.email(dir, m, lang))
		}
		v.Variants = append(v.Variants, Variant{
			Language: lang, Channel: vocab.SMS, Approved: true,
			SMS: strings.TrimSpace(files.read(dir + string(lang) + ".sms.txt")),
		})
	}
	v.Hash = v.ContentHash()
	return v, files.err
}

// reader reads embedded files and keeps the first error.
type reader struct{ err error }

func (r *reader) read(name string) string {
	raw, err := builtinFiles.ReadFile(name)
	if err != nil && r.err == nil {
		r.err = err
	}
	return string(raw)
}

// email puts a template's texts in a language between layout and footer.
func (r *reader) email(dir string, m meta, lang vocab.Language) Variant {
	footer := "builtin/footers/" + m.Footer + "." + string(lang)
	html := strings.NewReplacer(
		"@@lang@@", string(lang),
		"@@content@@", r.read(dir+string(lang)+".html"),
		"@@footer@@", r.read(footer+".html"),
	).Replace(r.read("builtin/layout.html"))
	return Variant{
		Language: lang, Channel: vocab.Email, Approved: true,
		Subject: m.Subject[lang], Preheader: m.Preheader[lang],
		HTML: r.withButtons(html),
		Text: r.read(dir+string(lang)+".txt") + r.read(footer+".txt"),
	}
}

var buttonMark = regexp.MustCompile(`@@button url="([^"]+)" label="([^"]+)"@@`)

// withButtons puts the button's markup, which mail programs need to be long, where a text has its mark.
func (r *reader) withButtons(html string) string {
	button := strings.TrimSuffix(r.read("builtin/button.html"), "\n")
	return buttonMark.ReplaceAllStringFunc(html, func(mark string) string {
		parts := buttonMark.FindStringSubmatch(mark)
		return strings.NewReplacer("@@url@@", parts[1], "@@label@@", parts[2]).Replace(button)
	})
}
