package fault_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/fault"
)

func TestAtPutsThePrefixBeforeEveryPointerOfACopy(t *testing.T) {
	original := fault.InvalidFields(fault.Field{Pointer: "/name", Code: "too_long"}, fault.Field{Code: "email_invalid"})

	moved, ok := errors.AsType[*fault.Error](fault.At("/contacts/3", original))
	if !ok {
		t.Fatal("At lost the *fault.Error")
	}
	want := []fault.Field{{Pointer: "/contacts/3/name", Code: "too_long"}, {Pointer: "/contacts/3", Code: "email_invalid"}}
	if diff := cmp.Diff(want, moved.Fields); diff != "" {
		t.Errorf("At fields mismatch (-want +got):\n%s", diff)
	}
	if original.Fields[0].Pointer != "/name" {
		t.Errorf("At changed its argument: pointer is %q, want %q", original.Fields[0].Pointer, "/name")
	}
}

func TestAtLeavesOtherErrorsAlone(t *testing.T) {
	plain := errors.New("away")
	if got := fault.At("/x", plain); got != plain { //nolint:errorlint // identity is what is promised
		t.Errorf("At(plain) = %v, want the same error", got)
	}
	if got := fault.At("/x", nil); got != nil {
		t.Errorf("At(nil) = %v, want nil", got)
	}
}
