package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/fault"
)

func TestKindOfLooksThroughWrapping(t *testing.T) {
	away := fault.Away("ledger", errors.New("connection refused"))
	for _, tc := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"nothing", nil, ""},
		{"an error of our own making", errors.New("oops"), ""},
		{"the error itself", away, fault.Unavailable},
		{"wrapped twice", fmt.Errorf("submit: %w", fmt.Errorf("begin: %w", away)), fault.Unavailable},
		{"joined", errors.Join(errors.New("close"), fault.Missing("message_not_found", "")), fault.NotFound},
		{"the outer one of two", &fault.Error{Kind: fault.Conflict, Err: away}, fault.Conflict},
		{"several fields", fault.InvalidFields(fault.Field{}), fault.Invalid},
		{"one field", fault.InvalidField("/to", "x", ""), fault.Invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := fault.KindOf(tc.err); got != tc.want {
				t.Errorf("KindOf(%v) = %q, want %q", tc.err, got, tc.want)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	cause := errors.New("connection refused")
	for _, tc := range []struct{ got, want string }{
		{fault.Away("queue", cause).Error(), "queue_unavailable: the queue is away; try again: connection refused"},
		{fault.Missing("message_not_found", "there is no message with this id").Error(), "message_not_found: there is no message with this id"},
		{(&fault.Error{Code: "bare"}).Error(), "bare"},
		{
			fault.InvalidFields(fault.Field{Pointer: "/a", Code: "too_long", Detail: "at most 5"}, fault.Field{Pointer: "/b", Code: "missing", Detail: "give one"}).Error(),
			"invalid_request: some fields of the request are not valid; /a too_long: at most 5; /b missing: give one",
		},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("Error mismatch (-want +got):\n%s", diff)
		}
	}
	if !errors.Is(fault.Away("queue", cause), cause) {
		t.Error("Away does not wrap its cause")
	}
}
