package cli

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// tryAnonymousFile makes a file without a name in dir and gives it one, as the
// store does with contents.
func tryAnonymousFile(dir string) error {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("O_TMPFILE: %w", err)
	}
	defer unix.Close(fd)
	name := fmt.Sprintf("%s/.sheaf-doctor-link-%d", dir, os.Getpid())
	if err := unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW); err != nil {
		return fmt.Errorf("linkat: %w", err)
	}
	return os.Remove(name)
}
