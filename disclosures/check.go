package disclosures

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"filippo.io/age"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// The limits of texts, in characters.
const (
	maxBody      = 300
	maxGround    = 2000
	maxReference = 100
	maxRefusal   = 1000
)

// Clean returns a draft that may be kept: trimmed, contacts and parts as sets, BIN without spaces. The error is fault.Invalid and names
// every problem at once. now bounds the date of the request.
func Clean(d Disclosure, now time.Time) (Disclosure, error) {
	var wrong []fault.Field
	add := func(pointer, code, detail string) {
		wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail})
	}
	for _, text := range []struct {
		pointer string
		field   *string
		limit   int
	}{{"/body", &d.Body, maxBody}, {"/ground", &d.Ground, maxGround}, {"/reference", &d.Reference, maxReference}} {
		wrong = append(wrong, cleanText(text.pointer, text.field, text.limit)...)
	}
	d.BIN = strings.ReplaceAll(d.BIN, " ", "")
	if d.BIN != "" && !isBIN(d.BIN) {
		add("/bin", "bin_invalid", "want the 12 digits of a business identification number; a person's identity number (IIN) is never kept")
	}
	if on, err := time.Parse(time.DateOnly, d.RequestedOn); err != nil || on.After(now.AddDate(0, 0, 1)) {
		add("/requested_on", "date_invalid", "want the date of the request as YYYY-MM-DD, not one to come")
	}
	slices.Sort(d.Contacts)
	d.Contacts = slices.Compact(d.Contacts)
	if len(d.Contacts) == 0 || len(d.Contacts) > MaxContacts {
		add("/contact_ids", "contacts_count", fmt.Sprintf("name 1 to %d contacts; there is no way to disclose more at once", MaxContacts))
	}
	for i, id := range d.Contacts {
		if _, err := vocab.ParseID(vocab.ContactPrefix, string(id)); err != nil {
			add(fmt.Sprintf("/contact_ids/%d", i), "invalid_id", "want an id such as con_ and 26 characters")
		}
	}
	given := d.Parts
	d.Parts = slices.DeleteFunc(Parts(), func(p Part) bool { return !slices.Contains(given, p) })
	if len(d.Parts) == 0 || slices.ContainsFunc(given, func(p Part) bool { return !slices.Contains(Parts(), p) }) {
		add("/parts", "parts_invalid", "name what is disclosed: identity, consents, messages, timeline")
	}
	d.Recipient = strings.TrimSpace(d.Recipient)
	if _, err := age.ParseX25519Recipient(d.Recipient); err != nil {
		add("/recipient", "recipient_invalid", "want the body's age public key: age1 and 58 characters, as age-keygen prints it")
	}
	if len(wrong) > 0 {
		return d, fault.InvalidFields(wrong...)
	}
	return d, nil
}

// CleanRefusal returns why a disclosure is refused, trimmed; fault.Invalid if that says nothing or too much.
func CleanRefusal(text string) (string, error) {
	if wrong := cleanText("/reason", &text, maxRefusal); len(wrong) > 0 {
		return text, fault.InvalidFields(wrong...)
	}
	return text, nil
}

func cleanText(pointer string, text *string, limit int) []fault.Field {
	*text = strings.TrimSpace(*text)
	n := utf8.RuneCountInString(*text)
	control := strings.ContainsFunc(*text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
	if n == 0 || n > limit || control || !utf8.ValidString(*text) {
		return []fault.Field{{Pointer: pointer, Code: "text_invalid", Detail: fmt.Sprintf("want 1 to %d characters", limit)}}
	}
	return consent.RefuseForbidden(pointer, *text)
}

// isBIN tells a business identification number from a person's (IIN) by the fifth digit, which is 4, 5 or 6 in a BIN and of a date in
// an IIN; the last digit is a check digit over the others, made alike in both.
func isBIN(s string) bool {
	if len(s) != 12 || s[4] < '4' || s[4] > '6' {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	sum := func(shift int) (total int) {
		for i := range 11 {
			total += int(s[i]-'0') * ((i+shift)%11 + 1)
		}
		return total % 11
	}
	check := sum(0)
	if check == 10 {
		check = sum(2)
	}
	return check < 10 && check == int(s[11]-'0')
}
