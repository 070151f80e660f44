package contacts_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func TestCleanTrimsAndMakesTheLanguageCanonical(t *testing.T) {
	got, err := contacts.Clean(contacts.Contact{
		ExternalID: " HR-17 ", Name: "  Әлия Серікқызы ", Language: "KK-kz", TimeZone: "Asia/Almaty",
		Attributes: map[string]any{"city": "Астана", "years": 12, "subjects": []string{"maths"}},
	})
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
	if got, err := contacts.Clean(contacts.Contact{}); err != nil || got.Language != "" {
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
	})
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
			if _, err := contacts.Clean(tc.c); (err == nil) != tc.ok {
				t.Errorf("Clean error is %v, want ok %v", err, tc.ok)
			}
		})
	}
}

func TestForbiddenKeys(t *testing.T) {
	for name, want := range map[string]bool{
		"iin": true, "ИИН": true, "ЖСН": true, "Passport No.": true, "document_number": true, "Home address": true,
		"Номер документа": true, "city": false, "school_address": false, "winning": false,
	} {
		if got := contacts.IsForbiddenKey(name); got != want {
			t.Errorf("IsForbiddenKey(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestContainsIIN(t *testing.T) {
	for text, want := range map[string]bool{
		"850617300155":           true,
		"ЖСН: 850617300000.":     true,  // the first row of weights
		"850617300153":           false, // check digit
		"851317300155":           false, // month 13
		"850617700155":           false, // century digit 7
		"0850617300155":          false, // 13 digits
		"+77012345678":           false,
		"order 2026 0617 300155": false,
	} {
		if got := contacts.ContainsIIN(text); got != want {
			t.Errorf("ContainsIIN(%q) = %v, want %v", text, got, want)
		}
	}
}
