package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// shared is what the tests of one process have in common: built binaries and one PostgreSQL. Starting a cluster for every
// test would take longer than the tests.
var shared struct {
	mu       sync.Mutex
	dir      string // "" outside Main
	binaries map[string]string
	postgres *PG
}

// Main runs a package's tests and then stops and removes what they shared. A package that uses Postgres, OwnPostgres or Build has
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
func Main(m *testing.M) {
	removeStale(os.TempDir())
	dir, err := os.MkdirTemp("", dirPrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "testkit:", err)
		os.Exit(1)
	}
	// PostgreSQL runs as another user and must get through.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, "testkit:", err)
		os.Exit(1)
	}
	shared.dir, shared.binaries = dir, make(map[string]string)
	code := m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.postgres != nil {
		shared.postgres.shutDown()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, "testkit:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// dirPrefix begins the name of a test process's folder; its process id follows.
const dirPrefix = "elshi-test-"

// removeStale removes what test processes left that were killed before they could: a cluster is 40 MB.
func removeStale(temp string) {
	left, _ := filepath.Glob(filepath.Join(temp, dirPrefix+"*")) // the pattern is valid
	for _, dir := range left {
		id, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		pid, err := strconv.Atoi(id)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir) // another user's stays
		}
	}
}

// lockShared gives the caller the shared things until it calls the returned function.
func lockShared(t testing.TB) (unlock func()) {
	t.Helper()
	shared.mu.Lock()
	if shared.dir == "" {
		shared.mu.Unlock()
		t.Fatal("this package needs: func TestMain(m *testing.M) { testkit.Main(m) }")
	}
	return shared.mu.Unlock
}

// BuildOptions say how a binary is built.
type BuildOptions struct {
	Race bool     // with the race detector; needs a C compiler
	Tags []string // build tags
}

// Build compiles a main package of this module, named from the module's root such as "./cmd/elshi", once for each test
// process, and returns the path of the binary.
func Build(t testing.TB, pkg string, o BuildOptions) string {
	t.Helper()
	defer lockShared(t)()
	args := []string{"build"}
	if o.Race {
		args = append(args, "-race") // paths are kept, so that what go test -race has compiled is taken from the cache
	} else {
		args = append(args, "-trimpath")
	}
	if len(o.Tags) > 0 {
		args = append(args, "-tags", strings.Join(o.Tags, ","))
	}
	key := strings.Join(append(args, pkg), " ")
	if path, ok := shared.binaries[key]; ok {
		return path
	}
	path := filepath.Join(shared.dir, fmt.Sprintf("bin-%d", len(shared.binaries)))
	cmd := exec.Command("go", append(args, "-o", path, pkg)...)
	cmd.Dir = moduleRoot(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", key, err, out)
	}
	shared.binaries[key] = path
	return path
}

// moduleRoot is the folder with go.mod above the package that is tested.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the tested package")
		}
		dir = filepath.Dir(dir)
	}
}
