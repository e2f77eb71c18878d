package blob

import (
	"crypto/rand"
	"os"
	"path/filepath"
)

// spoolPrefix begins the name of a spool file, where it has to have one.
const spoolPrefix = "spool-"

// createNamed creates a file in dir that nothing else uses.
func createNamed(dir string, extraFlags int) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, spoolPrefix+rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL|extraFlags, 0o600)
}
