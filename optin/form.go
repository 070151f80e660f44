package optin

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// The limits of a form.
const (
	MaxBoxes   = 30
	MaxOrigins = 20
	maxTitle   = 200  // characters
	maxIntro   = 2000 // characters
	maxTopic   = 128
)

// Form is a sign-up form: what a page asks. Which address it asks for follows from its boxes.
type Form struct {
	ID        vocab.FormID
	Slug      string // the last part of its address
	Title     map[vocab.Language]string
	Intro     map[vocab.Language]string // may be empty
	Boxes     []Box
	AskName   bool
	Origins   []string // the sites that may show it in a frame or send it what was ticked there: "https://orleu.example"
	Enabled   bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Box is one thing to tick: one purpose on one channel. It comes unticked, always.
type Box struct {
	Purpose vocab.Purpose `json:"purpose"`
	Channel vocab.Channel `json:"channel"`
	Topic   vocab.Topic   `json:"topic,omitempty"`
}

// Has says whether one of the boxes is of the channel.
func (f Form) Has(channel vocab.Channel) bool {
	return slices.ContainsFunc(f.Boxes, func(b Box) bool { return b.Channel == channel })
}

var (
	slugText  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	topicText = regexp.MustCompile(`^[A-Za-z0-9_.:-]*$`)
)

// Check returns the form with its texts trimmed, or an Invalid fault that names everything that is wrong, with pointers into the form.
func (f Form) Check(purposes *consent.Registry) (Form, error) {
	var wrong []fault.Field
	refuse := func(pointer, code, detail string) {
		wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail})
	}
	if len(f.Slug) > 64 || !slugText.MatchString(f.Slug) {
		refuse("/slug", "invalid", `want lower-case letters, digits and single hyphens, at most 64, for example "news"`)
	}
	f.Title = texted(f.Title, "/title", maxTitle, true, refuse)
	f.Intro = texted(f.Intro, "/intro", maxIntro, false, refuse)
	if len(f.Boxes) == 0 || len(f.Boxes) > MaxBoxes {
		refuse("/boxes", "invalid", fmt.Sprintf("want 1 to %d boxes", MaxBoxes))
	}
	for i, b := range f.Boxes {
		at := fmt.Sprintf("/boxes/%d", i)
		if info, known := purposes.Lookup(b.Purpose); !known || !info.NeedsGrant {
			refuse(at+"/purpose", "purpose_unregistered", "want a purpose that a contact can agree to; GET /v1/purposes lists them")
		}
		if !slices.Contains(vocab.Channels(), b.Channel) {
			refuse(at+"/channel", "invalid", "want email or sms: one box is one channel")
		}
		if len(b.Topic) > maxTopic || !topicText.MatchString(string(b.Topic)) {
			refuse(at+"/topic", "invalid", "want letters, digits and _ . : - only, at most 128")
		}
		if slices.Contains(f.Boxes[:i], b) {
			refuse(at, "duplicate", "this box stands here already")
		}
	}
	if len(f.Origins) > MaxOrigins {
		refuse("/origins", "too_many", fmt.Sprintf("at most %d", MaxOrigins))
	}
	for i, o := range f.Origins {
		if !isOrigin(o) {
			refuse(fmt.Sprintf("/origins/%d", i), "invalid", `want a site such as "https://orleu.example", without a path`)
		}
	}
	if len(wrong) > 0 {
		return f, fault.InvalidFields(wrong...)
	}
	return f, nil
}

// texted checks a text in the languages of Elshi and trims it.
func texted(t map[vocab.Language]string, pointer string, most int, required bool, refuse func(pointer, code, detail string)) map[vocab.Language]string {
	clean := map[vocab.Language]string{}
	for lang, text := range t {
		text = strings.TrimSpace(text)
		if !slices.Contains(vocab.Languages(), lang) {
			refuse(pointer, "invalid", "want texts in kk, ru and en")
			continue
		}
		if utf8.RuneCountInString(text) > most {
			refuse(pointer+"/"+string(lang), "too_long", fmt.Sprintf("at most %d characters", most))
		}
		if text != "" {
			clean[lang] = text
		}
	}
	if len(clean) == 0 && !required {
		return nil
	}
	for _, lang := range vocab.Languages() {
		if clean[lang] == "" {
			refuse(pointer+"/"+string(lang), "required", "want a text in kk, ru and en")
		}
	}
	return clean
}

// isOrigin says whether a text is an origin as browsers write it (RFC 6454 section 6.2). It goes into a header, so nothing else passes.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && text == u.Scheme+"://"+u.Host && hostText.MatchString(u.Host)
}

var hostText = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]{1,5})?$`)
