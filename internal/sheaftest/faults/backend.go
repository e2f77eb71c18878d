package faults

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/resilient"
)

// A RemoteBackend is a backend of which a test spoils the way to its server.
type RemoteBackend struct {
	Backend blob.Backend // through Proxy
	Direct  blob.Backend // the same objects, on a way where nothing happens
	Proxy   *Proxy
}

// RunBackend does every fault to a backend as the store uses it, wrapped by
// package resilient. Start returns a new one without objects each time; it is
// called concurrently.
//
// Whatever a fault does to a request, what Put acknowledges is there and whole,
// nothing is said to be missing that is not, and all goes on afterwards.
func RunBackend(t *testing.T, start func(t *testing.T) RemoteBackend) {
	for _, fault := range All {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			remote := start(t)
			backend := resilient.Wrap(remote.Backend, resilient.Options{
				Name: "far", Idle: 300 * time.Millisecond, RetryPause: 10 * time.Millisecond,
			})
			there := blobtest.Random(40_000)
			if err := putContent(t, backend, there); err != nil {
				t.Fatal(err)
			}
			remote.Proxy.Do(fault)
			for _, size := range []int{1, 5000, 300_000} {
				content := blobtest.Random(size)
				switch err := putContent(t, backend, content); {
				case err == nil:
					if stored, err := readContent(t, remote.Direct, content); err != nil || !bytes.Equal(stored, content) {
						t.Errorf("Put of %d bytes succeeds and %d are there, which are others: %v", size, len(stored), err)
					}
				case sheaf.KindOf(err) != sheaf.ErrBackendUnavailable:
					t.Errorf("Put of %d bytes: %v, want success or backend_unavailable", size, err)
				}
			}
			// Nobody but the store can tell bytes that are wrong; what is missing of them can be told.
			if info, err := backend.Stat(t.Context(), blobtest.KeyOf(there)); sheaf.KindOf(err) == sheaf.ErrNotFound || err == nil && info.Size != 40_000 {
				t.Errorf("Stat: %+v, %v", info, err)
			}
			if part, err := readPart(t, backend, there, 1000, 2000); err == nil && len(part) != 2000 {
				t.Errorf("Open of 2000 bytes: %d of them", len(part))
			} else if err != nil && sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
				t.Errorf("Open of a range: %v, want success or backend_unavailable", err)
			}
			if _, err := readContent(t, backend, there); err != nil && sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
				t.Errorf("Open: %v, want success or backend_unavailable", err)
			}

			remote.Proxy.Do(None)
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
				err := putContent(t, backend, there)
				if err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("a minute after the fault: %v", err)
				}
			}
			if got, err := readContent(t, backend, there); err != nil || !bytes.Equal(got, there) {
				t.Errorf("after the fault: %d bytes, %v", len(got), err)
			}
		})
	}
}

func putContent(t *testing.T, b blob.Backend, content []byte) error {
	return b.Put(t.Context(), blobtest.KeyOf(content), bytes.NewReader(content), int64(len(content)))
}

func readContent(t *testing.T, b blob.Backend, content []byte) ([]byte, error) {
	return readPart(t, b, content, 0, -1)
}

func readPart(t *testing.T, b blob.Backend, content []byte, offset, length int64) ([]byte, error) {
	body, err := b.Open(t.Context(), blobtest.KeyOf(content), offset, length)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}
