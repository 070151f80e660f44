package sms

import (
	"strings"
	"unicode/utf16"
)

// Encoding is how a whole text is written on air: one character outside the small alphabet changes it for all.
type Encoding string

// The two encodings of 3GPP TS 23.038.
const (
	GSM7 Encoding = "GSM-7" // the default alphabet in septets, with its extension table
	UCS2 Encoding = "UCS-2" // UTF-16 code units
)

// The units that fit, from 140 octets of user data; a part of a longer text gives six octets to the concatenation header
// (3GPP TS 23.040 section 9.2.3.24.1).
const (
	gsm7Single, gsm7Part = 160, 153
	ucs2Single, ucs2Part = 70, 67
)

// Segments is what a text costs.
type Segments struct {
	Encoding Encoding
	Units    int // septets or UTF-16 code units, without padding at the end of a part
	Segments int // messages that are paid for; an empty text is one
	Per      int // units that fit in each of them
}

// gsm7Basic are the characters that take one septet, gsm7Extended those that take an escape and a septet (TS 23.038 section 6.2.1).
const (
	gsm7Basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
		"¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsm7Extended = "\f^{}\\[~]|€"
)

// Count says how a text is encoded and how many messages it takes. Bytes that are not UTF-8 count as U+FFFD.
func Count(text string) Segments {
	encoding, units := measure(text)
	single, part := limits(encoding)
	if units <= single {
		return Segments{Encoding: encoding, Units: units, Segments: 1, Per: single}
	}
	return Segments{Encoding: encoding, Units: units, Segments: len(cut(text, encoding, part)), Per: part}
}

// Split returns the parts that a text is sent in, each complete in itself: an escape sequence or a surrogate pair is never
// torn. A text that fits in one message is its own only part. A gateway splits by itself; Split is for showing and proving
// what it will do.
func Split(text string) []string {
	encoding, units := measure(text)
	single, part := limits(encoding)
	if units <= single {
		return []string{text}
	}
	return cut(text, encoding, part)
}

func limits(e Encoding) (single, part int) {
	if e == GSM7 {
		return gsm7Single, gsm7Part
	}
	return ucs2Single, ucs2Part
}

func measure(text string) (Encoding, int) {
	encoding := GSM7
	for _, r := range text {
		if septets(r) == 0 {
			encoding = UCS2
			break
		}
	}
	units := 0
	for _, r := range text {
		units += width(r, encoding)
	}
	return encoding, units
}

// cut fills part after part; a character that does not fit whole begins the next.
func cut(text string, encoding Encoding, limit int) []string {
	var parts []string
	start, used := 0, 0
	for i, r := range text {
		w := width(r, encoding)
		if used+w > limit {
			parts = append(parts, text[start:i])
			start, used = i, 0
		}
		used += w
	}
	return append(parts, text[start:])
}

func width(r rune, encoding Encoding) int {
	if encoding == GSM7 {
		return septets(r)
	}
	return utf16.RuneLen(r)
}

// septets returns 0 for a character that GSM-7 does not have.
func septets(r rune) int {
	switch {
	case strings.ContainsRune(gsm7Basic, r):
		return 1
	case strings.ContainsRune(gsm7Extended, r):
		return 2
	}
	return 0
}
