package client_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

func TestArchive(t *testing.T) {
	for name, c := range ways(t) {
		t.Run(name, func(t *testing.T) {
			var ids []sheaf.DocumentID
			for i := range 250 {
				doc, err := c.Push(t.Context(), client.PushInput{
					Filename: fmt.Sprintf("%s-%03d.txt", name, i), Body: bytes.NewReader([]byte(fmt.Sprint("content ", i))), Tags: []string{name},
				})
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, doc.ID)
			}
			etags := map[string]bool{}
			for what, test := range map[string]struct {
				selection client.ArchiveSelection
				want      int
			}{
				"filter":   {client.ArchiveSelection{Filter: client.Filter{Tags: []string{name}, Collection: "default", PageSize: 3}}, 250},
				"all ids":  {client.ArchiveSelection{IDs: ids}, 250},
				"some ids": {client.ArchiveSelection{IDs: ids[:100]}, 100},
			} {
				a, err := c.Archive(t.Context(), test.selection)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				packed, err := io.ReadAll(a.Body)
				a.Body.Close()
				if err != nil || int64(len(packed)) != a.Size || a.Documents != test.want || a.Errors != 0 || a.Filename != "documents.zip" {
					t.Errorf("%s: %d bytes, %v of %+v", what, len(packed), err, a)
				}
				r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
				if err != nil || len(r.File) != test.want+1 {
					t.Errorf("%s: %v, want %d documents and the manifest", what, err, test.want)
				}
				etags[a.ETag] = true
			}
			if len(etags) != 2 {
				t.Errorf("%d ETags of two archives", len(etags))
			}
			_, err := c.Archive(t.Context(), client.ArchiveSelection{IDs: ids, Filter: client.Filter{Name: "x"}})
			wantKind(t, "ids and a filter", err, sheaf.ErrInvalid)
			_, err = c.Archive(t.Context(), client.ArchiveSelection{IDs: []sheaf.DocumentID{"doc_000000000000"}})
			wantKind(t, "what is not there", err, sheaf.ErrNotFound)
		})
	}
}

func TestArchiveResumes(t *testing.T) {
	content := make([]byte, 300_000)
	rand.Read(content)
	var requests atomic.Int32
	c := dial(t, breaking(content, 70_000, &requests))
	a, err := c.Archive(t.Context(), client.ArchiveSelection{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if got, err := io.ReadAll(a.Body); err != nil || !bytes.Equal(got, content) || requests.Load() != 5 {
		t.Errorf("an archive over a connection that breaks: %d bytes in %d requests, %v", len(got), requests.Load(), err)
	}
}

// An archive that is another one by now is not glued to the first half of this.
func TestArchiveDoesNotResumeAnother(t *testing.T) {
	var requests atomic.Int32
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		breaking(bytes.Repeat([]byte{byte(requests.Load())}, 200_000), 70_000, &requests)(w, r)
	})
	a, err := c.Archive(t.Context(), client.ArchiveSelection{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	got, err := io.ReadAll(a.Body)
	wantKind(t, "an archive that changes meanwhile", err, sheaf.ErrUnavailable)
	if bytes.ContainsRune(got, 1) {
		t.Error("two archives were mixed")
	}
}
