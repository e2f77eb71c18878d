//go:build unix

package blob

import "os"

// createUnlinked creates a file and takes its name away.
func createUnlinked(dir string) (*os.File, error) {
	f, err := createNamed(dir, 0)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
