//go:build unix

package blob

import (
	"os"

	"golang.org/x/sys/unix"
)

// stateOf returns the state of an open file.
func stateOf(f *os.File) (fileState, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return fileState{}, os.NewSyscallError("fstat", err)
	}
	return fileState{
		device:   uint64(st.Dev),
		inode:    uint64(st.Ino),
		size:     st.Size,
		modified: st.Mtim.Nano(),
		changed:  st.Ctim.Nano(),
	}, nil
}
