package testkit

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// NodeProject copies a folder with package.json, package-lock.json and scripts to one that is removed with the test, installs what the
// lock file names, without scripts of packages, and returns the new folder and node's path. Without node, or where packages cannot be
// had, the test is left out as Need says.
func NodeProject(t testing.TB, files fs.FS) (node, dir string) {
	t.Helper()
	node, npm := Need(t, Node), Need(t, NPM)
	dir = t.TempDir()
	if err := os.CopyFS(dir, files); err != nil {
		t.Fatalf("copy a node project: %v", err)
	}
	install := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		LeaveOut(t, "npm packages", fmt.Sprintf("npm ci: %v\n%s", err, out))
	}
	return node, filepath.Clean(dir)
}
