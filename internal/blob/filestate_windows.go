package blob

import (
	"os"

	"golang.org/x/sys/windows"
)

// stateOf returns the state of an open file, without the time of its last
// change: Windows shows it to no ordinary call.
func stateOf(f *os.File) (fileState, error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return fileState{}, os.NewSyscallError("GetFileInformationByHandle", err)
	}
	return fileState{
		device:   uint64(info.VolumeSerialNumber),
		inode:    uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow),
		size:     int64(info.FileSizeHigh)<<32 | int64(info.FileSizeLow),
		modified: info.LastWriteTime.Nanoseconds(),
	}, nil
}
