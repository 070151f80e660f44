package contacts_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
)

func TestParsePhoneTakes(t *testing.T) {
	for _, tc := range []struct {
		name, in, region, want string
		info                   contacts.PhoneInfo
	}{
		{"E.164", "+77012345678", "KZ", "+77012345678", contacts.PhoneInfo{Region: "KZ", CallingCode: 7}},
		{"another Kazakh operator", "+7 777 234 56 78", "KZ", "+77772345678", contacts.PhoneInfo{Region: "KZ", CallingCode: 7}},
		{"the trunk prefix 8", "8 (701) 234-56-78", "KZ", "+77012345678", contacts.PhoneInfo{Region: "KZ", CallingCode: 7}},
		{"ten digits", "7012345678", "KZ", "+77012345678", contacts.PhoneInfo{Region: "KZ", CallingCode: 7}},
		{"the country code without plus, as gateways write it", "77012345678", "KZ", "+77012345678", contacts.PhoneInfo{Region: "KZ", CallingCode: 7}},
		{"a region in small letters", "7012345678", "kz", "+77012345678", contacts.PhoneInfo{Region: "KZ", CallingCode: 7}},
		{"no region for an international number", "+77012345678", "", "+77012345678", contacts.PhoneInfo{Region: "KZ", CallingCode: 7}},
		{"non-breaking spaces", "+7\u00a0701\u00a0234\u00a056\u00a078", "KZ", "+77012345678", contacts.PhoneInfo{Region: "KZ", CallingCode: 7}},
		{"+7 9 is Russia, another jurisdiction", "+7 916 123-45-67", "KZ", "+79161234567", contacts.PhoneInfo{Region: "RU", CallingCode: 7}},
		{"China", "+86 138 0013 8000", "KZ", "+8613800138000", contacts.PhoneInfo{Region: "CN", CallingCode: 86}},
		{"a plan that does not tell mobile from fixed", "+1 415 555 2671", "KZ", "+14155552671", contacts.PhoneInfo{Region: "US", CallingCode: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, info, err := contacts.ParsePhone(tc.in, tc.region)
			if err != nil || got.Reveal() != tc.want || info != tc.info {
				t.Errorf("ParsePhone(%q, %q) = %q, %+v, %v, want %q, %+v", tc.in, tc.region, got.Reveal(), info, err, tc.want, tc.info)
			}
		})
	}
}

func TestParsePhoneRefuses(t *testing.T) {
	for _, tc := range []struct{ name, in, region, code string }{
		{"nothing", "", "KZ", "phone_invalid"},
		{"a fixed line in Astana", "+7 7172 574600", "KZ", "phone_not_mobile"},
		{"a fixed line in Almaty", "8 727 2345678", "KZ", "phone_not_mobile"},
		{"a toll-free number", "+7 800 2345678", "KZ", "phone_not_mobile"},
		{"a digit too few", "+7 701 234567", "KZ", "phone_invalid"},
		{"a digit too many", "+7 701 23456789", "KZ", "phone_invalid"},
		{"letters as on a keypad", "+7 701 CALLNOW", "KZ", "phone_invalid"},
		{"an extension", "+7 701 2345678 ext 5", "KZ", "phone_invalid"},
		{"a tel URI", "tel:+77012345678", "KZ", "phone_invalid"},
		{"two numbers", "+77012345678, +77012345679", "KZ", "phone_invalid"},
		{"a plus in the middle", "7701+2345678", "KZ", "phone_invalid"},
		{"an email address", "secret@example.kz", "KZ", "phone_invalid"},
		{"an emergency number", "112", "KZ", "phone_invalid"},
		{"a national number without a region", "87012345678", "", "phone_invalid"},
		{"a country code nobody has", "+999 701 2345678", "KZ", "phone_invalid"},
		{"a line break", "+7701\n2345678", "KZ", "phone_invalid"},
		{"very many digits", strings.Repeat("7", 4000), "KZ", "phone_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, info, err := contacts.ParsePhone(tc.in, tc.region)
			if err == nil {
				t.Fatalf("ParsePhone(%q) = %q, %+v, want an error", tc.in, got.Reveal(), info)
			}
			checkRefusal(t, err, tc.code)
		})
	}
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

func FuzzParsePhone(f *testing.F) {
	for _, seed := range []string{"+77012345678", "8 (701) 234-56-78", "+7 7172 574600", "٨٧٠١٢٣٤٥٦٧٨", "+1 415 555 2671", "++7", "(((", "00"} {
		f.Add(seed, "KZ")
	}
	f.Fuzz(func(t *testing.T, in, region string) {
		got, info, err := contacts.ParsePhone(in, region)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || got != "" {
				t.Fatalf("ParsePhone(%q, %q) = %q, %v, want nothing and an invalid fault", in, region, got.Reveal(), err)
			}
			return
		}
		if !e164.MatchString(got.Reveal()) || info.CallingCode == 0 {
			t.Errorf("ParsePhone(%q, %q) = %q, %+v, want E.164 and a calling code", in, region, got.Reveal(), info)
		}
		if again, sameInfo, err := contacts.ParsePhone(got.Reveal(), ""); err != nil || again != got || sameInfo != info {
			t.Errorf("ParsePhone(%q) is not stable: %q, %+v, %v", got.Reveal(), again.Reveal(), sameInfo, err)
		}
	})
}
