package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/internal/batcher"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// intakeLedger is what Submit needs of the ledger.
type intakeLedger interface {
	Replay(ctx context.Context, key IdempotencyKey) ([]Result, bool, error)
	Recipients(ctx context.Context, queries []RecipientQuery) ([]Known, error)
	Submit(ctx context.Context, in Intake, decide Decider) (Submitted, error)
	// Try does what Submit does, and takes all of it back.
	Try(ctx context.Context, in Intake, decide Decider) (Submitted, error)
}

// bell rings for work: a batch of message ids that are due. Rings may be lost or come twice; the ledger is the truth.
type bell interface {
	Ring(ctx context.Context, b Batch) error
}

// SubmitOptions are the settings of a Submitter.
type SubmitOptions struct {
	Region        string                             // of numbers without a country code (ISO 3166-1). If empty, KZ
	Language      vocab.Language                     // of contacts that nobody knows yet. If empty, kk
	NotAfter      map[vocab.Class]time.Duration      // how long after intake a message is still worth sending; missing classes: 14 days
	RingWindow    time.Duration                      // after a direct ring, how long the feeder leaves a message alone. If zero, 15 s
	RingTimeout   time.Duration                      // how long a ring may take. If zero, 2 s
	BatchSize     int                                // messages in one ring. If zero, 500
	KeyWait       time.Duration                      // how long a twin of a request that still runs waits for its answer. If zero, 5 s
	PolicyVersion string                             // of the privacy policy in force, kept with every decision
	TestProviders map[vocab.Channel]vocab.ProviderID // carry the messages of test keys
}

// Submitter takes messages in: the one door of the street.
type Submitter struct {
	ledger   intakeLedger
	bell     bell
	gate     *Gate
	renderer *Renderer
	sealer   *Sealer
	options  SubmitOptions
	observer Observer
	now      func() time.Time
	log      *slog.Logger
	rings    *batcher.Batcher[Batch, struct{}]
}

// Intaker is what a Submitter is made of.
type Intaker struct {
	Ledger   intakeLedger
	Bell     bell
	Gate     *Gate
	Renderer *Renderer
	Sealer   *Sealer
	Observer Observer // nil: nobody counts
	Now      func() time.Time
	Log      *slog.Logger
}

// NewSubmitter returns a Submitter.
func NewSubmitter(i Intaker, o SubmitOptions) *Submitter {
	defaultTo(&o.Region, "KZ")
	defaultTo(&o.Language, vocab.Kazakh)
	defaultTo(&o.RingWindow, 15*time.Second)
	defaultTo(&o.RingTimeout, 2*time.Second)
	defaultTo(&o.BatchSize, 500)
	if i.Observer == nil {
		i.Observer = unobserved{}
	}
	s := &Submitter{ledger: i.Ledger, bell: i.Bell, gate: i.Gate, renderer: i.Renderer, sealer: i.Sealer, options: o, observer: i.Observer, now: i.Now, log: i.Log}
	s.rings = batcher.New(ringsAtOnce, o.BatchSize, s.ringAll)
	return s
}

// unobserved is the Observer of whoever brings none.
type unobserved struct{}

func (unobserved) Decided(vocab.Class, Result) {}
func (unobserved) Settled(Message, Settlement) {}
func (unobserved) Claimed(int, int)            {}
func (unobserved) LeasesLost(vocab.Class, int) {}

// Submit takes messages in: checks them, finds their recipients, decides each, writes all of them in one transaction and rings. There
// is one result for each request, in order. A request that makes no message (an unknown purpose, a missing variable) has a Problem and
// does not stop the others; whatever else goes wrong stops all, and nothing is written. A denied message is written too, as
// suppressed, with its decision.
//
// With a key, a second call with the same body gets the first one's results and Replayed.
func (s *Submitter) Submit(ctx context.Context, caller Caller, key *IdempotencyKey, requests []Request) (Submitted, error) {
	if key != nil {
		earlier, found, err := s.ledger.Replay(ctx, *key)
		if err != nil {
			return Submitted{}, fmt.Errorf("submit: %w", err)
		}
		if found {
			return Submitted{Results: earlier, Replayed: true}, nil
		}
	}
	in, _, err := s.plan(ctx, caller, requests)
	if err != nil {
		return Submitted{}, fmt.Errorf("submit: %w", err)
	}
	if len(in.Drafts) == 0 {
		return Submitted{Results: in.Answer}, nil // nothing was made, so the key stays free
	}
	if key != nil {
		waiting := *key
		waiting.Wait = s.options.KeyWait
		in.Key = &waiting
	}
	out, err := s.ledger.Submit(ctx, in, s.gate.At(in.Now))
	if err != nil {
		return Submitted{}, err
	}
	if !out.Replayed {
		for i, slot := range in.Slots {
			s.observer.Decided(in.Drafts[i].Message.Class, out.Results[slot])
		}
	}
	s.ring(ctx, out.Ring)
	return out, nil
}

// Preview is what would become of a request: its content and its decision. Nothing is stored and nothing is sent.
type Preview struct {
	Result  Result
	Content templates.Content
	Message Message
}

// Preview renders and decides one request and takes everything back. The error is fault.Invalid if the request makes no message.
func (s *Submitter) Preview(ctx context.Context, caller Caller, r Request) (Preview, error) {
	in, contents, err := s.plan(ctx, caller, []Request{r})
	if err != nil {
		return Preview{}, fmt.Errorf("preview: %w", err)
	}
	if len(in.Drafts) == 0 {
		return Preview{}, problemOf(in.Answer[0])
	}
	out, err := s.ledger.Try(ctx, in, s.gate.At(in.Now))
	if err != nil {
		return Preview{}, err
	}
	return Preview{Result: out.Results[0], Content: contents[0], Message: in.Drafts[0].Message}, nil
}

// problemOf turns a result that made no message into the error of a door that takes one message.
func problemOf(r Result) error {
	return &fault.Error{Kind: fault.Invalid, Code: r.Code, Detail: "this request makes no message", Fields: r.Problem}
}

// plan checks requests, finds their recipients and templates and renders each once, so that a missing variable is an answer to
// the caller and not a failure at night.
func (s *Submitter) plan(ctx context.Context, caller Caller, requests []Request) (Intake, []templates.Content, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	in := Intake{Now: now, RingUntil: now.Add(s.options.RingWindow), Answer: make([]Result, len(requests))}
	var good []checked
	for i, r := range requests {
		c, wrong := s.check(r, now)
		if len(wrong) > 0 {
			in.Answer[i] = Result{Reference: r.Reference, Code: "invalid_request", Problem: wrong}
			continue
		}
		good = append(good, c)
		in.Slots = append(in.Slots, i)
	}
	known, err := s.recipients(ctx, good)
	if err != nil {
		return in, nil, err
	}
	var contents []templates.Content
	slots := in.Slots
	in.Slots = nil
	versions := versionsOf{renderer: s.renderer, found: map[templateName]*compiled{}}
	for i, c := range good {
		version, err := versions.get(ctx, templateName{c.Template, c.TemplateVersion})
		if err != nil {
			return in, nil, err
		}
		if version == nil && c.TemplateVersion > 0 { // which of the two is wrong?
			newest, err := versions.get(ctx, templateName{template: c.Template})
			if err != nil {
				return in, nil, err
			}
			c.versionMissing = newest != nil
		}
		draft, content, wrong, err := s.draft(caller, c, known[i], version, len(good), now)
		if err != nil {
			return in, nil, err
		}
		if len(wrong) > 0 {
			in.Answer[slots[i]] = Result{Reference: c.Reference, Code: "invalid_request", Problem: wrong}
			continue
		}
		in.Drafts = append(in.Drafts, draft)
		in.Slots = append(in.Slots, slots[i])
		contents = append(contents, content)
	}
	return in, contents, nil
}

func (s *Submitter) recipients(ctx context.Context, good []checked) ([]Known, error) {
	if len(good) == 0 {
		return nil, nil
	}
	queries := make([]RecipientQuery, len(good))
	for i, c := range good {
		queries[i] = RecipientQuery{Channel: c.Channel, Recipient: c.recipient}
	}
	return s.ledger.Recipients(ctx, queries)
}

// versionsOf finds the templates of one submission, each once: a batch names few.
type versionsOf struct {
	renderer *Renderer
	found    map[templateName]*compiled // nil: there is no such template or version
}

type templateName struct {
	template string
	number   int
}

func (v versionsOf) get(ctx context.Context, name templateName) (*compiled, error) {
	if c, have := v.found[name]; have {
		return c, nil
	}
	c, err := v.renderer.named(ctx, name.template, name.number)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	v.found[name] = c
	return c, nil
}

// draft makes one message. Its second answer is what it says; its third, why there is no message.
func (s *Submitter) draft(caller Caller, c checked, known Known, version *compiled, recipients int, now time.Time) (Draft, templates.Content, []fault.Field, error) {
	none := func(pointer, code, detail string) (Draft, templates.Content, []fault.Field, error) {
		return Draft{}, templates.Content{}, []fault.Field{{Pointer: pointer, Code: code, Detail: detail}}, nil
	}
	switch {
	case known.Missing:
		return none("/to/contact_id", "contact_not_found", "there is no contact with this id")
	case known.Unlinked:
		return none("/to", "recipient_mismatch", "this address is not one of the contact's; add it to the contact first")
	case known.Sharers > 1 && c.recipient.ContactID == "":
		return none("/to", "recipient_ambiguous", "several contacts share this address; give contact_id too")
	case c.versionMissing:
		return none("/template_version", "template_version_not_found", "the template has no such version; leave it out for the newest")
	case version == nil:
		return none("/template", "template_not_found", "there is no such template; GET /v1/templates lists them")
	}
	m := s.message(caller, c, known, recipients, now)
	m.Template = version.version.ID
	variant, found := templates.Pick(version.version, m.Channel, m.Language)
	if !found {
		return none("/template", "variant_not_found", "the template has no variant for "+string(m.Channel))
	}
	m.HasUnsubscribe, m.LocaleApproved = version.HasUnsubscribe(m.Channel, m.Language), variant.Approved
	name := known.Name
	if name == "" {
		name = c.To.Name
	}
	data, err := json.Marshal(stored{Name: name, Data: c.Data})
	if err != nil {
		return Draft{}, templates.Content{}, nil, fmt.Errorf("payload: %w", err)
	}
	made, err := s.renderer.render(version, m, data)
	if err != nil {
		return none(renderProblem(err))
	}
	draft := Draft{
		Message: m, Recipient: c.recipient, SendAt: c.SendAt, Payload: Payload{Data: data}, Metadata: c.Metadata, Attachments: c.Attachments,
		Guests: caller.Guests,
	}
	if draft.Recipient.Lookup == "" {
		draft.Recipient.Lookup = known.Lookup
	}
	if m.Class == vocab.Security {
		draft.Metadata = nil // it is never given back, and what is not sealed would outlive the wipe in the database's files
		if draft.Payload, err = s.sealer.Seal(m.ID, data); err != nil {
			return Draft{}, templates.Content{}, nil, err
		}
	}
	return draft, made.Content, nil, nil
}

// message fills the ledger row.
func (s *Submitter) message(caller Caller, c checked, known Known, recipients int, now time.Time) Message {
	m := Message{
		ID: vocab.MessageID(vocab.NewID(vocab.MessagePrefix)), ContactID: known.ContactID, AddressID: known.AddressID, Channel: c.Channel,
		Class: c.class, Lane: laneOf(c.class, recipients), Purpose: c.Purpose, Topic: c.Topic, Language: c.Language, Sender: c.sender.ID,
		Provider: c.sender.Provider, Mode: caller.Mode, APIKey: caller.APIKey, Reference: c.Reference, TriggerID: c.TriggerID,
		TriggerAt: c.TriggerAt, NotAfter: c.ExpiresAt, CreatedAt: now, PolicyVersion: s.options.PolicyVersion,
	}
	if m.Mode == Test {
		m.Provider = s.options.TestProviders[m.Channel]
	}
	if m.Language == "" {
		m.Language = known.Language
	}
	if m.Language == "" {
		m.Language = s.options.Language
	}
	if m.TriggerID != "" && m.TriggerAt.IsZero() {
		m.TriggerAt = now // a trigger without a time is happening now
	}
	if m.NotAfter.IsZero() {
		wait, set := s.options.NotAfter[m.Class]
		if !set {
			wait = 14 * 24 * time.Hour
		}
		start := now
		if c.SendAt.After(now) {
			start = c.SendAt
		}
		m.NotAfter = start.Add(wait)
	}
	return m
}

// renderProblem explains why template and data make no message.
func renderProblem(err error) (pointer, code, detail string) {
	if missing, ok := errors.AsType[*templates.MissingVariable](err); ok {
		return variablePointer(missing.Name), "missing_variable", missing.Error()
	}
	if bad, ok := errors.AsType[*templates.RenderError](err); ok {
		return "/data", bad.Code, bad.Error()
	}
	return "/data", "unrenderable", "the template cannot be rendered with these data"
}

// variablePointer says where in a request the value of a variable such as "data.articles[2].url" belongs. What no request can give,
// such as a link that the class does not have, is the template's fault.
func variablePointer(name string) string {
	switch {
	case name == "contact.name":
		return "/to/name"
	case name == "data" || strings.HasPrefix(name, "data.") || strings.HasPrefix(name, "data["):
		return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(name)
	}
	return "/template"
}

// ring rings for what is due now. A ring that fails is no failure: the feeder finds the messages after the window.
func (s *Submitter) ring(ctx context.Context, batches []Batch) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.options.RingTimeout, errRingSlow)
	defer cancel()
	for _, b := range batches {
		if _, err := s.rings.Do(ctx, b); err != nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "ring failed; the feeder will find the messages",
				slog.String("channel", string(b.Channel)), slog.String("lane", string(b.Lane)), slog.Int("messages", len(b.IDs)),
				slog.String("error", err.Error()))
			return
		}
	}
}

// ringsAtOnce is how many rings are on their way at a time: what is submitted meanwhile is rung for together.
const ringsAtOnce = 2

// ringAll rings for what was submitted at the same time, in as few rings as may be.
func (s *Submitter) ringAll(ctx context.Context, batches []Batch) ([]struct{}, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.options.RingTimeout, errRingSlow)
	defer cancel()
	var together []Batch
	for _, b := range batches {
		together = AddToBatches(together, b.Channel, b.Lane, b.Provider, b.IDs...)
	}
	for _, b := range together {
		for ids := range slices.Chunk(b.IDs, s.options.BatchSize) {
			b.IDs = ids
			if err := s.bell.Ring(ctx, b); err != nil {
				return nil, err
			}
		}
	}
	return make([]struct{}, len(batches)), nil
}

var errRingSlow = errors.New("the queue did not answer in time")

// Denied says whether a result is a message that the gate will not let go.
func (r Result) Denied() bool { return r.Verdict == consent.Deny }
