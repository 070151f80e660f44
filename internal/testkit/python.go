package testkit

import (
	"os/exec"
	"strings"
	"testing"
)

// NeedPython returns the path of a Python that has the modules, by their names in an import. The system's own is asked too, because
// Debian's packages (python3-dkim, python3-nacl) install for it alone. Without one the test is left out as Need says.
func NeedPython(t testing.TB, modules ...string) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if err := exec.CommandContext(t.Context(), path, "-c", "import "+strings.Join(modules, ", ")).Run(); err == nil {
			return path
		}
	}
	LeaveOut(t, "python3 with "+strings.Join(modules, ", "), "no python3 has them")
	return ""
}
