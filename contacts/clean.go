package contacts

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// The limits of a contact's fields.
const (
	MaxName           = 200  // characters
	MaxExternalID     = 128  // characters
	MaxAttributes     = 50   // keys
	MaxAttributeBytes = 2048 // octets of one value as JSON
)

// attributeKey is also what a template can name without quoting.
var attributeKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// Clean returns a contact that is about to be created with its name and ids trimmed and its language tag canonical (RFC 5646),
// or a *fault.Error of kind Invalid that names every problem at once. Pointers are relative to the contact, for example
// "/attributes/city"; see fault.At. Times, ids and flags are not looked at.
//
// forbidden names what in a value at a pointer is never kept (policy clause 2.2): consent.RefuseForbidden. It is asked about
// the name, the external id and each attribute.
func Clean(c Contact, forbidden func(pointer string, v any) []fault.Field) (Contact, error) {
	var problems []fault.Field
	wrong := func(pointer, code, detail string) {
		problems = append(problems, fault.Field{Pointer: pointer, Code: code, Detail: detail})
	}

	c.Name = strings.TrimSpace(c.Name)
	if !isLine(c.Name, MaxName) {
		wrong("/name", "name_invalid", fmt.Sprintf("a name has at most %d characters on one line", MaxName))
	}
	problems = append(problems, forbidden("/name", c.Name)...)
	c.ExternalID = strings.TrimSpace(c.ExternalID)
	if !isLine(c.ExternalID, MaxExternalID) {
		wrong("/external_id", "external_id_invalid", fmt.Sprintf("an external id has at most %d characters on one line", MaxExternalID))
	}
	problems = append(problems, forbidden("/external_id", c.ExternalID)...)
	if c.Language != "" {
		tag, err := language.Parse(string(c.Language))
		if err != nil || tag == language.Und {
			wrong("/language", "language_invalid", "use a BCP 47 tag such as kk, ru or en")
		}
		c.Language = vocab.Language(tag.String())
	}
	if c.TimeZone != "" && !isZone(c.TimeZone) {
		wrong("/time_zone", "time_zone_invalid", "use an IANA name such as Asia/Almaty")
	}
	problems = append(problems, checkAttributes(c.Attributes, forbidden)...)

	if len(problems) > 0 {
		return Contact{}, fault.InvalidFields(problems...)
	}
	return c, nil
}

// isLine says whether s is valid UTF-8 of at most limit characters without control or invisible ones, which would break a mail
// header or hide what a member sees in a list.
func isLine(s string, limit int) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > limit {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
	})
}

// isZone keeps out names that time.LoadLocation takes but that mean something else on another machine.
func isZone(name string) bool {
	if name == "Local" || strings.HasPrefix(name, "posix") || strings.HasPrefix(name, "right/") {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

func checkAttributes(attributes map[string]any, forbidden func(pointer string, v any) []fault.Field) []fault.Field {
	var problems []fault.Field
	if len(attributes) > MaxAttributes {
		problems = append(problems, fault.Field{
			Pointer: "/attributes", Code: "too_many_attributes", Detail: fmt.Sprintf("a contact has at most %d attributes", MaxAttributes),
		})
	}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		if found := forbidden("/attributes", map[string]any{key: attributes[key]}); len(found) > 0 {
			if found[0].Pointer != "/attributes" { // there the key itself is what must not be repeated
				found[0].Pointer = "/attributes/" + pointerToken(key)
			}
			problems = append(problems, found[0])
			continue
		}
		if code, detail := checkAttribute(key, attributes[key]); code != "" {
			problems = append(problems, fault.Field{Pointer: "/attributes/" + pointerToken(key), Code: code, Detail: detail})
		}
	}
	return problems
}

func checkAttribute(key string, value any) (code, detail string) {
	if !attributeKey.MatchString(key) {
		return "attribute_key_invalid", "a key starts with a small Latin letter, then letters, digits and underscores, at most 63"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "attribute_invalid", "a value must be JSON"
	}
	if len(text) > MaxAttributeBytes {
		return "attribute_too_long", fmt.Sprintf("a value has at most %d octets as JSON", MaxAttributeBytes)
	}
	return "", ""
}

// pointerToken escapes a key for a JSON pointer (RFC 6901 section 3) and cuts it, so that an error cannot be made huge.
func pointerToken(key string) string {
	if runes := []rune(strings.ToValidUTF8(key, "\uFFFD")); len(runes) > 64 {
		key = string(runes[:64]) + "…"
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
