package dispatcher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// templateSource is where versions come from.
type templateSource interface {
	Version(ctx context.Context, id vocab.TemplateVersionID) (templates.Version, error)
	// Resolve names a template's version by number, or its newest if number is 0; fault.NotFound if there is none.
	Resolve(ctx context.Context, template string, number int) (vocab.TemplateVersionID, error)
}

// Org is the organisation as templates name it.
type Org struct {
	Name      map[vocab.Language]string
	ShortName map[vocab.Language]string // for SMS; a language without one takes Name's
	Address   string
	URL       string
}

// shortName is what an SMS calls the organisation: its short name in the language, else its name in it.
func (o Org) shortName(lang vocab.Language) string {
	if short := o.ShortName[lang]; short != "" {
		return short
	}
	if name := o.Name[lang]; name != "" {
		return name
	}
	if short := inLanguage(o.ShortName, lang); short != "" {
		return short // a language that the organisation has no name in
	}
	return inLanguage(o.Name, lang)
}

// vars is the organisation as templates see it.
func (o Org) vars(lang vocab.Language) map[string]any {
	return map[string]any{"name": inLanguage(o.Name, lang), "short_name": o.shortName(lang), "address": o.Address, "url": o.URL}
}

// Renderer makes content from a template version and a message's data. Versions never change, so each is compiled once.
type Renderer struct {
	source  templateSource
	options templates.Options
	org     Org
	links   *Links
	orgs    map[vocab.Language]map[string]any // the organisation in each of vocab.Languages
	mu      sync.Mutex
	cache   map[vocab.TemplateVersionID]*compiled
	held    int // bytes of fixed texts in cache
}

// compiled is a version ready to render. What it holds of fixed texts is encoded by a channel at most once.
type compiled struct {
	version templates.Version
	*templates.Compiled

	fixed []*channels.Fixed // of Compiled.Fixed
}

// What is kept of compiled versions: an organisation uses a few dozen at a time. Fixed texts are held encoded as well, at most three
// times as long.
const (
	cacheSize  = 256
	cacheFixed = 16 << 20 // bytes of fixed texts
)

// content is what one message says, and what has been found out on the way that its letter needs, too.
type content struct {
	templates.Content

	fixed       []*channels.Fixed
	links       linksOf
	unsubscribe string // the unsubscribe link; empty if the text has none
}

// marks are the marks of a text as channels know them.
func (c content) marks(of []templates.Mark) []channels.Mark {
	if len(of) == 0 {
		return nil
	}
	marks := make([]channels.Mark, len(of))
	for i, m := range of {
		marks[i] = channels.Mark{At: m.At, Fixed: c.fixed[m.Fixed]}
	}
	return marks
}

// NewRenderer returns a Renderer.
func NewRenderer(source templateSource, options templates.Options, org Org, links *Links) *Renderer {
	r := &Renderer{
		source: source, options: options, org: org, links: links, cache: map[vocab.TemplateVersionID]*compiled{},
		orgs: map[vocab.Language]map[string]any{},
	}
	for _, lang := range vocab.Languages() {
		r.orgs[lang] = org.vars(lang)
	}
	return r
}

// version returns a compiled version.
func (r *Renderer) version(ctx context.Context, id vocab.TemplateVersionID) (*compiled, error) {
	r.mu.Lock()
	c, have := r.cache[id]
	r.mu.Unlock()
	if have {
		return c, nil
	}
	v, err := r.source.Version(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.compile(v)
}

// named returns a template's version by number, or its newest if number is 0.
func (r *Renderer) named(ctx context.Context, template string, number int) (*compiled, error) {
	id, err := r.source.Resolve(ctx, template, number)
	if err != nil {
		return nil, err
	}
	return r.version(ctx, id)
}

func (r *Renderer) compile(v templates.Version) (*compiled, error) {
	c, err := r.options.Compile(v)
	if err != nil {
		return nil, fmt.Errorf("compile template version %s: %w", v.ID, err)
	}
	made := &compiled{version: v, Compiled: c}
	size := 0
	for _, text := range c.Fixed() {
		made.fixed = append(made.fixed, &channels.Fixed{Text: text})
		size += len(text)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.cache) >= cacheSize || r.held+size > cacheFixed {
		clear(r.cache)
		r.held = 0
	}
	r.cache[v.ID] = made
	r.held += size
	return made, nil
}

// render makes the content of a message.
func (r *Renderer) render(c *compiled, m Message, data []byte) (content, error) {
	o, err := readPayload(data)
	if err != nil {
		return content{}, fmt.Errorf("payload of message %s: %w", m.ID, err)
	}
	v := variables.Get().(*vars) //nolint:forcetypeassert // the pool holds nothing else
	defer v.done()
	made := content{fixed: c.fixed, links: r.links.of(m.ID)}
	r.fill(v, m, o, made.links, func(path string) bool { return c.Uses(m.Channel, m.Language, path) })
	made.unsubscribe, _ = v.links["unsubscribe"].(string)
	made.Content, err = c.Render(m.Channel, m.Language, v.all)
	return made, err
}

// vars is everything a template may name.
type vars struct{ all, contact, links, message map[string]any }

// variables are kept for the next message, empty: a text keeps nothing of them.
var variables = sync.Pool{New: func() any {
	return &vars{map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}}
}}

func (v *vars) done() {
	for _, m := range []map[string]any{v.all, v.contact, v.links, v.message} {
		clear(m)
	}
	variables.Put(v)
}

// fill sets the variables of a message. A link is signed only if the text uses it.
func (r *Renderer) fill(v *vars, m Message, o opened, links linksOf, uses func(path string) bool) {
	v.contact["language"] = string(m.Language)
	if o.Name != "" {
		v.contact["name"] = o.Name
	}
	link := func(name string, kind LinkKind) {
		if uses("links." + name) {
			v.links[name] = links.url(kind)
		}
	}
	link("why", LinkWhy)
	if offersUnsubscribe(m.Class) {
		link("unsubscribe", LinkUnsubscribe)
		link("preferences", LinkPreferences)
		link("keep", LinkKeep)
	}
	v.message["id"], v.message["purpose"] = string(m.ID), string(m.Purpose)
	v.all["contact"], v.all["links"], v.all["message"], v.all["data"] = v.contact, v.links, v.message, o.Data
	if o.Data == nil {
		v.all["data"] = map[string]any{}
	}
	org, known := r.orgs[m.Language]
	if !known {
		org = r.org.vars(m.Language)
	}
	v.all["org"] = org
}

// offersUnsubscribe says whether messages of the class carry an unsubscribe link: those that a contact can end by one.
func offersUnsubscribe(c vocab.Class) bool {
	switch c {
	case vocab.Marketing, vocab.Service:
		return true
	case vocab.Legal, vocab.Breach, vocab.Security, vocab.Transactional:
		return false
	}
	return false
}

// inLanguage returns a text in the language, or in the first of kk, ru, en that there is.
func inLanguage(texts map[vocab.Language]string, lang vocab.Language) string {
	if t, ok := texts[lang]; ok {
		return t
	}
	for _, l := range vocab.Languages() {
		if t, ok := texts[l]; ok {
			return t
		}
	}
	return ""
}

// contentHash is the hex SHA-256 of what a recipient reads, each part with its length before it.
func contentHash(c templates.Content) string {
	buf := hashed.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	defer hashed.Put(buf)
	text := (*buf)[:0]
	for _, part := range [...]string{c.Subject, c.Preheader, c.HTML, c.Text, c.SMS} {
		text = append(append(strconv.AppendInt(text, int64(len(part)), 10), ':'), part...)
	}
	text = append(append(strconv.AppendInt(text, int64(len(c.ICS)), 10), ':'), c.ICS...)
	sum := sha256.Sum256(text)
	*buf = hex.AppendEncode(text[:0], sum[:])
	return string(*buf)
}

// hashed are buffers for contentHash; content is bounded by the templates' limits, so they stay small.
var hashed = sync.Pool{New: func() any { return new([]byte) }}

// Content renders a stored message again. A one-time code is never shown: the error is fault.Forbidden (content_hidden). What was
// wiped is fault.NotFound (content_gone).
func (r *Renderer) Content(ctx context.Context, m Message, p Payload) (templates.Content, error) {
	if m.Class == vocab.Security || p.Sealed {
		return templates.Content{}, &fault.Error{Kind: fault.Forbidden, Code: "content_hidden", Detail: "messages of class security are never shown"}
	}
	if len(p.Data) == 0 {
		return templates.Content{}, fault.Missing("content_gone", "what this message was made from has been erased")
	}
	version, err := r.version(ctx, m.Template)
	if err != nil {
		return templates.Content{}, err
	}
	made, err := r.render(version, m, p.Data)
	return made.Content, err
}
