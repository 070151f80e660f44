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
		{
			"in other groups",
			`["9901 0130 0003", "99-01-01-300003", "99.01.01.3.0000.3", "9 9 0 1 0 1 3 0 0 0 0 3", "990101/300003", "990101 – 300003", "125/990101 300003", "990101\t300003"]`,
			[]string{"/data/0 iin", "/data/1 iin", "/data/2 iin", "/data/3 iin", "/data/4 iin", "/data/5 iin", "/data/6 iin", "/data/7 iin"},
		},
		{
			"dressed up", `["９９０１０１３００００３", "990101\u200b300003", "99\u00ad0101\u2060300003", "٩٩٠١٠١٣٠٠٠٠٣", "𝟗𝟗𝟎𝟏𝟎𝟏𝟑𝟎𝟎𝟎𝟎𝟑", "990101\u2011300003", "990101300003²", "passport N１２３４５６７８", "{{ contact.i\u200bin }}"]`,
			[]string{
				"/data/0 iin", "/data/1 iin", "/data/2 iin", "/data/3 iin", "/data/4 iin", "/data/5 iin", "/data/6 iin", "/data/7 document_number",
				"/data/8 iin",
			},
		},
		{"periods and dated numbers", `["05.02-16.02.2026", "01.02-05.02.2026", "23-11-2026-0012", "23.11.2026 1100", "8 701 123 45 67 5", "order-77012345678", "order-990101300004"]`, nil},
		{"as a field's name", `{"` + someIIN + `": {"x": "` + someIIN + `"}}`, []string{"/data iin", "/data/x iin"}},
		{"names with / and ~", `{"a/b": {"c~d": "` + someIIN + `"}}`, []string{"/data/a~1b/c~0d iin"}},
		{"a wrong check digit", `["990101300004"]`, nil},
		{"thirteen digits", `["1` + someIIN + `", "` + someIIN + `1", 1` + someIIN + `]`, nil},
		{"phone numbers", `["+77011234567", "87011234567", 77011234567, "8 701 123 45 67", "+7 (7172) 57-46-00", "+` + someIIN + `", "+79161234567"]`, nil},
		{"a BIN", `["990140000016", "Orleu, БСН 120740011867"]`, nil},
		{"a bank card", `["4400 4301 2345 6789", "4400430123456789"]`, nil},
		{"times", `["2026-11-23T11:00:00+05:00", 1795000000, 1795000000123, "2026-11-23 1100"]`, nil},
		{"field names", `{
			"identity_number": "", "i_i_n": "", "p_a_s_s_p_o_r_t": "", "personal_iin": "", "zhsn": "", "individualId": "", "ｉｉｎ": "", "nation\u200bal_id": "",
			"iin": null, "ИИН": "", "жсн": 1, "contact_iin": "", "userIIN": "", "IINNumber": "", "user.iin": "",
			"passport": "x", "passportNumber": "", "номер паспорта": "", "id_card": "", "ID card No.": "", "жеке куәлік": "", "Номер удостоверения": "",
			"home_address": {}, "homeAddress": "", "homeaddress": "", "HOME-ADDRESS": "", "Домашний адрес": "", "Үй мекенжайы": "", "user_home_address_2": ""
		}`, []string{
			"/data/HOME-ADDRESS home_address", "/data/ID card No. document_number", "/data/IINNumber iin", "/data/contact_iin iin",
			"/data/homeAddress home_address", "/data/home_address home_address", "/data/homeaddress home_address", "/data/i_i_n iin", "/data/id_card document_number", "/data/identity_number iin",
			"/data/iin iin", "/data/individualId iin", "/data/nation\u200bal_id iin", "/data/p_a_s_s_p_o_r_t document_number",
			"/data/passport document_number", "/data/passportNumber document_number", "/data/personal_iin iin", "/data/user.iin iin",
			"/data/userIIN iin", "/data/user_home_address_2 home_address", "/data/zhsn iin", "/data/Домашний адрес home_address", "/data/ИИН iin",
			"/data/Номер удостоверения document_number", "/data/жеке куәлік document_number", "/data/жсн iin", "/data/номер паспорта document_number",
			"/data/Үй мекенжайы home_address", "/data/ｉｉｎ iin",
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

func TestNoDressHidesAnIIN(t *testing.T) {
	wide := []string{" ", "-", ".", "_", "/", "\u00a0", "\u202f", "\u2009", "–", "—", "\u2212", "·", "\n", "\t", " - ", ". "}
	narrow := []string{" ", "-", ".", "_", "/", "\u00a0", "–"}
	zeros := []rune{'0', '0', '０', '٠', '०', '𝟎', '𝟶', '᪐'}
	noWidth := []string{"", "", "", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\ufe0f", "\u0336", "\U000e0030", "\u3164"}
	rapid.Check(t, func(t *rapid.T) {
		number := iin(fmt.Sprintf("%02d%02d%02d%d%04d", rapid.IntRange(0, 99).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month"),
			rapid.IntRange(1, 28).Draw(t, "day"), rapid.IntRange(0, 6).Draw(t, "century"), rapid.IntRange(0, 9999).Draw(t, "serial")))
		if number == "" {
			t.Skip("this serial number has no check digit")
		}
		// Groups of three or more stand apart in any way, shorter ones in one way and after the birth date.
		short := rapid.Bool().Draw(t, "short groups")
		same := rapid.SampledFrom(narrow).Draw(t, "separator")
		var text strings.Builder
		group := 0
		for i, c := range number {
			switch {
			case short && (i == 6 || i > 0 && rapid.Bool().Draw(t, "apart")):
				text.WriteString(same)
			case !short && group >= 3 && len(number)-i >= 3 && rapid.Bool().Draw(t, "apart"):
				text.WriteString(rapid.SampledFrom(wide).Draw(t, "separator"))
				group = 0
			}
			text.WriteRune(rapid.SampledFrom(zeros).Draw(t, "script") + c - '0')
			text.WriteString(rapid.SampledFrom(noWidth).Draw(t, "no width"))
			group++
		}
		around := rapid.StringMatching(`[a-zа-я:(]{0,10}`)
		doc := around.Draw(t, "before") + text.String() + around.Draw(t, "after")
		want := []Finding{{"/a", IdentifierIIN}}
		if diff := cmp.Diff(want, FindForbidden("/a", doc)); diff != "" {
			t.Fatalf("%q mismatch (-want +got):\n%s", doc, diff)
		}
		for _, f := range RefuseForbidden("/a", doc) {
			if f.Pointer != "/a" || f.Code != "forbidden_identifier" || strings.Contains(f.Detail, number) {
				t.Fatalf("%q: %+v", doc, f)
			}
		}
	})
}

func TestRefuseForbiddenEmail(t *testing.T) {
	for address, refused := range map[string]bool{
		someIIN + "@example.org":               true,
		"aigul." + someIIN + "@example.org":    true,
		"aigul+" + someIIN + "@example.org":    true,
		"990101-300003@example.org":            true,
		"99.01.01.300003@example.org":          true,
		"９９０１０１３００００３@example.org":             true,
		"990101\u0336300003@example.org":       true,
		"990101300004@example.org":             false, // the check digit
		"87011234567@example.org":              false,
		"aigul.1990.01.01.30@example.org":      false,
		"my.passport.12345678@example.org":     false,
		"aigul@" + someIIN + ".example.org":    false, // no person's
		"iin@example.org":                      false,
		"1" + someIIN + "@example.org":         false,
		"01051550123@example.org":              false, // eleven digits are a phone number
		someIIN:                                false, // no address
		"":                                     false,
		"aigul-990101.qyzy.300003@example.org": false,
	} {
		got := RefuseForbiddenEmail("/to/email", address)
		if (len(got) > 0) != refused || refused && (got[0].Pointer != "/to/email" || got[0].Code != "forbidden_identifier") {
			t.Errorf("%q: %+v, want refused %v", address, got, refused)
		}
	}
}

func FuzzFindForbidden(f *testing.F) {
	for _, seed := range []string{
		`{"a": "990101300003"}`, `{"990101300003": [1, {"iin": 2}]}`, `"990101 300003"`, `990101300003`, `9.90101300003e11`, `1e400`,
		`"９９０１０１ 300003"`, "\"99\u200b0101-300003\"", `"удостоверение № 012345678"`, `{"{{iin}}": "{%"}`, `{"home~/address": [[[]]]}`, `not json 990101300003`,
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
