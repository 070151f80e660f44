// Package e2e_test uses Elshi as the people do whom it is made for: the built program, by its command line and over HTTP, with real mail and
// SMS servers behind it. Each scenario is a promise of the README or of docs/providers.md. What happens when something breaks in the
// middle is test/fault's.
package e2e_test

import (
	"testing"

	"github.com/orleu/elshi/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
