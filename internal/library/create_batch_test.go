package library_test

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// receiveBatch brings contents into the store as a batch does. The batch is
// closed at the end of the test.
func (s *store) receiveBatch(contents ...string) library.NewDocuments {
	s.t.Helper()
	batch, err := s.BeginBatch()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { batch.Close() })
	var in library.NewDocuments
	for i, content := range contents {
		upload, refused, err := batch.Receive(s.t.Context(), strings.NewReader(content))
		if err != nil {
			s.t.Fatalf("receiving file %d of a batch: %v", i, err)
		}
		in.Files = append(in.Files, library.NewFile{
			NewDocument: library.NewDocument{Content: upload, Filename: fmt.Sprintf("%d.txt", i)}, Refused: refused,
		})
	}
	return in
}

// batchContents are of every kind: nothing, inline, deflated, in a file, and the
// same twice.
func batchContents() []string {
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(i * i >> (i % 11))
	}
	return []string{"", "small", prose("batch", 300_000), string(noise), "small", string(noise)}
}

// Contents that find no memory wait in files, and become the same documents.
func TestBatchOfEveryKindOfContent(t *testing.T) {
	for _, atomic := range []bool{false, true} {
		for _, memory := range []int64{0, 64 << 20} {
			t.Run(fmt.Sprintf("atomic %t, memory %d", atomic, memory), func(t *testing.T) {
				s := open(t, func(set *setup) { set.batchMemory = memory })
				contents := batchContents()
				in := s.receiveBatch(contents...)
				in.Atomic, in.Message = atomic, "together"
				created, err := s.CreateDocuments(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				for i, made := range created {
					if made.Err != nil {
						t.Fatalf("file %d: %v", i, made.Err)
					}
					s.wantRead(made.Document.ID, contents[i])
				}
				s.drain()
				for i, made := range created {
					s.wantRead(made.Document.ID, contents[i])
				}
				s.wantWhole()
				if n := s.blobCount(); n != 4 {
					t.Errorf("%d blobs, want 4: equal contents are stored once", n)
				}
			})
		}
	}
}

// An atomic batch is one entry of the log, which names every document.
func TestAtomicBatchIsOneEntry(t *testing.T) {
	s := open(t)
	in := s.receiveBatch("a", "b", "c")
	in.Atomic, in.Message = true, "three at once"
	created, err := s.CreateDocuments(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	log := s.log("default")
	last := log[len(log)-1]
	var payload sheaf.LogPayload
	if err := json.Unmarshal(last.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	if len(log) != 2 || last.Operation != "document.create_batch" || payload.Message != "three at once" || len(payload.Documents) != 3 {
		t.Errorf("the log has %d entries, the last is %s with %d documents, want one for all three", len(log), last.Operation, len(payload.Documents))
	}
	for i, made := range created {
		if payload.Documents[i].ID != made.Document.ID || payload.Documents[i].After == nil {
			t.Errorf("the entry says %+v of file %d, want %s", payload.Documents[i], i, made.Document.ID)
		}
	}
}

func TestBatchWithWrongFiles(t *testing.T) {
	s := open(t, func(set *setup) { set.limits.Content = 100 })
	wrong := func() library.NewDocuments {
		in := s.receiveBatch("good", "bad name", strings.Repeat("large", 100), "bad tag and metadata", "good too")
		in.Files[1].Name = "two\nlines"
		in.Files[3].Tags, in.Files[3].Metadata = []string{"a\x00"}, json.RawMessage(`[]`)
		return in
	}
	created, err := s.CreateDocuments(t.Context(), wrong())
	if err != nil {
		t.Fatal(err)
	}
	for i, kind := range []sheaf.ErrorKind{"", sheaf.ErrInvalid, sheaf.ErrTooLarge, sheaf.ErrInvalid, ""} {
		wantKind(t, fmt.Sprintf("file %d", i), created[i].Err, kind)
	}
	if n := len(s.list(library.DocumentQuery{})); n != 2 {
		t.Errorf("%d documents, want the two good ones", n)
	}

	// All or nothing: the error names the files, and nothing is stored.
	in := wrong()
	in.Atomic = true
	_, err = s.CreateDocuments(t.Context(), in)
	wantKind(t, "an atomic batch with a content that is too large", err, sheaf.ErrTooLarge)
	in.Files = append(in.Files[:2:2], in.Files[3:]...)
	_, err = s.CreateDocuments(t.Context(), in)
	var fields []string
	if e, ok := err.(*sheaf.Error); ok {
		for _, field := range e.Fields {
			fields = append(fields, field.Field)
		}
	}
	if got, want := fmt.Sprint(fields), "[files[1].name files[2].tags files[2].metadata]"; got != want {
		t.Errorf("an atomic batch with wrong files: %v with the fields %s, want %s", err, got, want)
	}
	if n := len(s.list(library.DocumentQuery{})); n != 2 {
		t.Errorf("%d documents after atomic batches that failed, want still 2", n)
	}
}

func TestBatchThatIsRepeated(t *testing.T) {
	for _, atomic := range []bool{false, true} {
		t.Run(fmt.Sprintf("atomic %t", atomic), func(t *testing.T) {
			s := open(t)
			send := func(contents ...string) []library.CreatedDocument {
				in := s.receiveBatch(contents...)
				in.Atomic, in.IdempotencyKey = atomic, "once"
				created, err := s.CreateDocuments(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				return created
			}
			contents := batchContents()
			first, second := send(contents...), send(contents...)
			for i := range first {
				if first[i].Document.ID != second[i].Document.ID || second[i].Err != nil {
					t.Errorf("file %d: %s, then %s, %v; want the same", i, first[i].Document.ID, second[i].Document.ID, second[i].Err)
				}
			}
			if n := len(s.list(library.DocumentQuery{})); n != len(contents) {
				t.Errorf("%d documents, want %d", n, len(contents))
			}
		})
	}
}

// What a batch has made stays when it is sent again for what it has not made.
func TestRepeatedBatchMakesWhatWasMissing(t *testing.T) {
	s := open(t)
	in := s.receiveBatch("one", "two")
	in.IdempotencyKey, in.Files[1].Name = "key", "bad\nname"
	first, err := s.CreateDocuments(t.Context(), in)
	if err != nil || first[0].Err != nil || first[1].Err == nil {
		t.Fatalf("%+v, %v, want one of two", first, err)
	}
	in.Files[1].Name = "good name"
	second, err := s.CreateDocuments(t.Context(), in)
	if err != nil || second[0].Document.ID != first[0].Document.ID || second[1].Err != nil {
		t.Errorf("%+v, %v, want the first document and a second", second, err)
	}
}

func TestLimitsOfABatch(t *testing.T) {
	s := open(t, func(set *setup) {
		set.limits.BatchFiles, set.limits.BatchBytes, set.limits.Content = 3, 1000, 600
	})
	for name, contents := range map[string][]int{
		"files":                       {1, 1, 1, 1},
		"bytes":                       {500, 400, 101},
		"bytes, one alone too large":  {601, 400},
		"bytes, one larger than that": {2000},
	} {
		batch, err := s.BeginBatch()
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range contents {
			if _, _, err = batch.Receive(t.Context(), io.LimitReader(strings.NewReader(prose(name, 5000)), int64(size))); err != nil {
				break
			}
		}
		wantKind(t, "a batch with too many "+name, err, sheaf.ErrTooLarge)
		if want := "limits.batch_" + name[:5]; err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("a batch with too many %s: %v, want it to name %s", name, err, want)
		}
		batch.Close()
	}
	s.wantNothingSpooled()
	_, err := s.CreateDocuments(t.Context(), library.NewDocuments{})
	wantKind(t, "a batch without files", err, sheaf.ErrInvalid)
	in := s.receiveBatch("x")
	in.Collection = "missing"
	_, err = s.CreateDocuments(t.Context(), in)
	wantKind(t, "a batch for a collection that is not there", err, sheaf.ErrNotFound)
}

// One content of a batch is just being removed as garbage when another one has
// moved from the spool to its backend: that one is not placed, and not looked for
// in the spool, again.
func TestAtomicBatchPastARemoval(t *testing.T) {
	t.Parallel()
	for name, removed := range map[string]string{"small": "small", "large": string(blobtest.Random(100_000))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			doc, err := s.createdFrom(removed)
			if err != nil {
				t.Fatal(err)
			}
			s.drain()
			if err := s.throwAway(doc.ID); err != nil {
				t.Fatal(err)
			}
			s.tamper(`update blobs set state = 3`) // deleting
			s = s.reopen()
			contents := []string{removed}
			for range 40 {
				contents = append(contents, string(blobtest.Random(100_000)))
			}
			slices.Reverse(contents)
			in := s.receiveBatch(contents...)
			in.Atomic = true
			created, err := s.CreateDocuments(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for i := range created {
				s.wantRead(created[i].Document.ID, contents[i])
			}
			s.wantWhole()
		})
	}
}
