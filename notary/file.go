package notary

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/orleu/elshi/tlog"
)

// ReadNotes returns the signed notes of a file. A file that is not there has none, and the
// error says so (fs.ErrNotExist).
func ReadNotes(path string) ([]string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("read the signed heads: %w", err)
	}
	// A note that somebody copied out of a mail may have other ends of lines, and none at its end.
	notes, torn := tlog.SplitNotes(strings.ReplaceAll(string(text), "\r\n", "\n"))
	if strings.Contains(torn, "\n\n") { // its last line may be cut off all the same, and then no key opens it
		notes = append(notes, strings.TrimRight(torn, "\n")+"\n")
	}
	return notes, nil
}

// file keeps signed heads outside of the database. One process at a time appends to it.
type file struct{ path string }

// last returns the newest head that the file holds, the zero one if it holds none or is not there.
func (f file) last(key *tlog.Verifier) (tlog.Checkpoint, error) {
	if f.path == "" {
		return tlog.Checkpoint{}, nil
	}
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return tlog.Checkpoint{}, nil
	}
	if err != nil {
		return tlog.Checkpoint{}, err
	}
	notes, _ := tlog.SplitNotes(string(text))
	if len(notes) == 0 {
		return tlog.Checkpoint{}, nil
	}
	return key.Open(notes[len(notes)-1])
}

// mend cuts off a note that its writer could not finish.
func (f file) mend() error {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, torn := tlog.SplitNotes(string(text)); torn != "" {
		return os.Truncate(f.path, int64(len(text)-len(torn)))
	}
	return nil
}

// append writes notes behind the others in one piece and waits until they are on the disk.
func (f file) append(notes []string) (err error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) //nolint:gosec // heads are for everybody to read
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := out.WriteString(strings.Join(notes, "\n") + "\n"); err != nil {
		return err
	}
	return out.Sync()
}
