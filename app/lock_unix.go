//go:build unix

package app

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFolder takes a data folder for this process: two that serve from one SQLite would not see each other's in-process queue. The lock
// goes with the process, however it ends.
func lockFolder(dir string) (unlock func() error, err error) {
	folder, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("lock data_dir: %w", err)
	}
	file, err := folder.OpenFile("elshi.lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err = errors.Join(err, folder.Close()); err != nil {
		return nil, fmt.Errorf("lock data_dir: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("another elshi serves from this data_dir already; SQLite is for one process: stop the other, or use PostgreSQL")
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file.Close, nil
}
