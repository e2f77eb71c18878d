//go:build !linux

package fsblob

import (
	"errors"
	"os"
)

// Files without names, and syncing a whole file system, are Linux's.

func canNameUnnamed(string) bool    { return false }
func canSyncFileSystem(string) bool { return false }
func isOtherFileSystem(error) bool  { return false }

func openUnnamed(string) (*os.File, error) { return nil, errors.ErrUnsupported }
func linkUnnamed(*os.File, string) error   { return errors.ErrUnsupported }

type fileSystem struct{}

func openFileSystem(string) (*fileSystem, error) { return nil, errors.ErrUnsupported }
func (*fileSystem) sync() error                  { return errors.ErrUnsupported }
func (*fileSystem) close()                       {}
