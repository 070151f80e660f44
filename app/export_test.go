package app

import "testing"

// CloseLedger takes the database away from a running App.
func CloseLedger(t testing.TB, a *App) {
	t.Helper()
	if err := a.db.Close(); err != nil {
		t.Fatal(err)
	}
}
