package fsblob

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// canSyncFileSystem reports whether syncfs(2) is known to report the errors of
// writing in dir: since Linux 5.8, and not through layers such as overlayfs.
// https://man7.org/linux/man-pages/man2/syncfs.2.html
func canSyncFileSystem(dir string) bool {
	var uname unix.Utsname
	var stat unix.Statfs_t
	if unix.Uname(&uname) != nil || unix.Statfs(dir, &stat) != nil {
		return false
	}
	switch stat.Type {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
		return atLeast(unix.ByteSliceToString(uname.Release[:]), 5, 8)
	}
	return false
}

// atLeast compares a kernel's release, such as "6.1.0-18-amd64".
func atLeast(release string, major, minor int) bool {
	first, rest, _ := strings.Cut(release, ".")
	second, _, _ := strings.Cut(rest, ".")
	gotMajor, err1 := strconv.Atoi(first)
	gotMinor, err2 := strconv.Atoi(second)
	if err1 != nil || err2 != nil {
		return false
	}
	return gotMajor > major || gotMajor == major && gotMinor >= minor
}

// A fileSystem is what syncfs syncs.
type fileSystem struct{ dir *os.File }

// openFileSystem opens the file system of a directory. Each sync of it reports
// the errors of writing since the one before, or since it was opened: a shared
// one would report them to somebody else.
func openFileSystem(dir string) (*fileSystem, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	return &fileSystem{f}, nil
}

func (s *fileSystem) sync() error {
	return os.NewSyscallError("syncfs", unix.Syncfs(int(s.dir.Fd())))
}

func (s *fileSystem) close() { s.dir.Close() }
