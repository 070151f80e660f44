package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

const redacted = "<redacted>"

// Secret is a text that is never printed: fmt, slog, JSON and YAML show "<redacted>", or nothing if it is empty.
// In the file and the environment every secret can also be given as a path under its name with _file after it.
type Secret string

// Reveal returns the text itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String hides the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the text for %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// LogValue hides the text in structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the text in JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML hides the text in YAML.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// UnmarshalText takes the text as it is.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return errors.New("is the mask that hides a secret; give the secret itself")
	}
	*s = Secret(text)
	return nil
}

// KeySize is the length of a key in bytes.
const KeySize = 32

// Key decodes a key: 32 bytes as base64 (with or without padding, either alphabet) or as hex. The error does not repeat it.
func (s Secret) Key() ([KeySize]byte, error) {
	text := strings.TrimRight(string(s), "=")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == KeySize {
		return [KeySize]byte(raw), nil
	}
	if raw, err := base64.RawStdEncoding.DecodeString(text); err == nil && len(raw) == KeySize {
		return [KeySize]byte(raw), nil
	}
	return [KeySize]byte{}, errors.New("want 32 bytes as base64 or hex, for example from: openssl rand -base64 32")
}

// Size is a number of bytes, written with KiB, MiB, GiB or plain.
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String writes the size with the largest unit that divides it.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText writes the size as String does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a size such as 5MiB.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := string(text), Size(1)
	for _, u := range sizeUnits {
		if rest, found := strings.CutSuffix(number, u.suffix); found {
			number, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > (1<<62)/int64(unit) {
		return fmt.Errorf("%q is not a size; write 512KiB, 5MiB or a number of bytes", text)
	}
	*s = Size(n) * unit
	return nil
}

// Clock is a time of day in minutes since midnight; 24:00 is 1440.
type Clock int

// SinceMidnight returns the time of day as a duration, 0 to 24 h.
func (c Clock) SinceMidnight() time.Duration { return time.Duration(c) * time.Minute }

// String writes HH:MM.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// MarshalText writes HH:MM.
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads HH:MM between 00:00 and 24:00.
func (c *Clock) UnmarshalText(text []byte) error {
	if string(text) == "24:00" {
		*c = 24 * 60
		return nil
	}
	at, err := time.Parse("15:04", string(text))
	if err != nil || len(text) != len("15:04") {
		return fmt.Errorf("%q is not a time of day; write HH:MM, 00:00 to 24:00", text)
	}
	*c = Clock(at.Hour()*60 + at.Minute())
	return nil
}

// Date is a calendar day; with Year 0 it comes every year.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// String writes YYYY-MM-DD, or MM-DD for a day of every year.
func (d Date) String() string {
	if d.Year == 0 {
		return fmt.Sprintf("%02d-%02d", int(d.Month), d.Day)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// MarshalText writes the date as String does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD or MM-DD.
func (d *Date) UnmarshalText(text []byte) error {
	if at, err := time.Parse(time.DateOnly, string(text)); err == nil && at.Year() > 0 {
		*d = Date{at.Year(), at.Month(), at.Day()}
		return nil
	}
	// Year 4 is a leap year, so that 02-29 is a day of every year that has it.
	at, err := time.Parse(time.DateOnly, "0004-"+string(text))
	if err != nil {
		return fmt.Errorf("%q is not a day; write YYYY-MM-DD, or MM-DD for every year", text)
	}
	*d = Date{0, at.Month(), at.Day()}
	return nil
}
