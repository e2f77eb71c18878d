//go:build unix

package blob_test

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
)

// limitFiles lets no file of this process grow beyond size bytes until the test
// ends, which is the nearest to a full disk that needs no disk of its own.
func limitFiles(t *testing.T, size uint64) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limited := before
	limited.Cur = size
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limited); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Setrlimit(unix.RLIMIT_FSIZE, &before) })
}

func TestDiskFull(t *testing.T) {
	s := newStore(t, blob.Options{})
	content := blobtest.Random(300_000)
	sp, err := s.Receive(t.Context(), bytes.NewReader(content[:150_000]), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	limitFiles(t, 100_000)

	if _, err := s.Receive(t.Context(), bytes.NewReader(content), -1); sheaf.KindOf(err) != sheaf.ErrDiskFull {
		t.Errorf("Receive on a full disk: %v, want disk_full", err)
	}
	key := sp.Ref().Key()
	if err := s.disk.Put(t.Context(), key, bytes.NewReader(content[:150_000]), 150_000); sheaf.KindOf(err) != sheaf.ErrDiskFull {
		t.Errorf("Put on a full disk: %v, want disk_full", err)
	}
	if _, err := s.Stat(t.Context(), onDisk, key); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("Stat after a Put that failed: %v, want not_found", err)
	}
	sp.Close()
	wantEmptySpool(t, s)
}
