package sms_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/channels/sms"
)

func TestCountVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/sms_segments.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Text     string
		Encoding sms.Encoding
		Units    int
		Segments int
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 15 {
		t.Fatalf("%d vectors, want at least 15", len(vectors))
	}
	for _, v := range vectors {
		got := sms.Count(v.Text)
		got.Per = 0
		if want := (sms.Segments{Encoding: v.Encoding, Units: v.Units, Segments: v.Segments}); got != want {
			t.Errorf("Count(%q) = %+v, want %+v", v.Text, got, want)
		}
	}
}

func TestCountAtTheBoundaries(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	k := func(n int) string { return strings.Repeat("қ", n) }
	for _, tc := range []struct {
		name, text string
		want       sms.Segments
	}{
		{"one Kazakh letter turns 160 into 70", a(70) + "ү", sms.Segments{Encoding: sms.UCS2, Units: 71, Segments: 2, Per: 67}},
		{"Kazakh in Latin script is not in GSM-7 either", "jańa qağıda şart", sms.Segments{Encoding: sms.UCS2, Units: 16, Segments: 1, Per: 70}},
		{"every basic and extended character is GSM-7", "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤§¿äöñüà^{}\\[~]|€\f", sms.Segments{Encoding: sms.GSM7, Units: 59, Segments: 1, Per: 160}},
		{"an escape is not torn: its character moves on", a(152) + "€" + a(152), sms.Segments{Encoding: sms.GSM7, Units: 306, Segments: 3, Per: 153}},
		{"without the escape the same units take two", a(306), sms.Segments{Encoding: sms.GSM7, Units: 306, Segments: 2, Per: 153}},
		{"a surrogate pair is not torn", k(66) + "😀" + k(66), sms.Segments{Encoding: sms.UCS2, Units: 134, Segments: 3, Per: 67}},
		{"capital cedilla is in GSM-7, the small one is not", "ç", sms.Segments{Encoding: sms.UCS2, Units: 1, Segments: 1, Per: 70}},
		{"a tab is not in GSM-7", "a\tb", sms.Segments{Encoding: sms.UCS2, Units: 3, Segments: 1, Per: 70}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, sms.Count(tc.text)); diff != "" {
				t.Errorf("Count(%q) mismatch (-want +got):\n%s", tc.text, diff)
			}
		})
	}
}

func TestSplitRejoinsWithinLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([][]rune{[]rune("ab €[]\n"), []rune("әқa 😀€"), []rune("😀🇰🇿é")}).Draw(t, "letters")
		checkSplit(t, string(rapid.SliceOfN(rapid.SampledFrom(letters), 0, 500).Draw(t, "text")))
	})
}

type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkSplit checks what holds for every text, with an arithmetic of its own.
func checkSplit(t failer, text string) {
	t.Helper()
	whole, parts := sms.Count(text), sms.Split(text)
	if got := strings.Join(parts, ""); got != text {
		t.Errorf("Split(%q) rejoins to %q", text, got)
	}
	if len(parts) != whole.Segments {
		t.Errorf("Split(%q) has %d parts, Count says %d", text, len(parts), whole.Segments)
	}
	total := 0
	for i, part := range parts {
		units := sms.Count(part).Units
		if whole.Encoding == sms.UCS2 {
			units = len(utf16.Encode([]rune(part)))
		}
		total += units
		if units > whole.Per || !utf8.ValidString(part) && utf8.ValidString(text) {
			t.Errorf("part %d of %q has %d units, want at most %d and whole characters", i, text, units, whole.Per)
		}
		if i < len(parts)-1 && units < whole.Per-1 {
			t.Errorf("part %d of %q has only %d of %d units", i, text, units, whole.Per)
		}
	}
	if total != whole.Units {
		t.Errorf("parts of %q have %d units, Count says %d", text, total, whole.Units)
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"", strings.Repeat("a", 161), strings.Repeat("€", 81), strings.Repeat("ә", 71), strings.Repeat("😀", 40), "\xff\xfe"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkSplit(t, text) })
}
