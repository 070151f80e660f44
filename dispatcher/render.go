package dispatcher

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

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

// Renderer makes content from a template version and a message's data. Versions never change, so each is compiled once.
type Renderer struct {
	source  templateSource
	options templates.Options
	org     Org
	links   *Links
	mu      sync.Mutex
	cache   map[vocab.TemplateVersionID]*compiled
}

type compiled struct {
	version templates.Version
	*templates.Compiled
}

// cacheSize bounds the compiled versions that are kept; an organisation uses a few dozen at a time.
const cacheSize = 256

// NewRenderer returns a Renderer.
func NewRenderer(source templateSource, options templates.Options, org Org, links *Links) *Renderer {
	return &Renderer{source: source, options: options, org: org, links: links, cache: map[vocab.TemplateVersionID]*compiled{}}
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
	made := &compiled{v, c}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.cache) >= cacheSize {
		clear(r.cache)
	}
	r.cache[v.ID] = made
	return made, nil
}

// stored is what a payload holds: the caller's data, and the name as it was at intake, so that the same message reads the same
// whenever it is rendered.
type stored struct {
	Name string          `json:"name,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`
}

// render makes the content of a message.
func (r *Renderer) render(c *compiled, m Message, data []byte) (templates.Content, error) {
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return templates.Content{}, fmt.Errorf("payload of message %s: %w", m.ID, err)
	}
	vars, err := r.vars(m, s)
	if err != nil {
		return templates.Content{}, err
	}
	return c.Render(m.Channel, m.Language, vars)
}

// vars is everything a template may name.
func (r *Renderer) vars(m Message, s stored) (map[string]any, error) {
	data := map[string]any{}
	if len(s.Data) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(s.Data))
		decoder.UseNumber() // 12345678901234567890 stays what it is
		if err := decoder.Decode(&data); err != nil {
			return nil, fmt.Errorf("data of message %s: %w", m.ID, err)
		}
	}
	contact := map[string]any{"language": string(m.Language)}
	if s.Name != "" {
		contact["name"] = s.Name
	}
	org := map[string]any{
		"name": inLanguage(r.org.Name, m.Language), "short_name": r.org.shortName(m.Language), "address": r.org.Address, "url": r.org.URL,
	}
	links := map[string]any{"why": r.links.URL(LinkWhy, m.ID)}
	if offersUnsubscribe(m.Class) {
		links["unsubscribe"] = r.links.URL(LinkUnsubscribe, m.ID)
		links["preferences"] = r.links.URL(LinkPreferences, m.ID)
	}
	return map[string]any{
		"contact": contact, "org": org, "links": links, "data": data,
		"message": map[string]any{"id": string(m.ID), "purpose": string(m.Purpose)},
	}, nil
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
	for _, part := range []string{c.Subject, c.Preheader, c.HTML, c.Text, c.SMS, string(c.ICS)} {
		text = append(append(strconv.AppendInt(text, int64(len(part)), 10), ':'), part...)
	}
	sum := sha256.Sum256(text)
	*buf = text
	return hex.EncodeToString(sum[:])
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
	return r.render(version, m, p.Data)
}
