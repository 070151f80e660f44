package templates

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/inbucket/html2text"
	"github.com/osteele/liquid/expressions"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// maxEncoded bounds the HTML part as quoted-printable puts it on the wire: mailboxes cut longer ones (Gmail at about 102 KB),
// and the opt-out link is what they cut off.
const maxEncoded = 90 << 10

// Options are what compiling depends on besides the version.
type Options struct {
	Zone *time.Location // where dates are shown. Default Asia/Almaty
}

// Compiled is a version ready to render. It is safe for concurrent use and renders each message alone.
type Compiled struct {
	variants []Variant
	texts    []texts
	fixed    []string
	calendar string
}

// texts are the compiled fields of one variant.
type texts struct {
	subject, preheader, html, text, sms program
	config                              expressions.Config
	configHTML                          expressions.Config
	unsubscribes                        bool
}

// Content is what one message says.
type Content struct {
	Language  vocab.Language // the variant's own, which may be a fallback
	Subject   string         // one line
	Preheader string         // one line
	HTML      string         // at most 90 KB encoded
	Text      string         // never empty for email
	SMS       string
	ICS       []byte // RFC 5545, text/calendar; method=PUBLISH; nil unless the version has a calendar and this is an email
	// HTMLMarks and TextMarks say where fixed texts of the version stand in HTML and Text, ascending and apart. They are not complete.
	HTMLMarks, TextMarks []Mark
}

// Mark says that a fixed text of the version, one that no variable changes, stands in what was rendered.
type Mark struct {
	At    int // offset of its first byte
	Fixed int // its place in Compiled.Fixed
}

// Fixed returns the texts that Marks name. They never change.
func (c *Compiled) Fixed() []string { return c.fixed }

// Compile compiles a version with default options. Its error is that of Validate, without the check of the sample.
func Compile(v Version) (*Compiled, error) { return Options{}.Compile(v) }

// Compile compiles a version. Compiling costs about a millisecond; keep the result.
func (o Options) Compile(v Version) (*Compiled, error) {
	zone := o.Zone
	if zone == nil {
		var err error
		if zone, err = almaty(); err != nil {
			return nil, fmt.Errorf("compile template %s: %w", v.Template, err)
		}
	}
	c := &Compiled{variants: slices.Clone(v.Variants), calendar: v.Calendar}
	var fields []fault.Field
	for i, w := range v.Variants {
		made, wrong := compileVariant(w, "/variants/"+strconv.Itoa(i), zone)
		for _, text := range []*program{&made.html, &made.text} {
			text.first = len(c.fixed)
			c.fixed = append(c.fixed, text.fixed...)
		}
		c.texts = append(c.texts, made)
		fields = append(fields, wrong...)
	}
	if fields = append(versionProblems(v), fields...); len(fields) > 0 {
		return nil, fault.InvalidFields(fields...)
	}
	return c, nil
}

var almaty = sync.OnceValues(func() (*time.Location, error) { return time.LoadLocation(defaultZone) })

func compileVariant(w Variant, pointer string, zone *time.Location) (made texts, fields []fault.Field) {
	one := func(name, source string, isHTML bool) program {
		made, problems := parse(source, isHTML)
		for _, p := range problems {
			fields = append(fields, fault.Field{Pointer: pointer + "/" + name, Code: p.code, Detail: p.sentence()})
		}
		return made
	}
	setting := setting{lang: base(w.Language), zone: zone}
	made.config = register(setting)
	setting.html = true
	made.configHTML = register(setting)
	made.unsubscribes = w.HasUnsubscribe()
	switch w.Channel {
	case vocab.Email:
		made.subject = one("subject", w.Subject, false)
		made.preheader = one("preheader", w.Preheader, false)
		made.html = one("html", w.HTML, true)
		made.text = one("text", w.Text, false)
	case vocab.SMS:
		made.sms = one("sms", w.SMS, false)
	}
	return made, fields
}

// HasUnsubscribe tells what Variant.HasUnsubscribe says about the variant that Render would take, without parsing it again.
func (c *Compiled) HasUnsubscribe(channel vocab.Channel, lang vocab.Language) bool {
	i := pick(c.variants, channel, lang)
	return i >= 0 && c.texts[i].unsubscribes
}

// Uses says whether the variant that Render would take reads a variable, such as "links.why".
func (c *Compiled) Uses(channel vocab.Channel, lang vocab.Language, variable string) bool {
	i := pick(c.variants, channel, lang)
	if i < 0 {
		return false
	}
	t := &c.texts[i]
	for _, text := range []*program{&t.subject, &t.preheader, &t.html, &t.text, &t.sms} {
		for _, path := range text.uses {
			if rest, found := strings.CutPrefix(path, variable); found && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				return true
			}
		}
	}
	return false
}

// Render makes one message in the language asked for or its fallback (see Pick). vars holds contact, org, links, message and
// data; only what the texts use must be there. It does not change vars.
//
// A missing variable is a *MissingVariable, data that make no message a *RenderError; a channel without a variant is a
// fault.NotFound. There is no Content with an error.
func (c *Compiled) Render(channel vocab.Channel, lang vocab.Language, vars map[string]any) (content Content, err error) {
	i := pick(c.variants, channel, lang)
	if i < 0 {
		return Content{}, fault.Missing("variant_not_found", "the template has no variant for this channel")
	}
	defer func() { // liquid's evaluator panics on what it did not expect; one odd message must not stop a batch
		if recover() != nil {
			content, err = Content{}, &RenderError{Code: "internal", Detail: "the template cannot be rendered with these data"}
		}
	}()
	return c.render(i, vars)
}

func (c *Compiled) render(i int, vars map[string]any) (Content, error) {
	t := &c.texts[i]
	content := Content{Language: c.variants[i].Language}
	r := newRendering(vars)
	defer r.done()
	switch c.variants[i].Channel {
	case vocab.SMS:
		content.SMS = strings.TrimSpace(r.field("sms", &t.sms, t.config))
		if r.err == nil && content.SMS == "" {
			r.err = &RenderError{Code: "empty", Field: "sms", Detail: "the text is empty"}
		}
	case vocab.Email:
		content.Subject = oneLine(r.field("subject", &t.subject, t.config))
		r.message["subject"] = content.Subject
		content.Preheader = oneLine(r.field("preheader", &t.preheader, t.config))
		r.message["preheader"] = content.Preheader
		content.HTML = r.field("html", &t.html, t.configHTML)
		content.HTMLMarks = r.marked()
		content.Text, content.TextMarks = r.tidied(r.field("text", &t.text, t.config))
		if r.err == nil {
			r.err = content.completeEmail()
		}
		if r.err == nil && c.calendar != "" {
			content.ICS, r.err = calendar(c.calendar, vars)
		}
	}
	if r.err != nil {
		return Content{}, r.err
	}
	return content, nil
}

// completeEmail derives the text part if there is none, and checks what only the whole can tell.
func (c *Content) completeEmail() error {
	if tooLong, encoded := exceeds(c.HTML, maxEncoded); tooLong {
		return &RenderError{Code: "too_large", Field: "html", Detail: "the HTML takes " + strconv.Itoa(encoded>>10) + " KB encoded; 90 KB are allowed"}
	}
	if c.Subject == "" {
		return &RenderError{Code: "empty", Field: "subject", Detail: "the subject is empty"}
	}
	if c.Text == "" {
		derived, err := html2text.FromString(c.HTML)
		if err != nil || strings.TrimSpace(derived) == "" {
			return &RenderError{Code: "empty", Field: "text", Detail: "no text can be derived from the HTML; write a text part"}
		}
		c.Text = tidy(derived)
	}
	return nil
}

// rendering renders the fields of one message; after the first error it does nothing.
type rendering struct {
	*run

	err error
}

// runs are kept for the next message: most are as large as the one before.
var runs = sync.Pool{New: func() any { return &run{bindings: map[string]any{}, message: map[string]any{}} }}

// maxKept is the largest output that is kept for the next message, in bytes.
const maxKept = 128 << 10

func newRendering(vars map[string]any) *rendering {
	r := &rendering{run: runs.Get().(*run)} //nolint:forcetypeassert // the pool holds nothing else
	r.steps, r.spent = 0, 0
	maps.Copy(r.message, asMap(vars["message"])) // the caller's stays as it is
	for i, root := range roots {
		r.roots[i] = scoped{run: r.run, key: root, index: -1, value: vars[root]}
		if root == "message" {
			r.roots[i].value = r.message
		}
	}
	return r
}

// done lets go of the message's data and keeps the rest.
func (r *rendering) done() {
	r.begin(0, expressions.Config{})
	clear(r.roots[:])
	clear(r.message)
	if cap(r.out) <= maxKept {
		runs.Put(r.run)
	}
}

func (r *rendering) field(name string, text *program, config expressions.Config) string {
	if r.err != nil {
		return ""
	}
	// Steps and bytes count for the whole message; what one field assigns is not there in the next.
	r.begin(text.first, config)
	if len(text.nodes) == 0 {
		return ""
	}
	r.out = slices.Grow(r.out, text.size+text.size/4)
	if err := r.renderAll(text.nodes); err != nil {
		line := 0
		if missing, ok := errors.AsType[*MissingVariable](err); ok {
			line = missing.Line
		} else if failed, ok := errors.AsType[*RenderError](err); ok {
			line = failed.Line
		}
		r.err = located(err, name, line)
		return ""
	}
	return string(r.out)
}

// marked are the marks of the field that was rendered last.
func (r *rendering) marked() []Mark {
	if len(r.marks) == 0 {
		return nil
	}
	return slices.Clone(r.marks)
}

// tidied is the field that was rendered last without the empty lines that tags leave behind, and its marks if that left them true.
func (r *rendering) tidied(text string) (string, []Mark) {
	neat := tidy(text)
	if !strings.HasPrefix(neat, text) {
		return neat, nil
	}
	return neat, r.marked()
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// tidy removes the empty lines that tags leave behind in plain text.
func tidy(s string) string {
	if s == "" || isTidy(s) {
		return s
	}
	if s[len(s)-1] != '\n' && isTidy(s+"\n") { // most authors end a text without a line break
		return s + "\n"
	}
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	kept := lines[:0]
	blank := 0
	for _, line := range lines {
		line = strings.TrimRight(line, " \t")
		if line == "" {
			blank++
		} else {
			blank = 0
		}
		if blank <= 1 {
			kept = append(kept, line)
		}
	}
	if text := strings.Trim(strings.Join(kept, "\n"), "\n"); text != "" {
		return text + "\n"
	}
	return ""
}

// isTidy is the one look that most texts get.
func isTidy(s string) bool {
	if s[0] == '\n' || s[len(s)-1] != '\n' || strings.HasSuffix(s, "\n\n") || strings.Contains(s, "\n\n\n") || strings.Contains(s, "\r\n") {
		return false
	}
	for i := 1; i < len(s); i++ {
		next := strings.IndexByte(s[i:], '\n')
		if next < 0 {
			return true
		}
		if i += next; s[i-1] == ' ' || s[i-1] == '\t' {
			return false
		}
	}
	return true
}

// exceeds says whether a text is longer than limit when it is encoded. Most texts are so short that nobody needs to count.
func exceeds(s string, limit int) (tooLong bool, encoded int) {
	if 3*len(s)+9*len(s)/75+3 <= limit { // every byte as =XX
		return false, 0
	}
	encoded = quotedPrintable(s)
	return encoded > limit, encoded
}

// quotedPrintable returns how many bytes a text takes as quoted-printable (RFC 2045 section 6.7), soft line breaks included.
func quotedPrintable(s string) int {
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			n += 2
		case c >= ' ' && c <= '~' && c != '=', c == '\t':
			n++
		default:
			n += 3
		}
	}
	return n + n/75*3
}
