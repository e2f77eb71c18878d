//go:build !linux

package fsblob

import "errors"

// Syncing a whole file system, and hearing of its errors, is Linux's.

func canSyncFileSystem(string) bool { return false }

type fileSystem struct{}

func openFileSystem(string) (*fileSystem, error) { return nil, errors.ErrUnsupported }
func (*fileSystem) sync() error                  { return errors.ErrUnsupported }
func (*fileSystem) close()                       {}
