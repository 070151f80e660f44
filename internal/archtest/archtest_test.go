// Package archtest compares the documents about the code's shape with the code: the floors of docs/architecture.md with who imports
// whom, and the table of dependencies with what is imported.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	module           = "github.com/orleu/elshi"
	root             = "../.."
	architecturePage = root + "/docs/architecture.md"
	dependenciesPage = root + "/docs/adr/0009-dependencies.md"
)

// goPackage is what go list says about a package.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
	Module                             *struct {
		Path string
		Main bool
	}
}

// list runs go list in the module's root.
func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,TestImports,XTestImports,Module"}, args...)...)
	cmd.Dir = root
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, complaints.String())
	}
	var all []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// tableCells returns the cells of the page's rows whose cell in the column is one name in back quotes.
func tableCells(t *testing.T, page string, column int) [][]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("^`[^`]+`$")
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if strings.HasPrefix(line, "|") && len(cells) > column && name.MatchString(cells[column]) {
			cells[column] = strings.Trim(cells[column], "`")
			rows = append(rows, cells)
		}
	}
	return rows
}

// tests is the floor of packages that only tests import.
const tests = 1000

// floors reads the table of packages.
func floors(t *testing.T) map[string]int {
	t.Helper()
	floor := map[string]int{}
	for _, row := range tableCells(t, architecturePage, 1) {
		n, err := strconv.Atoi(row[0])
		switch {
		case row[0] == "tests":
			n = tests
		case err != nil:
			continue // another table
		}
		if _, twice := floor[row[1]]; twice {
			t.Errorf("%s stands twice in the table", row[1])
		}
		if row[2] == "" {
			t.Errorf("%s: the table does not say what it decides", row[1])
		}
		floor[row[1]] = n
	}
	return floor
}

func TestEveryPackageHasAFloorAndImportsOnlyLowerOnes(t *testing.T) {
	floor := floors(t)
	seen := map[string]bool{}
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		seen[name] = true
		own, known := floor[name]
		if !known {
			t.Errorf("package %s has no row in docs/architecture.md: add one, with its floor and what it decides", name)
			continue
		}
		for _, problem := range upward(name, own, p.Imports, floor) {
			t.Error(problem)
		}
	}
	for name := range floor {
		if !seen[name] {
			t.Errorf("docs/architecture.md has a row for %s, which is no package", name)
		}
	}
}

// upward returns what is wrong with the imports of a package on a floor.
func upward(name string, own int, imports []string, floor map[string]int) (problems []string) {
	if own == tests {
		return nil
	}
	for _, path := range imports {
		other, ours := strings.CutPrefix(path, module+"/")
		if n, known := floor[other]; ours && (!known || n >= own) {
			problems = append(problems, name+" (floor "+strconv.Itoa(own)+") imports "+other+", which is not on a lower floor")
		}
	}
	return problems
}

func TestArrowsThatGoUpAreFound(t *testing.T) {
	floor := map[string]int{"vocab": 1, "consent": 2, "contacts": 2, "store": 5, "storetest": tests}
	for _, tc := range []struct {
		name    string
		own     int
		imports []string
		want    int
	}{
		{"consent", 2, []string{"fmt", module + "/vocab"}, 0},
		{"consent", 2, []string{module + "/contacts"}, 1},
		{"consent", 2, []string{module + "/store", module + "/vocab"}, 1},
		{"store", 5, []string{module + "/storetest"}, 1},
		{"store", 5, []string{module + "/unknown"}, 1},
		{"storetest", tests, []string{module + "/store", module + "/storetest"}, 0},
	} {
		if got := upward(tc.name, tc.own, tc.imports, floor); len(got) != tc.want {
			t.Errorf("imports %v of %s: %v, want %d problems", tc.imports, tc.name, got, tc.want)
		}
	}
}

func TestEveryDependencyHasAReason(t *testing.T) {
	var told []string
	for _, row := range tableCells(t, dependenciesPage, 0) {
		if slices.Contains(row, "") || len(row) != 4 {
			t.Errorf("%s: want what for, why and how to leave", row[0])
		}
		told = append(told, row[0])
	}
	imported := map[string]bool{}
	for _, p := range list(t, "./...") {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			first, _, _ := strings.Cut(path, "/")
			if strings.Contains(first, ".") && !strings.HasPrefix(path, module) {
				imported[path] = true
			}
		}
	}
	paths := make([]string, 0, len(imported))
	for path := range imported {
		paths = append(paths, path)
	}
	var used []string
	for _, p := range list(t, paths...) {
		if p.Module == nil {
			t.Errorf("%s belongs to no module", p.ImportPath)
		} else if !slices.Contains(used, p.Module.Path) {
			used = append(used, p.Module.Path)
		}
	}
	slices.Sort(used)
	if diff := cmp.Diff(used, told); diff != "" {
		t.Errorf("modules in the table of docs/adr/0009-dependencies.md, in order (-imported +told):\n%s", diff)
	}
}
