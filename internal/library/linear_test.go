package library_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
	"github.com/sheaf-dev/sheaf/internal/lineartest"
)

// Whatever is done at once with a document happens in some order that all can
// agree on: no update is lost, no read goes back.
func TestLinearizability(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := open(t)
			docs := []sheaf.Document{s.create("first"), s.create("second")}
			recorder := lineartest.NewRecorder(docs...)
			const clients, calls = 6, 150
			var running, draining sync.WaitGroup
			done := make(chan struct{})
			draining.Go(func() { // heads of what is drained are remembered
				for {
					select {
					case <-done:
						return
					default:
						if _, err := s.Drain(t.Context()); err != nil {
							t.Errorf("draining: %v", err)
							return
						}
					}
				}
			})
			for client := range clients {
				random := rand.New(rand.NewPCG(seed, uint64(client)))
				running.Go(func() {
					known := make(map[sheaf.DocumentID]sheaf.Digest) // what the client has read last
					for n := range calls {
						doc := docs[random.IntN(len(docs))]
						call := lineartest.Call{Document: doc.ID, Op: lineartest.Read}
						content := fmt.Sprintf("content %d\n", random.IntN(40))
						switch roll := random.IntN(100); {
						case roll < 35:
						case roll < 60:
							call.Op, call.Expected = lineartest.Write, known[doc.ID]
						case roll < 80:
							call.Op = lineartest.Write
						case roll < 88:
							call.Op = lineartest.Delete
						default:
							call.Op = lineartest.Restore
						}
						call.Written = sheaf.DigestOf([]byte(content))
						err := recorder.Do(client, call, func() (int, sheaf.Digest, error) {
							version, digest, err := s.call(call, content, random.IntN(2) == 0)
							if err == nil {
								known[doc.ID] = digest
							}
							return version, digest, err
						})
						if err != nil {
							t.Errorf("client %d, call %d, %s: %v", client, n, call, err)
						}
					}
				})
			}
			running.Wait()
			close(done)
			draining.Wait()
			recorder.Check(t)
			s.wantWhole()
		})
	}
}

// call does what a recorded call says. A read is of the content or of what is
// said of it.
func (s *store) call(c lineartest.Call, content string, readContent bool) (version int, digest sheaf.Digest, err error) {
	ctx := s.t.Context()
	var change sheaf.Change
	switch c.Op {
	case lineartest.Read:
		if !readContent {
			doc, err := s.Document(ctx, c.Document)
			return doc.Version, doc.Digest, err
		}
		open, err := s.OpenDocument(ctx, c.Document, 0)
		if err != nil {
			return 0, sheaf.Digest{}, err
		}
		defer open.Close()
		reader, err := open.Reader()
		if err != nil {
			return 0, sheaf.Digest{}, err
		}
		read, err := io.ReadAll(reader)
		return open.Document.Version, sheaf.DigestOf(read), err
	case lineartest.Write:
		upload, err := s.Receive(ctx, strings.NewReader(content))
		if err != nil {
			return 0, sheaf.Digest{}, err
		}
		defer upload.Close()
		in := library.ContentWrite{Content: upload}
		if !c.Expected.IsZero() {
			in.FileHash = &c.Expected
		}
		change, err = s.WriteContent(ctx, c.Document, in)
		return change.Version, change.Digest, err
	case lineartest.Delete:
		change, err = s.DeleteDocument(ctx, c.Document)
	case lineartest.Restore:
		change, err = s.RestoreDocument(ctx, c.Document, library.Restoration{})
	}
	return change.Version, change.Digest, err
}
