//go:build unix && !linux

package blob

import "os"

// SpoolFile creates an empty file in dir that nobody else can see, and that
// vanishes when it is closed or the process dies.
func SpoolFile(dir string) (*os.File, error) { return createUnlinked(dir) }
