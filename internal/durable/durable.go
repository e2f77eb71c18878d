// Package durable makes names in directories survive a loss of power. Syncing a
// file keeps its bytes; its name is in the directory, which has to be synced too.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// MakeDirs creates a directory, and those it is in that are missing, each with
// mode 0700 and durably. What is there already is left as it is.
func MakeDirs(dir string) error { return makeDirs(dir, SyncDir) }

func makeDirs(dir string, sync func(dir string) error) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDirs(parent, sync); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		// Somebody else may have made it meanwhile; a file of that name is in the way.
		if info, statErr := os.Stat(dir); !errors.Is(err, fs.ErrExist) || statErr != nil || !info.IsDir() {
			return err
		}
	}
	return sync(parent)
}
