package contacts_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func TestCleanTrimsAndMakesTheLanguageCanonical(t *testing.T) {
	got, err := contacts.Clean(contacts.Contact{
		ExternalID: " HR-17 ", Name: "  Әлия Серікқызы ", Language: "KK-kz", TimeZone: "Asia/Almaty",
		Attributes: map[string]any{"city": "Астана", "years": 12, "subjects": []string{"maths"}},
	}, consent.RefuseForbidden)
	if err != nil {
		t.Fatalf("Clean: %v", err)
	}
	want := contacts.Contact{
		ExternalID: "HR-17", Name: "Әлия Серікқызы", Language: "kk-KZ", TimeZone: "Asia/Almaty",
		Attributes: map[string]any{"city": "Астана", "years": 12, "subjects": []string{"maths"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Clean mismatch (-want +got):\n%s", diff)
	}
	if got, err := contacts.Clean(contacts.Contact{}, consent.RefuseForbidden); err != nil || got.Language != "" {
		t.Errorf("Clean of an empty contact = %+v, %v, want it unchanged", got, err)
	}
}

func TestCleanNamesEveryProblemAtOnce(t *testing.T) {
	attributes := map[string]any{"City": "x", "a/b~c": 1, "note": strings.Repeat("я", 1100), "iin": "1", "ref": "n 850617300155", "odd": func() {}}
	for i := range 50 {
		attributes[fmt.Sprintf("k%d", i)] = i
	}
	_, err := contacts.Clean(contacts.Contact{
		ExternalID: strings.Repeat("x", 129), Name: "a\nb", Language: "klingon!", TimeZone: "Mars/Olympus", Attributes: attributes,
	}, consent.RefuseForbidden)
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid {
		t.Fatalf("Clean error is %v, want an invalid fault", err)
	}
	var got [][2]string
	for _, f := range e.Fields {
		got = append(got, [2]string{f.Pointer, f.Code})
		if f.Detail == "" {
			t.Errorf("field %s has no detail", f.Pointer)
		}
	}
	want := [][2]string{
		{"/name", "name_invalid"},
		{"/external_id", "external_id_invalid"},
		{"/language", "language_invalid"},
		{"/time_zone", "time_zone_invalid"},
		{"/attributes", "too_many_attributes"},
		{"/attributes/City", "attribute_key_invalid"},
		{"/attributes/a~1b~0c", "attribute_key_invalid"},
		{"/attributes/iin", "forbidden_identifier"},
		{"/attributes/note", "attribute_too_long"},
		{"/attributes/odd", "attribute_invalid"},
		{"/attributes/ref", "forbidden_identifier"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Clean problems mismatch (-want +got):\n%s", diff)
	}
	if strings.Contains(err.Error(), "850617300155") {
		t.Errorf("error %q repeats an identity number", err)
	}
}

func TestCleanLimits(t *testing.T) {
	for _, tc := range []struct {
		name string
		c    contacts.Contact
		ok   bool
	}{
		{"a name of 200 letters", contacts.Contact{Name: strings.Repeat("ұ", 200)}, true},
		{"a name of 201 letters", contacts.Contact{Name: strings.Repeat("ұ", 201)}, false},
		{"a name that turns the line around", contacts.Contact{Name: "a\u202eb"}, false},
		{"a value of 2048 octets", contacts.Contact{Attributes: map[string]any{"a": strings.Repeat("x", 2046)}}, true},
		{"a value of 2049 octets", contacts.Contact{Attributes: map[string]any{"a": strings.Repeat("x", 2047)}}, false},
		{"an identity number as external id", contacts.Contact{ExternalID: "850617300155"}, false},
		{"the machine's own zone", contacts.Contact{TimeZone: "Local"}, false},
		{"a path instead of a zone", contacts.Contact{TimeZone: "../../etc/passwd"}, false},
		{"UTC", contacts.Contact{TimeZone: "UTC"}, true},
		{"no language", contacts.Contact{Language: "und"}, false},
		{"a language nobody registered", contacts.Contact{Language: vocab.Language("qq")}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := contacts.Clean(tc.c, consent.RefuseForbidden); (err == nil) != tc.ok {
				t.Errorf("Clean error is %v, want ok %v", err, tc.ok)
			}
		})
	}
}

func TestCleanRefusesIdentifiers(t *testing.T) {
	for _, tc := range []struct {
		name string
		c    contacts.Contact
		want string // the pointer; "" if it is taken
	}{
		{"a name", contacts.Contact{Name: "Айгүл 900101301233"}, "/name"},
		{"a name in full-width digits", contacts.Contact{Name: "９００１０１３０１２３３"}, "/name"},
		{"a name with a phone number", contacts.Contact{Name: "Айгүл 87012345678"}, ""},
		{"an external id in groups", contacts.Contact{ExternalID: "900101 301 233"}, "/external_id"},
		{"an external id with a hyphen", contacts.Contact{ExternalID: "900101-301233"}, "/external_id"},
		{"an external id in fours", contacts.Contact{ExternalID: "9001 0130 1233"}, "/external_id"},
		{"an external id that is no identity number", contacts.Contact{ExternalID: "900101-301234"}, ""},
		{"an attribute in groups", contacts.Contact{Attributes: map[string]any{"ref": "9001 0130 1233"}}, "/attributes/ref"},
		{"deep in an attribute", contacts.Contact{Attributes: map[string]any{"a": map[string]any{"b": []any{"900101-301233"}}}}, "/attributes/a"},
		{"a number", contacts.Contact{Attributes: map[string]any{"ref": 900101301233}}, "/attributes/ref"},
		{"a passport", contacts.Contact{Attributes: map[string]any{"note": "my passport N12345678"}}, "/attributes/note"},
		{"a key that data refuses", contacts.Contact{Attributes: map[string]any{"personal_iin": "x"}}, "/attributes/personal_iin"},
		{"a key in letters", contacts.Contact{Attributes: map[string]any{"i_i_n": "x"}}, "/attributes/i_i_n"},
		{"a key that is one", contacts.Contact{Attributes: map[string]any{"k900101301233": "x"}}, "/attributes"},
		{"a school's address", contacts.Contact{Attributes: map[string]any{"school_address": "Астана, 900101"}}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := contacts.Clean(tc.c, consent.RefuseForbidden)
			if tc.want == "" {
				if err != nil {
					t.Errorf("Clean(%+v): %v", tc.c, err)
				}
				return
			}
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || len(e.Fields) != 1 || e.Fields[0].Pointer != tc.want || e.Fields[0].Code != "forbidden_identifier" {
				t.Fatalf("Clean(%+v): %v, want forbidden_identifier at %s", tc.c, err, tc.want)
			}
			if strings.Contains(fmt.Sprint(err, e.Fields), "301233") {
				t.Errorf("the refusal repeats the value: %v", err)
			}
		})
	}
}
