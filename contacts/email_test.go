package contacts_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
)

func TestParseEmailTakes(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, tc := range []struct{ name, in, address, key string }{
		{"a plain address", "aigul@example.kz", "aigul@example.kz", "aigul@example.kz"},
		{"spaces around", " \taigul@example.kz\n", "aigul@example.kz", "aigul@example.kz"},
		{"the local part as typed, the key in lower case", "Aigul.Serik+News@Example.KZ", "Aigul.Serik+News@example.kz", "aigul.serik+news@example.kz"},
		{"a Kazakh domain in its ASCII form", "info@білім.қаз", "info@xn--90aud6hb.xn--80ao21a", "info@xn--90aud6hb.xn--80ao21a"},
		{"a domain in capitals maps like one in small letters", "info@БІЛІМ.ҚАЗ", "info@xn--90aud6hb.xn--80ao21a", "info@xn--90aud6hb.xn--80ao21a"},
		{"a Kazakh local part", "Әлия@example.kz", "Әлия@example.kz", "әлия@example.kz"},
		{"a decomposed letter has the key of the composed one", "ko\u0308k@example.kz", "ko\u0308k@example.kz", "k\u00f6k@example.kz"},
		{"every character of atext", "a!#$%&'*+-/=?^_`{|}~z@example.kz", "a!#$%&'*+-/=?^_`{|}~z@example.kz", "a!#$%&'*+-/=?^_`{|}~z@example.kz"},
		{"a local part of 64 octets", long + "@example.kz", long + "@example.kz", long + "@example.kz"},
		{"a sharp s stays itself", "a@straße.de", "a@xn--strae-oqa.de", "a@xn--strae-oqa.de"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			address, key, err := contacts.ParseEmail(tc.in)
			if err != nil {
				t.Fatalf("ParseEmail(%q): %v", tc.in, err)
			}
			if diff := cmp.Diff([]string{tc.address, tc.key}, []string{address.Reveal(), key}); diff != "" {
				t.Errorf("ParseEmail(%q) mismatch (-want +got):\n%s", tc.in, diff)
			}
		})
	}
}

func TestParseEmailRefuses(t *testing.T) {
	for _, tc := range []struct{ name, in string }{
		{"nothing", ""},
		{"no at sign", "secret.example.kz"},
		{"no local part", "@example.kz"},
		{"no domain", "secret@"},
		{"a display name", "Secret <secret@example.kz>"},
		{"angle brackets", "<secret@example.kz>"},
		{"a quoted local part", `"secret"@example.kz`},
		{"a comment", "secret(comment)@example.kz"},
		{"two addresses", "secret@example.kz,other@example.kz"},
		{"two at signs", "secret@secret@example.kz"},
		{"a space inside", "sec ret@example.kz"},
		{"a line break inside", "secret\r\nBcc:x@example.kz"},
		{"a header hidden after the domain", "secret@example.kz\r\nBcc: x"},
		{"a zero byte", "sec\x00ret@example.kz"},
		{"a zero-width space", "sec\u200bret@example.kz"},
		{"a bidirectional override", "sec\u202eret@example.kz"},
		{"bytes that are not UTF-8", "sec\xffret@example.kz"},
		{"a dot at the start", ".secret@example.kz"},
		{"a dot at the end", "secret.@example.kz"},
		{"two dots", "sec..ret@example.kz"},
		{"65 octets before the at sign", strings.Repeat("a", 65) + "@example.kz"},
		{"255 octets", strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 60)+".", 3) + "bbbb.kz"},
		{"a label of 64 octets", "secret@" + strings.Repeat("b", 64) + ".kz"},
		{"a domain literal", "secret@[127.0.0.1]"},
		{"an IP address", "secret@127.0.0.1"},
		{"a domain without a dot", "secret@localhost"},
		{"a root dot", "secret@example.kz."},
		{"an empty label", "secret@example..kz"},
		{"a hyphen at the start of a label", "secret@-example.kz"},
		{"an underscore in the domain", "secret@ex_ample.kz"},
		{"a forged punycode label", "secret@xn--a.kz"},
		{"a label that IDNA does not read back", "secret@00.ℵ"},
		{"an endless domain", "secret@" + strings.Repeat("b.", 5000) + "kz"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			address, key, err := contacts.ParseEmail(tc.in)
			if err == nil {
				t.Fatalf("ParseEmail(%q) = %q, %q, want an error", tc.in, address.Reveal(), key)
			}
			checkRefusal(t, err, "email_invalid")
		})
	}
}

// checkRefusal asks for one field with the code, a detail, and nothing of what was typed.
func checkRefusal(t *testing.T, err error, code string) {
	t.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid || len(e.Fields) != 1 {
		t.Fatalf("error is %#v, want a *fault.Error of kind invalid with one field", err)
	}
	if f := e.Fields[0]; f.Code != code || f.Detail == "" || f.Pointer != "" {
		t.Errorf("field is %+v, want code %s, a detail and an empty pointer", f, code)
	}
	for _, typed := range []string{"secret", "ret@", "574600", "2345678"} {
		if strings.Contains(strings.ToLower(err.Error()), typed) {
			t.Errorf("error %q repeats what was typed", err)
		}
	}
}

func TestParseEmailOfAnAddressThatItMadeChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[A-Za-z0-9әғқңөұүһіÖß!+_-]{1,12}(\.[A-Za-zӘҚІ]{1,8})?@[a-zA-Zқіäß]{1,12}\.[a-zҚ]{2,6}`).Draw(t, "in")
		address, key, err := contacts.ParseEmail(in)
		if err != nil {
			t.Skip("not an address") // the pattern also makes domains that IDNA refuses
		}
		again, sameKey, err := contacts.ParseEmail(address.Reveal())
		if err != nil || again != address || sameKey != key {
			t.Errorf("ParseEmail(%q) = %q, %q, %v, want %q, %q", address.Reveal(), again.Reveal(), sameKey, err, address.Reveal(), key)
		}
		_, upperKey, err := contacts.ParseEmail(strings.ToUpper(in))
		if err == nil && !strings.ContainsAny(in, "ß") && upperKey != key { // ß has no capital of its own
			t.Errorf("keys of %q and its capitals differ: %q and %q", in, key, upperKey)
		}
	})
}

func FuzzParseEmail(f *testing.F) {
	for _, seed := range []string{"aigul@example.kz", " Әлия@білім.қаз ", `"q"@x.kz`, "a@xn--a.kz", "a@b", "@", "a@[::1]", "a\r\n@b.kz", "0@00.xn--00000000-xs49b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		address, key, err := contacts.ParseEmail(in)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || address != "" || key != "" {
				t.Fatalf("ParseEmail(%q) = %q, %q, %v, want nothing and an invalid fault", in, address.Reveal(), key, err)
			}
			return
		}
		if strings.ContainsAny(address.Reveal(), "\r\n\x00 <>\"(),;:\\[]") || strings.Count(address.Reveal(), "@") != 1 || len(address) > 254 {
			t.Errorf("ParseEmail(%q) let through %q", in, address.Reveal())
		}
		if again, sameKey, err := contacts.ParseEmail(address.Reveal()); err != nil || again != address || sameKey != key {
			t.Errorf("ParseEmail(%q) is not stable: %q, %q, %v", address.Reveal(), again.Reveal(), sameKey, err)
		}
	})
}
