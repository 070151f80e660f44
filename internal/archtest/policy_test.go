package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The map of the policy names a test for everything it says the system does; a test that was renamed must be named anew.
func TestEveryTestThatThePolicyMapNamesExists(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/policy-map.md")
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	if err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(code, -1) {
			exists[string(m[1])] = true
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	named := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| clause") {
			continue
		}
		tests := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(line, -1)
		if len(tests) == 0 {
			t.Errorf("no test is named in: %s", line)
		}
		for _, m := range tests {
			named++
			if !exists[m[1]] {
				t.Errorf("the policy map names %s, which does not exist", m[1])
			}
		}
	}
	if named < 30 {
		t.Errorf("only %d tests were found in the policy map", named)
	}
}
