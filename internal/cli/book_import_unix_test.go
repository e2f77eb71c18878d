//go:build unix

package cli

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// Opening a pipe at which nobody writes waits for ever, and no signal ends it.
func TestImportOfAPipeIsRefused(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "books.zip")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no pipes here")
	}
	if _, err := (&bookImportOptions{}).open(t.Context(), []string{pipe}); sheaf.KindOf(err) != sheaf.ErrInvalid {
		t.Errorf("opening a pipe: %v, want invalid", err)
	}
}
