package vocab_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

func TestAddressMask(t *testing.T) {
	for _, tc := range []struct{ name, address, want string }{
		{"an email address", "aigul@example.org", "a***@example.org"},
		{"a local part of one letter tells no length", "a@example.org", "a***@example.org"},
		{"a Kazakh local part", "әйгерім@мысал.қаз", "ә***@мысал.қаз"},
		{"a quoted local part with an @", `"aigul@home"@example.org`, `"***@example.org`},
		{"no local part", "@example.org", "***@example.org"},
		{"no domain", "aigul@", "a***@"},
		{"a Kazakh number", "+77012345667", "+7***67"},
		{"an American number", "+12025550123", "+1***23"},
		{"a number without a plus", "77012345667", "77***67"},
		{"the shortest number that shows anything", "+1234567", "+1***67"},
		{"a short code", "1414", "***"},
		{"a number too short to show some of it", "123456", "***"},
		{"nothing", "", "***"},
		{"one letter", "a", "***"},
		{"a name that was taken for an address", "Айгүл Серікқызы", "***"},
		{"a number with spaces", "+7 701 234 56 67", "***"},
		{"bytes that are no text", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "***"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := vocab.Address(tc.address).String(); got != tc.want {
				t.Errorf("String of %q is %q, want %q", tc.address, got, tc.want)
			}
			if got := vocab.Address(tc.address).Reveal(); got != tc.address {
				t.Errorf("Reveal of %q is %q", tc.address, got)
			}
		})
	}
}

// addresses draws addresses with parts that are long enough to be recognised anywhere.
func addresses() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z][a-z0-9.]{5,20}@example\.org`),
		rapid.StringMatching(`\+7[0-9]{10}`),
		rapid.StringMatching(`"[a-z]{6,10}@[a-z]{6,10}"@example\.org`),
		rapid.StringMatching(`[А-Яәғқңөұүһі ]{6,20}`),
	)
}

// hidden is the part of an address that may stand nowhere: all but the first character, and the domain or the last two digits.
func hidden(address string) string {
	local := address
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		local = address[:at]
	} else if strings.HasPrefix(address, "+") {
		local = address[2 : len(address)-2]
	}
	_, n := utf8.DecodeRuneInString(local)
	return local[n:]
}

func TestAddressNeverPrintsItself(t *testing.T) {
	type letter struct {
		To   vocab.Address
		More []vocab.Address
		By   map[string]vocab.Address
	}
	rapid.Check(t, func(t *rapid.T) {
		text := addresses().Draw(t, "address")
		a := vocab.Address(text)
		for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%X", "%10.40s"} {
			for _, v := range []any{a, &a, letter{a, []vocab.Address{a}, map[string]vocab.Address{"k": a}}, [1]vocab.Address{a}, any(a)} {
				out := fmt.Sprintf(verb, v)
				secret := hidden(text)
				if strings.Contains(out, secret) || strings.Contains(strings.ToLower(out), fmt.Sprintf("%x", secret)) {
					t.Errorf("%s of %T shows %q in %s", verb, v, secret, out)
				}
			}
		}
		if err := fmt.Errorf("send to %s: %w", a, fmt.Errorf("%v", a)); strings.Contains(err.Error(), hidden(text)) {
			t.Errorf("an error shows the address: %v", err)
		}
		if out := fmt.Sprintln(a) + fmt.Sprint(a, &a); strings.Contains(out, hidden(text)) {
			t.Errorf("Sprint shows the address: %s", out)
		}
	})
}

func TestAddressIsMaskedInLogs(t *testing.T) {
	const text = "aigul.serikkyzy@example.org"
	a := vocab.Address(text)
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := slog.New(handler(&out)).With(slog.Any("with", a))
			log.Info("one", slog.Any("address", a), slog.Any("pointer", &a), slog.Group("group", slog.Any("inner", a)), slog.String("text", a.String()))
			if strings.Contains(out.String(), "aigul") {
				t.Errorf("the log shows the address: %s", out.String())
			}
			if n := strings.Count(out.String(), "a***@example.org"); n != 5 {
				t.Errorf("the log has %d masked addresses, want 5: %s", n, out.String())
			}
		})
	}
}

// The API answers with addresses and the ledger keeps them: whoever writes JSON writes the address, and whoever logs does not log JSON.
func TestAddressGoesThroughJSONWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]vocab.Address{"to": vocab.Address(addresses().Draw(t, "address"))}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]vocab.Address
		if err := json.Unmarshal(text, &got); err != nil || got["to"] != want["to"] {
			t.Errorf("%s came back as %q, %v, want %q", text, got["to"].Reveal(), err, want["to"].Reveal())
		}
	})
}
