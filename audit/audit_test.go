package audit_test

import (
	"strings"
	"testing"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/fault"
)

func TestAReasonNamesNobody(t *testing.T) {
	for _, tc := range []struct {
		text string
		ok   bool
	}{
		{"", true},
		{"жалоба № 17 от 20.11.2026", true},
		{"con_06gywnjy01xbs0938nkrkaydxw asked by phone", true},
		{strings.Repeat("ә", 300), true},
		{strings.Repeat("ә", 301), false},
		{"aigul@example.org", false},
		{"+7 701 123 45 67", false},
		{"8(701)123-45-67", false},
		{"87011234567", false},
		{"two\nlines", false},
		{"\xff", false},
	} {
		err := audit.CheckReason(tc.text)
		if (err == nil) != tc.ok || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("CheckReason(%q): %v, want taken: %t", tc.text, err, tc.ok)
		}
		if err != nil && tc.text != "" && strings.Contains(err.Error(), tc.text) {
			t.Errorf("CheckReason(%q) repeats it: %v", tc.text, err)
		}
	}
}

func FuzzCheckReason(f *testing.F) {
	f.Add("жалоба 7")
	f.Add("+7 701 123 45 67")
	f.Fuzz(func(t *testing.T, text string) {
		if audit.CheckReason(text) == nil && (strings.ContainsAny(text, "@\r\n\x00") || len([]rune(text)) > audit.MaxReason) {
			t.Errorf("taken: %q", text)
		}
	})
}
