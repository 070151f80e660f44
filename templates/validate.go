package templates

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

var (
	slug     = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	dataName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	langTag  = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`) // BCP 47, as far as we need it
)

// Validate checks an authored version. It returns nil or a *fault.Error of kind Invalid whose fields point into the version
// as the API writes it ("/variants/0/html") and give line and column, from 1, in the detail.
//
// It looks for: Liquid syntax; tags other than if, unless, case, for, break, continue, assign and comment; unknown filters and
// variables; sources above 200 KB; an email without subject or HTML (an empty text is derived) and an SMS without text; two
// variants for one language and channel; data where it cannot be made safe in HTML; links that are not http, https, mailto
// or tel. If there is a sample, every variant must render with it.
func Validate(v Version) error {
	compiled, err := Compile(v)
	if err != nil {
		return err
	}
	if len(v.Sample) == 0 {
		return nil
	}
	var fields []fault.Field
	for i, w := range v.Variants {
		_, err := compiled.render(i, v.SampleVars(w.Language))
		if err == nil {
			continue
		}
		field := fault.Field{Pointer: "/variants/" + strconv.Itoa(i), Code: "sample", Detail: "with the sample: " + err.Error()}
		if missing, ok := errors.AsType[*MissingVariable](err); ok {
			field = fault.Field{Pointer: "/sample", Code: "missing_variable", Detail: fmt.Sprintf("variant %d: %s", i, missing.Error())}
		}
		fields = append(fields, field)
	}
	if len(fields) > 0 {
		return fault.InvalidFields(fields...)
	}
	return nil
}

// versionProblems are those that need no compiling.
func versionProblems(v Version) (fields []fault.Field) {
	add := func(pointer, code, detail string) {
		fields = append(fields, fault.Field{Pointer: pointer, Code: code, Detail: detail})
	}
	if !slug.MatchString(v.Template) || len(v.Template) > 60 {
		add("/template", "bad_name", "want a name such as event-invitation: small Latin letters, digits and hyphens, at most 60")
	}
	if v.Calendar != "" && !dataName.MatchString(v.Calendar) {
		add("/calendar", "bad_name", "want the name of an entry of data, such as event")
	}
	if len(v.Variants) == 0 {
		add("/variants", "required", "a version needs at least one variant")
	}
	seen := map[string]bool{}
	for i, w := range v.Variants {
		at := "/variants/" + strconv.Itoa(i)
		if !langTag.MatchString(string(w.Language)) {
			add(at+"/language", "bad_language", "want a BCP 47 tag such as kk, ru or en")
		}
		key := strings.ToLower(string(w.Language)) + " " + string(w.Channel)
		if seen[key] {
			add(at, "duplicate", "a second variant for this language and channel")
		}
		seen[key] = true
		fields = append(fields, variantProblems(w, at)...)
	}
	return fields
}

func variantProblems(w Variant, at string) (fields []fault.Field) {
	require := func(name, source, detail string) {
		if strings.TrimSpace(source) == "" {
			fields = append(fields, fault.Field{Pointer: at + "/" + name, Code: "required", Detail: detail})
		}
	}
	if !slices.Contains(vocab.Channels(), w.Channel) {
		return []fault.Field{{Pointer: at + "/channel", Code: "bad_channel", Detail: "want email or sms"}}
	}
	switch w.Channel {
	case vocab.Email:
		require("subject", w.Subject, "an email needs a subject")
		require("html", w.HTML, "an email needs HTML; its text part may be left empty and is then derived")
	case vocab.SMS:
		require("sms", w.SMS, "an SMS needs a text")
	}
	return fields
}

// Variables lists the variables that the variant reads, sorted, such as "data.event.title" or "data.articles[].url". It is a
// best effort: a computed name is not known, and a source with errors lists what comes before them.
func (v Variant) Variables() []string {
	var names []string
	for _, source := range v.sources() {
		made, _ := parse(source.text, source.isHTML)
		names = append(names, made.uses...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// HasUnsubscribe says whether whoever gets the variant can stop such messages: both parts of an email, or the SMS, print
// links.unsubscribe or links.preferences whatever the data are (inside an if, in each of its branches). An email without a
// text part is judged by its HTML, from which that part is derived.
func (v Variant) HasUnsubscribe() bool {
	switch v.Channel {
	case vocab.SMS:
		return printsOptOut(v.SMS, false)
	case vocab.Email:
		return printsOptOut(v.HTML, true) && (strings.TrimSpace(v.Text) == "" || printsOptOut(v.Text, false))
	}
	return false
}

func printsOptOut(source string, isHTML bool) bool {
	made, problems := parse(source, isHTML)
	return len(problems) == 0 && (slices.Contains(made.always, "links.unsubscribe") || slices.Contains(made.always, "links.preferences"))
}

type source struct {
	text   string
	isHTML bool
}

func (v Variant) sources() []source {
	switch v.Channel {
	case vocab.SMS:
		return []source{{v.SMS, false}}
	case vocab.Email:
		return []source{{v.Subject, false}, {v.Preheader, false}, {v.HTML, true}, {v.Text, false}}
	}
	return nil
}
