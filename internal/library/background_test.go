package library_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// readBothWays reads a content plain and as gzip, where it has that form.
func readBothWays(s *store, id sheaf.DocumentID) (plain string, unpacked []byte, err error) {
	if plain, err = s.read(id); err != nil {
		return "", nil, err
	}
	content, err := s.OpenDocument(s.t.Context(), id, 0)
	if err != nil {
		return "", nil, err
	}
	defer content.Close()
	packed, err := content.Gzip()
	if packed == nil || err != nil {
		return plain, nil, err
	}
	var file bytes.Buffer
	if _, err := packed.WriteTo(&file); err != nil {
		return "", nil, err
	}
	if sum := sheaf.DigestOf(file.Bytes()); sum != packed.Digest || int64(file.Len()) != packed.Size {
		return "", nil, fmt.Errorf("the gzip form has %d bytes with the digest %s, it promised %d with %s", file.Len(), sum, packed.Size, packed.Digest)
	}
	reader, err := gzip.NewReader(&file)
	if err != nil {
		return "", nil, err
	}
	unpacked, err = io.ReadAll(reader)
	return plain, unpacked, err
}

// Small contents are read the same before, while and after they move from the
// catalog to their files.
func TestReadingWhileDraining(t *testing.T) {
	t.Parallel()
	s := open(t)
	contents := make(map[sheaf.DocumentID]string)
	for i := range 100 {
		content := prose(fmt.Sprint("author ", i), 20+40*i)
		contents[s.create(content).ID] = content
	}
	readAll := func(when string) {
		for id, want := range contents {
			plain, unpacked, err := readBothWays(s, id)
			if err != nil || plain != want || unpacked != nil && string(unpacked) != want {
				t.Errorf("reading %s %s: %d bytes, %d of the gzip form, %v, want %d", id, when, len(plain), len(unpacked), err, len(want))
			}
		}
	}
	readAll("before the drain")
	drained := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				readAll("during the drain")
				select {
				case <-drained:
					return
				default:
				}
			}
		})
	}
	s.drain()
	close(drained)
	readers.Wait()
	readAll("after the drain")
	for id := range contents {
		doc, err := s.Document(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(s.file(doc.Digest)); err != nil {
			t.Errorf("after the drain: %v", err)
		}
	}
	s.wantWhole()
	s.wantPlan(sheaf.GarbagePlan{})
	s = s.reopen()
	readAll("by another process")
}

// While the backend is out of reach, small documents are written and read all the
// same, and nothing of them is lost when it is back.
func TestDrainWithoutBackend(t *testing.T) {
	t.Parallel()
	backend := newRemoteBackend()
	s := open(t, func(set *setup) { set.backend = backend })
	drained := s.create("drained before")
	s.drain()
	backend.down.Store(true)
	small := s.create("written without a backend")
	for range 3 {
		if _, err := s.Drain(t.Context()); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
			t.Errorf("draining: %v, want backend_unavailable", err)
		}
	}
	s.wantRead(small.ID, "written without a backend")
	_, err := s.read(drained.ID)
	wantKind(t, "reading what is in the backend", err, sheaf.ErrBackendUnavailable)
	_, err = s.try(strings.Repeat("large and plain ", 1<<21))
	wantKind(t, "creating a large document", err, sheaf.ErrBackendUnavailable)
	if health := s.Health(t.Context()); health.Status != "degraded" || !health.Ready || health.UndrainedBlobs != 1 ||
		len(health.Backends) != 1 || health.Backends[0].Status != "unavailable" || health.Backends[0].Detail != "the network is down" {
		t.Errorf("health: %+v, want a degraded store that is ready, with an unavailable backend and one undrained blob", health)
	}

	backend.down.Store(false)
	s.wantRead(drained.ID, "drained before") // nobody has put it aside
	s.runBackground()
	eventually(t, "the small content is in the backend", func() bool { return s.Health(t.Context()).UndrainedBlobs == 0 })
	s.wantRead(small.ID, "written without a backend")
	s.wantWhole()
	if health := s.Health(t.Context()); health.Status != "ok" || health.LastOperation.IsZero() {
		t.Errorf("health: %+v, want ok, and an operation", health)
	}
}
