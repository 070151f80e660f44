package testkit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Browser is a headless Chromium that starts anew for every page.
type Browser struct {
	binary string
}

// Chromium finds the browser.
func Chromium(t testing.TB) *Browser {
	t.Helper()
	return &Browser{binary: Need(t, Chrome)}
}

// DumpDOM returns the page as HTML after its scripts have run, within 60 s.
func (b *Browser) DumpDOM(t testing.TB, url string) string {
	t.Helper()
	return b.run(t, "--virtual-time-budget=5000", "--dump-dom", url)
}

// Screenshot writes the page as it looks in a window of width × height CSS pixels to a PNG file and returns its path,
// which is removed with the test.
func (b *Browser) Screenshot(t testing.TB, url string, width, height int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.png")
	b.run(t, "--virtual-time-budget=5000", "--hide-scrollbars", fmt.Sprintf("--window-size=%d,%d", width, height),
		"--screenshot="+file, url)
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Fatalf("chromium made no screenshot of %s: %v", url, err)
	}
	return file
}

func (b *Browser) run(t testing.TB, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// A profile of its own, and no call home: there is nobody to answer it.
	args = append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + t.TempDir(),
	}, args...)
	cmd := exec.CommandContext(ctx, b.binary, args...)
	cmd.WaitDelay = 5 * time.Second
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium %s: %v\n%s", args[len(args)-1], err, lastLines(log.Bytes(), 50))
	}
	return out.String()
}
