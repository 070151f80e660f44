package consent

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// iin appends the check digit to eleven digits; "" if these have none.
func iin(eleven string) string {
	for _, c := range "0123456789" {
		if whole := eleven + string(c); isIIN(whole) {
			return whole
		}
	}
	return ""
}

func TestCheckDigits(t *testing.T) {
	// By hand: 9·1 + 9·2 + 1·4 + 1·6 + 3·7 = 58, which is 3 modulo 11.
	if got := iin("99010130000"); got != "990101300003" {
		t.Errorf("iin = %q, want 990101300003", got)
	}
	second := 0 // how many numbers need the second weights
	for serial := range 10_000 {
		eleven := fmt.Sprintf("9901013%04d", serial)
		var d [12]int
		first := 0
		for i := range 11 {
			d[i] = int(eleven[i] - '0')
			first += d[i] * (i + 1)
		}
		if first%11 != 10 {
			continue
		}
		again := 0
		for i, w := range []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2} {
			again += d[i] * w
		}
		want := eleven + fmt.Sprint(again%11)
		if again%11 == 10 {
			want = "" // the law gives such numbers to nobody
		} else {
			second++
		}
		if got := iin(eleven); got != want {
			t.Fatalf("iin(%s) = %q, want %q", eleven, got, want)
		}
	}
	if second == 0 {
		t.Error("no number went through the second weights")
	}
}

func TestWhatIsAnIIN(t *testing.T) {
	for eleven, want := range map[string]bool{
		"00022950000": true,  // 29 February 2000
		"01022950000": false, // 2001 had none
		"99023030000": false, // 30 February
		"99130130000": false, // month 13
		"99010030000": false, // day 0
		"99010170000": false, // no such century
		"88022910000": true,  // 1888 was a leap year
		"99010100000": true,  // a foreigner
		"99014030000": false, // a BIN: fifth digit 4
		"99016030000": false, // a BIN: fifth digit 6
	} {
		if got := iin(eleven) != ""; got != want {
			t.Errorf("%s: %v, want %v", eleven, got, want)
		}
	}
}

const someIIN = "990101300003"

func find(t *testing.T, doc string) []string {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(doc))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range FindForbidden("/data", v) {
		all = append(all, f.Pointer+" "+string(f.Kind))
	}
	return all
}

func TestFindForbidden(t *testing.T) {
	born2001 := iin("01051550123") // begins with a zero
	for _, tc := range []struct {
		name string
		doc  string
		want []string
	}{
		{"nothing", `{"name": "Айгүл", "n": 12, "ok": true, "none": null, "list": [1.5, "x"]}`, nil},
		{"a string", `{"a": {"b": ["x", "` + someIIN + `"]}}`, []string{"/data/a/b/1 iin"}},
		{"inside a text", `{"text": "Ваш ИИН: ` + someIIN + `, проверьте."}`, []string{"/data/text iin"}},
		{"a number", `{"n": ` + someIIN + `}`, []string{"/data/n iin"}},
		{"a number in scientific notation", `{"n": 9.90101300003e11}`, []string{"/data/n iin"}},
		{"a number that lost its zero", `{"n": ` + born2001[1:] + `, "s": "` + born2001[1:] + `"}`, []string{"/data/n iin", "/data/s iin"}},
		{"in two groups", `["990101 300003", "990101-300003", "990 101 300 003"]`, []string{"/data/0 iin", "/data/1 iin", "/data/2 iin"}},
		{"as a field's name", `{"` + someIIN + `": {"x": "` + someIIN + `"}}`, []string{"/data iin", "/data/x iin"}},
		{"names with / and ~", `{"a/b": {"c~d": "` + someIIN + `"}}`, []string{"/data/a~1b/c~0d iin"}},
		{"a wrong check digit", `["990101300004"]`, nil},
		{"thirteen digits", `["1` + someIIN + `", "` + someIIN + `1", 1` + someIIN + `]`, nil},
		{"phone numbers", `["+77011234567", "87011234567", 77011234567, "8 701 123 45 67", "+7 (7172) 57-46-00", "+` + someIIN + `", "+79161234567"]`, nil},
		{"a BIN", `["990140000016", "Orleu, БСН 120740011867"]`, nil},
		{"a bank card", `["4400 4301 2345 6789", "4400430123456789"]`, nil},
		{"times", `["2026-11-23T11:00:00+05:00", 1795000000, 1795000000123, "2026-11-23 1100"]`, nil},
		{"field names", `{
			"iin": null, "ИИН": "", "жсн": 1, "contact_iin": "", "userIIN": "", "IINNumber": "", "user.iin": "",
			"passport": "x", "passportNumber": "", "номер паспорта": "", "id_card": "", "ID card No.": "", "жеке куәлік": "", "Номер удостоверения": "",
			"home_address": {}, "homeAddress": "", "homeaddress": "", "HOME-ADDRESS": "", "Домашний адрес": "", "Үй мекенжайы": "", "user_home_address_2": ""
		}`, []string{
			"/data/HOME-ADDRESS home_address", "/data/ID card No. document_number", "/data/IINNumber iin", "/data/contact_iin iin",
			"/data/homeAddress home_address", "/data/home_address home_address", "/data/homeaddress home_address", "/data/id_card document_number",
			"/data/iin iin", "/data/passport document_number", "/data/passportNumber document_number", "/data/user.iin iin",
			"/data/userIIN iin", "/data/user_home_address_2 home_address", "/data/Домашний адрес home_address", "/data/ИИН iin",
			"/data/Номер удостоверения document_number", "/data/жеке куәлік document_number", "/data/жсн iin", "/data/номер паспорта document_number",
			"/data/Үй мекенжайы home_address",
		}},
		{"й in two pieces", `{"Домашний адрес": ""}`, []string{"/data/Домашний адрес home_address"}},
		{"names that only look alike", `{"email_address": "", "address": "", "home": "", "begin": "", "wii_nunchuk": "", "passed": "", "card": "", "мекенжай": "", "homepage": "", "certificate_number": ""}`, nil},
		{"document numbers", `[
			"удостоверение личности № 012345678", "Удостоверение: 012345678.", "жеке куәлік нөмірі 012345678", "Жеке куәлігі №012345678",
			"ID card no 012345678", "identity card 012345678", "passport N12345678", "паспорт № N 12345678", "төлқұжатының нөмірі N12345678"
		]`, []string{
			"/data/0 document_number", "/data/1 document_number", "/data/2 document_number", "/data/3 document_number", "/data/4 document_number",
			"/data/5 document_number", "/data/6 document_number", "/data/7 document_number", "/data/8 document_number",
		}},
		{"numbers that are no document's", `[
			"012345678", "Удостоверение о повышении квалификации № 123456789", "Заказ 123456789", "paid card 123456789",
			"Принесите удостоверение личности", "Паспорт не нужен! Заказ 12345678", "удостоверение 12345"
		]`, nil},
		{"merge fields", `["Здравствуйте, {{ contact.name }}", "{{contact.iin}}", "{% if user['home_address'] %}x{% endif %}", "{{ ЖСН | upcase }}", "Никому не сообщайте свой ИИН"]`, []string{
			"/data/1 iin", "/data/2 home_address", "/data/3 iin",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, find(t, tc.doc)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGoValuesAreSearchedToo(t *testing.T) {
	type row struct {
		Number string `json:"number"`
		Any    any    `json:"any"`
	}
	text := someIIN
	var n int64 = 990101300003
	for name, tc := range map[string]struct {
		v    any
		want string
	}{
		"string":              {text, ""},
		"pointer":             {&text, ""},
		"int64":               {n, ""},
		"int":                 {int(n), ""},
		"uint64":              {uint64(n), ""},
		"negative":            {-n, ""},
		"float64":             {float64(n), ""},
		"json.Number":         {json.Number(text), ""},
		"raw JSON":            {json.RawMessage(`{"a": ["` + text + `"]}`), "/a/0"},
		"bytes":               {[]byte("№ " + text), ""},
		"bytes with two docs": {[]byte(`1 ] ` + text), ""},
		"map of strings":      {map[string]string{"a": text}, "/a"},
		"map by number":       {map[int]any{7: []string{"", text}}, "/7/1"},
		"struct":              {row{Any: []row{{Number: text}}}, "/any/0/number"},
		"array":               {[2]any{nil, text}, "/1"},
	} {
		if diff := cmp.Diff([]Finding{{Pointer: tc.want, Kind: IdentifierIIN}}, FindForbidden("", tc.v)); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", name, diff)
		}
	}
}

func TestHostileDataEnd(t *testing.T) {
	loop := map[string]any{"iin": ""}
	loop["again"] = loop
	deep := json.RawMessage(strings.Repeat(`{"iin":`, 9_999) + "1" + strings.Repeat("}", 9_999))
	tooDeep := json.RawMessage(strings.Repeat("[", 20_000) + "990101300003" + strings.Repeat("]", 20_000))
	bottom := json.RawMessage(strings.Repeat("[", 10_000) + "990101300003" + strings.Repeat("]", 10_000))
	wide := slices.Repeat([]any{someIIN}, 100_000)
	for name, tc := range map[string]struct {
		v    any
		want int
	}{"a map that holds itself": {loop, maxFindings}, "deep": {deep, maxFindings}, "at the bottom": {bottom, 1}, "too deep for JSON": {tooDeep, 1}, "wide": {wide, maxFindings}} {
		if got := FindForbidden("", tc.v); len(got) != tc.want || got[0].Kind != IdentifierIIN {
			t.Errorf("%s: found %d, want %d", name, len(got), tc.want)
		}
	}
}

func TestEveryIINIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		century := rapid.IntRange(0, 6).Draw(t, "century")
		number := iin(fmt.Sprintf("%02d%02d%02d%d%04d", rapid.IntRange(0, 99).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month"),
			rapid.IntRange(1, 28).Draw(t, "day"), century, rapid.IntRange(0, 9999).Draw(t, "serial")))
		if number == "" {
			t.Skip("this serial number has no check digit")
		}
		around := rapid.StringMatching(`[^0-9+]{0,10}`)
		doc := around.Draw(t, "before") + number + around.Draw(t, "after")
		if got := FindForbidden("/a", doc); len(got) == 0 || got[0] != (Finding{"/a", IdentifierIIN}) {
			t.Fatalf("%q: %v", doc, got)
		}
	})
}

func FuzzFindForbidden(f *testing.F) {
	for _, seed := range []string{
		`{"a": "990101300003"}`, `{"990101300003": [1, {"iin": 2}]}`, `"990101 300003"`, `990101300003`, `9.90101300003e11`, `1e400`,
		`"удостоверение № 012345678"`, `{"{{iin}}": "{%"}`, `{"home~/address": [[[]]]}`, `not json 990101300003`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		found := FindForbidden("", json.RawMessage(doc))
		if diff := cmp.Diff(found, FindForbidden("", json.RawMessage(doc))); diff != "" {
			t.Fatalf("found differently the second time:\n%s", diff)
		}
		for _, one := range found {
			if holdsIIN(one.Pointer) || holdsDocument(one.Pointer) {
				t.Fatalf("the pointer repeats the value: %q", one.Pointer)
			}
			if one.Pointer != "" && one.Pointer[0] != '/' {
				t.Fatalf("%q is no JSON pointer", one.Pointer)
			}
			for i, c := range one.Pointer {
				if c == '~' && !strings.HasPrefix(one.Pointer[i:], "~0") && !strings.HasPrefix(one.Pointer[i:], "~1") {
					t.Fatalf("%q is no JSON pointer", one.Pointer)
				}
			}
		}
	})
}
