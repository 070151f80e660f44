package contacts

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// maxPhoneInput bounds what is parsed, in bytes. E.164 numbers have at most 15 digits; the rest is room for separators.
const maxPhoneInput = 40

// PhoneInfo is what the numbering plan says about a number.
type PhoneInfo struct {
	Region      string // ISO 3166-1 alpha-2 of the plan the number belongs to: "KZ" for +7 7…, "RU" for +7 9…
	CallingCode int    // ITU country calling code; 7 is shared by Kazakhstan and Russia, so it is not a jurisdiction
}

// ParsePhone reads a phone number that can take SMS, in any usual notation, and returns it in E.164. A number without + is read
// as one of defaultRegion (ISO 3166-1 alpha-2, for example "KZ"). The E.164 text is also the number's identity key.
//
// In Kazakhstan +7 70… and +7 77… are mobile and a fixed line such as +7 7172 … is refused; where a plan does not tell fixed
// lines from mobiles, as in North America, the number is taken. A Russian number is valid and says so in PhoneInfo.Region:
// whether it may be written to is the caller's decision.
//
// The error is a *fault.Error of kind Invalid with code phone_invalid or phone_not_mobile, an empty pointer (see fault.At) and
// never the number.
func ParsePhone(s, defaultRegion string) (vocab.Address, PhoneInfo, error) {
	s = strings.TrimSpace(s)
	if !isPhoneText(s) {
		return "", PhoneInfo{}, badPhone()
	}
	number, err := phonenumbers.Parse(s, strings.ToUpper(defaultRegion))
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return "", PhoneInfo{}, badPhone()
	}
	if !takesSMS(phonenumbers.GetNumberType(number)) {
		return "", PhoneInfo{}, fault.InvalidField("", "phone_not_mobile", "SMS needs a mobile number; in Kazakhstan one that starts with +7 70 or +7 77")
	}
	info := PhoneInfo{Region: phonenumbers.GetRegionCodeForNumber(number), CallingCode: int(number.GetCountryCode())}
	return vocab.Address(phonenumbers.Format(number, phonenumbers.E164)), info, nil
}

// badPhone leaves the number out: it is personal data, and the caller has it.
func badPhone() error {
	return fault.InvalidField("", "phone_invalid", "write the number with its country code, for example +7 701 234 56 78")
}

// isPhoneText refuses what the library would read generously: letters as on a keypad ("CALLNOW"), extensions, tel: URIs and
// text around a number. A typing error must not turn into somebody else's number.
func isPhoneText(s string) bool {
	if s == "" || len(s) > maxPhoneInput {
		return false
	}
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
		case r == '+' && i == 0:
		case strings.ContainsRune("-.()/\u2010\u2011\u2012\u2013", r) || unicode.Is(unicode.Zs, r):
		default:
			return false
		}
	}
	return true
}

// takesSMS says whether a type of number can take SMS.
func takesSMS(t phonenumbers.PhoneNumberType) bool {
	return t == phonenumbers.MOBILE || t == phonenumbers.FIXED_LINE_OR_MOBILE
}
