package consent

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/fault"
)

func TestCheckKeepsPersonalDataOutOfTheChain(t *testing.T) {
	if err := fullEvent().Check(); err != nil {
		t.Fatalf("a sound event is refused: %v", err)
	}
	for _, tc := range []struct {
		name  string
		spoil func(*Event)
		want  []string
	}{
		{"an email address as actor", func(e *Event) { e.ActorID = "aigul@example.org" }, []string{"/actor_id"}},
		{"a number as address", func(e *Event) { e.AddressID = "+77011234567" }, []string{"/address_id"}},
		{"a name as contact", func(e *Event) { e.ContactID = "Айгүл" }, []string{"/contact_id"}},
		{"a sentence as topic", func(e *Event) { e.Topic = "lives in Astana" }, []string{"/topic"}},
		{"a text instead of its hash", func(e *Event) { e.TextHash = strings.Repeat("a", 129) }, []string{"/text_hash"}},
		{"unknown words", func(e *Event) { e.Kind, e.Scope, e.Source, e.ActorKind = "maybe", "some", "rumour", "god" }, []string{"/actor_kind", "/kind", "/scope", "/source"}},
		{"a grant for nothing", func(e *Event) { e.Purpose = "" }, []string{"/purpose"}},
		{"a withdrawal of everything", func(e *Event) { e.Kind, e.Scope, e.Purpose = KindWithdrawn, ScopeAll, "" }, nil},
		{"the zero event", func(e *Event) { *e = Event{} }, []string{"/actor_kind", "/at", "/contact_id", "/id", "/kind", "/purpose", "/scope", "/source"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := fullEvent()
			tc.spoil(&e)
			err := e.Check()
			var got []string
			if f, ok := errors.AsType[*fault.Error](err); ok {
				for _, field := range f.Fields {
					got = append(got, field.Pointer)
				}
				for _, value := range []string{"aigul", "7701", "Айгүл", "Astana"} {
					if strings.Contains(err.Error(), value) {
						t.Errorf("the error repeats a value: %v", err)
					}
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("problems mismatch (-want +got):\n%s", diff)
			}
		})
	}
}
