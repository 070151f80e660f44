package evidence

import (
	"fmt"
	"strings"
	"time"

	"github.com/orleu/elshi/vocab"
)

// sheet is what the page and the PDF both show, so that they cannot say different things.
type sheet struct {
	Lang     vocab.Language
	Title    string
	Facts    []fact // who wrote, about which message, when this was made
	Verdict  string
	Outcome  string
	Notes    []string
	Sections []section
}

// section is one part with its heading.
type section struct {
	Title string
	Parts []part
}

// part is one thing below a heading; exactly one of its fields is set.
type part struct {
	Text  string   // a paragraph
	Head  string   // a heading of the second rank
	Facts []fact   // names and values
	Quote []string // somebody's own words
	Code  []string // lines for a machine
	Table *table
}

// fact is a name and a value.
type fact struct {
	Label, Value string
	Code         bool // an id or a hash
}

// table has as many cells in each row as in its head.
type table struct {
	Head   []string
	Shares []int // of the width, in hundredths
	Rows   [][]string
}

// writer makes a sheet of a document.
type writer struct {
	Document

	zone *time.Location
	seal string
}

func (k *Maker) sheet(s Sealed) sheet {
	w := writer{s.Document, k.o.Zone, s.Seal}
	operator := w.Operator.Name
	if w.Operator.BIN != "" {
		operator += ", " + w.t("bin") + " " + w.Operator.BIN
	}
	out := sheet{
		Lang: w.Language, Title: w.t("title"), Verdict: w.Summary.Verdict, Outcome: w.Summary.Outcome, Notes: w.Summary.Notes,
		Facts: []fact{
			{w.t("operator"), operator, false},
			{w.t("message"), string(w.Message.ID), true},
			{w.t("made"), w.when(w.GeneratedAt) + " (" + w.zone.String() + ")", false},
		},
	}
	for _, s := range []section{w.facts(), w.consent(), w.shown(), w.stops(), w.calls(), w.course(), w.check()} {
		if len(s.Parts) > 0 {
			out.Sections = append(out.Sections, s)
		}
	}
	return out
}

func (w writer) t(key string) string { return say(w.Language, key) }

// when is a time for a table; a time that has not come is a dash.
func (w writer) when(at time.Time) string {
	if at.IsZero() {
		return "—"
	}
	return at.In(w.zone).Format("02.01.2006 15:04:05")
}

// or is a value, or a word for its absence.
func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func (w writer) facts() section {
	m, d, lang := w.Message, w.Decision, w.Language
	list := []fact{}
	add := func(key, value string, code bool) { list = append(list, fact{w.t(key), value, code}) }
	name := w.Recipient.Name
	if w.Recipient.Masked {
		name = w.t("masked")
	}
	add("recipient", or(name, "—"), false)
	add("address", or(w.Recipient.Address, w.t("no_address")), w.Recipient.Address != "")
	add("contact", string(w.Recipient.ContactID), true)
	purpose := m.PurposeName + " (" + string(m.Purpose) + ")"
	if m.Clause != "" {
		purpose += "; " + w.t("clause") + " " + m.Clause
	}
	add("purpose", purpose, false)
	if m.Topic != "" {
		add("topic", string(m.Topic), false)
	}
	add("class", wordFor(lang, m.Class), false)
	add("channel", wordFor(lang, m.Channel), false)
	add("decision", wordFor(lang, d.Verdict)+", "+w.when(d.DecidedAt), false)
	if len(d.Reasons) > 0 {
		sentences := make([]string, len(d.Reasons))
		for i, r := range d.Reasons {
			sentences[i] = r.Sentence + " (" + string(r.Code) + ")"
		}
		add("reasons", strings.Join(sentences, "\n"), false)
	}
	add("basis", or(wordFor(lang, d.Basis), w.t("no_basis")), false)
	if len(d.Earlier) > 0 {
		add("earlier", joined(d.Earlier), true)
	}
	if m.TriggerID != "" || !m.TriggerAt.IsZero() {
		add("trigger", or(m.TriggerID, "—")+", "+w.when(m.TriggerAt), false)
	}
	add("policy", or(d.PolicyVersion, "—"), false)
	template := string(m.TemplateVersion)
	if m.Template != "" {
		template = fmt.Sprintf("%s, %s %d (%s)", m.Template, w.t("version"), m.TemplateNumber, m.TemplateVersion)
	}
	add("template", template, false)
	subject := w.Content.Subject
	switch w.Content.State {
	case ContentHidden:
		subject = "••••"
	case ContentWithheld:
		subject = w.t("masked")
	case ContentKept, ContentGone, ContentUnmade, ContentUntouched:
	}
	if m.Channel == vocab.Email || subject != "" {
		add("subject", or(subject, "—"), false)
	}
	add("hash", or(w.Content.Hash, "—"), true)
	add("status", wordFor(lang, m.Status), false)
	add("created", w.when(m.CreatedAt), false)
	add("sent", w.when(m.SentAt), false)
	add("sender", string(m.Sender), false)
	add("asked_by", or(string(m.APIKeyID), "—"), m.APIKeyID != "")
	add("mode", wordFor(lang, m.Mode), false)
	return section{w.t("facts"), []part{{Facts: list}}}
}

func joined[S ~string](list []S) string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = string(s)
	}
	return strings.Join(all, "\n")
}

// stops are the suppressions, if the decision names one.
func (w writer) stops() section {
	s := section{Title: w.t("suppressions")}
	named := false
	for _, r := range w.Decision.Reasons {
		named = named || aboutSuppression(r.Code)
	}
	if !named {
		return s
	}
	if len(w.Suppressions) == 0 {
		s.Parts = []part{{Text: w.t("no_suppressions")}}
		return s
	}
	t := &table{Head: []string{w.t("reasons"), w.t("origin"), w.t("since"), ""}, Shares: []int{30, 34, 18, 18}}
	for _, x := range w.Suppressions {
		lifted := ""
		if !x.LiftedAt.IsZero() {
			lifted = w.t("lifted") + " " + w.when(x.LiftedAt)
		}
		t.Rows = append(t.Rows, []string{wordFor(w.Language, x.Reason), wordFor(w.Language, x.Kind) + ", " + x.Origin, w.when(x.CreatedAt), lifted})
	}
	s.Parts = []part{{Table: t}}
	return s
}

// calls are the attempts.
func (w writer) calls() section {
	s := section{Title: w.t("attempts")}
	if len(w.Attempts) == 0 {
		s.Parts = []part{{Text: w.t("no_attempts")}}
		return s
	}
	t := &table{Head: []string{"№", w.t("when"), w.t("provider"), w.t("answer")}, Shares: []int{6, 20, 18, 56}}
	for _, a := range w.Attempts {
		outcome := wordFor(w.Language, a.Outcome)
		if a.Outcome == "" {
			outcome = values["open"].in(w.Language)
		}
		words := []string{}
		for _, x := range []string{string(a.Cause), a.Enhanced, a.Detail, a.ProviderRef} {
			if x != "" {
				words = append(words, x)
			}
		}
		if a.Code != 0 {
			words = append([]string{fmt.Sprint(a.Code)}, words...)
		}
		t.Rows = append(t.Rows, []string{
			fmt.Sprint(a.Number), w.when(a.OpenedAt) + "\n" + w.when(a.ClosedAt), string(a.Provider) + "\n" + outcome,
			or(strings.Join(words, " · "), w.t("no_answer")),
		})
	}
	s.Parts = []part{{Table: t}}
	return s
}

// course is the timeline.
func (w writer) course() section {
	t := &table{Head: []string{w.t("when"), w.t("what"), w.t("reasons"), w.t("who")}, Shares: []int{20, 24, 28, 28}}
	for _, s := range w.Timeline {
		t.Rows = append(t.Rows, []string{w.when(s.At), wordFor(w.Language, s.Type), s.Reason, s.Actor})
	}
	if len(t.Rows) == 0 {
		return section{}
	}
	return section{w.t("timeline"), []part{{Table: t}}}
}
