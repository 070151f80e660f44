package sms_test

import (
	"testing"

	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/fault"
)

func TestValidateSender(t *testing.T) {
	for _, tc := range []struct {
		sender string
		ok     bool
	}{
		{"ORLEU", true},
		{"Orleu-Info", true},
		{"A", true},
		{"Orleu Astan", true}, // 11 characters
		{"Orleu Astana", false},
		{"7 days", true},
		{"+77012345678", true},
		{"1414", true},
		{"12", false},
		{"123456789", false}, // neither E.164 nor a short code
		{"+0701234567", false},
		{"", false},
		{" ORLEU", false},
		{"ORLEU ", false},
		{"OR\r\nLEU", false},
		{"ӨРЛЕУ", false},
		{"ОRLEU", false}, // the O is Cyrillic
		{"OR@LEU", false},
		{"12.34", false},
	} {
		err := sms.ValidateSender(tc.sender)
		if (err == nil) != tc.ok {
			t.Errorf("ValidateSender(%q) = %v, want ok %v", tc.sender, err, tc.ok)
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("ValidateSender(%q) has kind %q, want invalid", tc.sender, fault.KindOf(err))
		}
	}
}
