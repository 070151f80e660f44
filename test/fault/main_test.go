// Package fault_test breaks real processes on purpose: workers, feeders and doors of the built binary, PostgreSQL, Redis and the mail server.
// Whatever was broken, the ledger must afterwards account for every message, and agree with the server that took the mail. docs/faults.md
// says what is promised.
package fault_test

import (
	"testing"

	"github.com/orleu/elshi/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
