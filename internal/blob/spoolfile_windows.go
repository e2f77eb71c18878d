package blob

import (
	"os"

	"golang.org/x/sys/windows"
)

// SpoolFile creates an empty file in dir that vanishes when it is closed or
// the process dies.
func SpoolFile(dir string) (*os.File, error) {
	return createNamed(dir, windows.O_FILE_FLAG_DELETE_ON_CLOSE)
}
