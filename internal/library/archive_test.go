package library_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

const manifestPath = ".sheaf/manifest.json"

// archive lays out an archive, which has to succeed.
func (s *store) archive(selection library.ArchiveSelection) *library.Archive {
	s.t.Helper()
	a, err := s.Archive(s.t.Context(), selection)
	if err != nil {
		s.t.Fatalf("archive: %v", err)
	}
	s.t.Cleanup(a.Close)
	return a
}

// packed returns the bytes of an archive.
func (s *store) packed(a *library.Archive) []byte {
	s.t.Helper()
	var b bytes.Buffer
	if err := a.WriteRange(s.t.Context(), &b, 0, a.Size()); err != nil || int64(b.Len()) != a.Size() {
		s.t.Fatalf("writing an archive of %d bytes: %d, %v", a.Size(), b.Len(), err)
	}
	return b.Bytes()
}

// unpack returns the files of a ZIP file, by path.
func unpack(t testing.TB, packed []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatalf("reading the archive: %v", err)
	}
	files := map[string]string{}
	for _, f := range r.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(content) // which checks the CRC-32
		if err != nil {
			t.Fatalf("unpacking %s: %v", f.Name, err)
		}
		files[f.Name] = string(plain)
	}
	return files
}

// wantArchive checks which contents an archive has, beside its manifest, which
// has to name each.
func (s *store) wantArchive(what string, a *library.Archive, want map[string]string) {
	s.t.Helper()
	got := unpack(s.t, s.packed(a))
	var manifest struct {
		Documents []struct {
			Path string
			Size int `json:"size_bytes"`
		}
	}
	if err := json.Unmarshal([]byte(got[manifestPath]), &manifest); err != nil {
		s.t.Errorf("%s: the manifest: %v in %s", what, err, got[manifestPath])
	}
	delete(got, manifestPath)
	if !maps.Equal(got, want) {
		s.t.Errorf("%s has %.300q, want %.300q", what, got, want)
	}
	for _, doc := range manifest.Documents {
		if content, ok := want[doc.Path]; !ok || len(content) != doc.Size {
			s.t.Errorf("%s: the manifest names %q with %d bytes", what, doc.Path, doc.Size)
		}
	}
	if a.Documents != len(manifest.Documents) {
		s.t.Errorf("%s has %d documents, its manifest %d", what, a.Documents, len(manifest.Documents))
	}
}

func fileNamed(filename string) func(*library.NewDocument) {
	return func(in *library.NewDocument) { in.Filename = filename }
}

func tagged(tags ...string) func(*library.NewDocument) {
	return func(in *library.NewDocument) { in.Tags = tags }
}

func in(collection string) func(*library.NewDocument) {
	return func(in *library.NewDocument) { in.Collection = collection }
}

func TestArchive(t *testing.T) {
	s := open(t)
	s.createCollections("field-notes")
	small, large, random := "a small note", prose("large", 300_000), strings.Repeat("\x00\xff\x13", 50_000)
	a := s.create(small, fileNamed("a.txt"), in("field-notes"), tagged("x", "y"))
	s.create(large, fileNamed("b.md"), in("field-notes"), tagged("x"))
	s.create(random, fileNamed("a.txt"), in("field-notes"))
	s.create("in a tree", fileNamed("t.txt"), named("tree/sub/t.txt"), in("field-notes"))
	if _, err := s.CreateDocument(t.Context(), library.NewDocument{Name: "to come", Collection: "field-notes"}); err != nil {
		t.Fatal(err)
	}
	other := s.create("elsewhere", fileNamed("c.txt"))

	all := map[string]string{"a.txt": small, "b.md": large, "a (2).txt": random, "tree/sub/t.txt": "in a tree"}
	notes := library.ArchiveSelection{Query: library.DocumentQuery{Collection: "field-notes"}}
	first := s.archive(notes)
	s.wantArchive("the collection", first, all)
	s.drain() // from the catalog to files, which changes nothing
	s.wantArchive("the collection, drained", first, all)
	again := s.archive(notes)
	if !bytes.Equal(s.packed(first), s.packed(again)) || first.ETag() != again.ETag() || !first.Modified.Equal(again.Modified) {
		t.Error("the same documents make two archives")
	}
	s.wantArchive("what is tagged", s.archive(library.ArchiveSelection{Query: library.DocumentQuery{Tags: []string{"y", "x"}}}), map[string]string{"a.txt": small})
	s.wantArchive("what is named", s.archive(library.ArchiveSelection{IDs: []sheaf.DocumentID{other.ID, a.ID, other.ID}}),
		map[string]string{"a.txt": small, "c.txt": "elsewhere"})
	s.createCollections("nothing-yet")
	if files := unpack(t, s.packed(first)); strings.Count(files[manifestPath], "\n") != 10 || !strings.Contains(files[manifestPath], `"name":"to come"`) {
		t.Errorf("the manifest is not one document on a line: %s", files[manifestPath])
	}
	s.wantArchive("nothing", s.archive(library.ArchiveSelection{Query: library.DocumentQuery{Collection: "nothing-yet"}}), map[string]string{})

	// What was is there again, byte for byte, whatever happened since.
	rev := s.log("field-notes")
	then := notes
	then.Query.At = library.Moment{Revision: rev[len(rev)-1].Rev}
	if _, err := s.DeleteDocument(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	now := s.archive(notes)
	if now.ETag() == first.ETag() || !now.Modified.After(first.Modified) {
		t.Errorf("a document was deleted: ETag %s and %v, before %s and %v", now.ETag(), now.Modified, first.ETag(), first.Modified)
	}
	s.wantArchive("the collection without it", now, map[string]string{"b.md": large, "a.txt": random, "tree/sub/t.txt": "in a tree"})
	past := s.archive(then)
	if past.ETag() != first.ETag() || !bytes.Equal(s.packed(past), s.packed(first)) || !past.Modified.Equal(first.Modified) {
		t.Error("the archive of a past state is not the one of that time")
	}
	s.wantArchive("what is named, then", s.archive(library.ArchiveSelection{IDs: []sheaf.DocumentID{a.ID}, Query: library.DocumentQuery{At: then.Query.At}}),
		map[string]string{"a.txt": small})
}

// Ranges put together are the archive, wherever they are cut.
func TestArchiveRanges(t *testing.T) {
	s := open(t)
	for i := range 5 {
		s.create(prose(fmt.Sprint(i), 40_000*i), fileNamed(fmt.Sprintf("%d.txt", i)))
		s.create(strings.Repeat("\xfe\x01", 40_000*i+1), fileNamed(fmt.Sprintf("%d.bin", i)))
	}
	s.drain()
	a := s.archive(library.ArchiveSelection{})
	whole := s.packed(a)
	for _, step := range []int64{1009, 77_777, a.Size()} {
		var stitched bytes.Buffer
		for at := int64(0); at < a.Size(); at += step {
			if err := a.WriteRange(t.Context(), &stitched, at, min(step, a.Size()-at)); err != nil {
				t.Fatalf("%d bytes from %d: %v", step, at, err)
			}
		}
		if !bytes.Equal(stitched.Bytes(), whole) {
			t.Errorf("ranges of %d bytes do not make the archive", step)
		}
	}
}

func TestArchiveOfHostileNames(t *testing.T) {
	s := open(t)
	for _, name := range []string{"C:x", "con.txt", "..hidden", "a.txt", "A.TXT", "manifest.json", "ERRORS.txt", "errors.TXT", ".sheaf", "x\u202egpj.exe", "q?.md", strings.Repeat("n", 255)} {
		s.create("the content of "+name, fileNamed(name))
	}
	s.create("climbing", named("../../etc/x"), fileNamed("x"))
	s.create("into ours", named(".sheaf/manifest.json"), fileNamed("manifest.json"))
	got := unpack(t, s.packed(s.archive(library.ArchiveSelection{})))
	if len(got) != 15 {
		t.Errorf("%d files, want 14 and the manifest: %q", len(got), slices.Sorted(maps.Keys(got)))
	}
	for path := range got {
		if path != manifestPath && (strings.HasPrefix(path, ".sheaf/") || path == ".sheaf" || strings.Contains(path, "..") && path != "..hidden" || strings.ContainsAny(path, `:?\`) || strings.EqualFold(path, "ERRORS.txt")) {
			t.Errorf("the archive has the path %q", path)
		}
	}
}

func TestArchiveRefuses(t *testing.T) {
	s := open(t, func(set *setup) {
		set.limits.ArchiveIDs, set.limits.ArchiveDocuments, set.limits.Page = 3, 4, 2
	})
	kept, deleted, purged := s.create("kept"), s.create("deleted"), s.create("purged")
	for _, doc := range []sheaf.Document{deleted, purged} {
		if _, err := s.DeleteDocument(t.Context(), doc.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.PurgeDocument(t.Context(), purged.ID); err != nil {
		t.Fatal(err)
	}
	// All that are not there are named at once.
	_, err := s.Archive(t.Context(), library.ArchiveSelection{IDs: []sheaf.DocumentID{kept.ID, deleted.ID, purged.ID}})
	wantKind(t, "an archive of what is not there", err, sheaf.ErrNotFound)
	if text := fmt.Sprint(err); !strings.Contains(text, string(deleted.ID)) || !strings.Contains(text, string(purged.ID)) || strings.Contains(text, string(kept.ID)) {
		t.Errorf("the error names not exactly the two that are missing: %s", text)
	}
	s.createCollections("other-notes")
	elsewhere := s.create("elsewhere", in("other-notes"))
	for what, test := range map[string]struct {
		selection library.ArchiveSelection
		kind      sheaf.ErrorKind
	}{
		"no ids":                      {library.ArchiveSelection{IDs: []sheaf.DocumentID{}}, sheaf.ErrInvalid},
		"too many ids":                {library.ArchiveSelection{IDs: []sheaf.DocumentID{kept.ID, kept.ID, kept.ID, kept.ID}}, sheaf.ErrTooLarge},
		"ids and filters":             {library.ArchiveSelection{IDs: []sheaf.DocumentID{kept.ID}, Query: library.DocumentQuery{Name: "x"}}, sheaf.ErrInvalid},
		"no such collection":          {library.ArchiveSelection{Query: library.DocumentQuery{Collection: "nowhere"}}, sheaf.ErrNotFound},
		"a revision of many":          {library.ArchiveSelection{Query: library.DocumentQuery{At: library.Moment{Revision: 1}}}, sheaf.ErrInvalid},
		"a revision to come":          {library.ArchiveSelection{Query: library.DocumentQuery{Collection: "default", At: library.Moment{Revision: 99}}}, sheaf.ErrInvalid},
		"ids of two, with a revision": {library.ArchiveSelection{IDs: []sheaf.DocumentID{kept.ID, elsewhere.ID}, Query: library.DocumentQuery{At: library.Moment{Revision: 2}}}, sheaf.ErrInvalid},
	} {
		_, err := s.Archive(t.Context(), test.selection)
		wantKind(t, what, err, test.kind)
	}
	for range 4 {
		s.create("more")
	}
	_, err = s.Archive(t.Context(), library.ArchiveSelection{})
	wantKind(t, "an archive of six documents", err, sheaf.ErrTooLarge)
}

// Damage that is known is listed; damage that comes to light while the archive is
// read ends it.
func TestArchiveOfDamage(t *testing.T) {
	for _, content := range []string{prose("damaged", 300_000), strings.Repeat("\x07\xf1", 150_000)} {
		s := open(t)
		whole := s.create("whole", fileNamed("whole.txt"))
		bad := s.create(content, fileNamed("bad.txt"))
		s.drain()
		s.flip(bad.Digest)
		a := s.archive(library.ArchiveSelection{})
		var got bytes.Buffer
		err := a.WriteRange(t.Context(), &got, 0, a.Size())
		wantKind(t, "reading an archive with damage", err, sheaf.ErrDamaged)
		if int64(got.Len()) >= a.Size() {
			t.Error("the archive was completed with damage in it")
		}
		// Others are not touched by it.
		a, got = s.archive(library.ArchiveSelection{IDs: []sheaf.DocumentID{whole.ID}}), bytes.Buffer{}
		if err := a.WriteRange(t.Context(), &got, 0, a.Size()); err != nil {
			t.Errorf("an archive without it: %v", err)
		}

		for _, dealt := range []string{"suspected", "put aside"} {
			if dealt == "put aside" {
				s.runBackground()
				eventually(t, "the blob is marked as damaged", func() bool { b, _ := s.blob(bad.Digest); return b.State == catalog.BlobDamaged })
			}
			a = s.archive(library.ArchiveSelection{})
			files := unpack(t, s.packed(a))
			if len(a.Errors) != 1 || a.Errors[0].ID != bad.ID || !a.Modified.IsZero() || a.Documents != 1 {
				t.Errorf("%s: %d documents, errors %+v, modified %v", dealt, a.Documents, a.Errors, a.Modified)
			}
			if !strings.Contains(files["ERRORS.txt"], string(bad.ID)) || !strings.Contains(files[manifestPath], "damaged") || files["whole.txt"] != "whole" || len(files) != 3 {
				t.Errorf("%s: the archive has %.300q", dealt, files)
			}
		}
	}
}

// What happens to a content after the archive was begun never makes it wrong.
func TestArchiveWhileThingsChange(t *testing.T) {
	s := open(t)
	doc := s.create(prose("first", 200_000), fileNamed("a.txt"))
	s.drain()
	a := s.archive(library.ArchiveSelection{})
	s.create("later", fileNamed("b.txt"))
	if _, err := s.WriteContent(t.Context(), doc.ID, library.ContentWrite{Content: s.receive("second")}); err != nil {
		t.Fatal(err)
	}
	s.wantArchive("begun before a write", a, map[string]string{"a.txt": prose("first", 200_000)})

	if err := os.Remove(s.file(doc.Digest)); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	wantKind(t, "the object is gone", a.WriteRange(t.Context(), &got, 0, a.Size()), sheaf.ErrDamaged)
	s.runBackground()
	eventually(t, "the blob is not live", func() bool { b, _ := s.blob(doc.Digest); return b.State != catalog.BlobLive })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.WriteRange(ctx, io.Discard, 0, a.Size()); err == nil {
		t.Error("the archive is written for nobody")
	}
}

// Contents on a backend without files come from it.
func TestArchiveFromAnotherBackend(t *testing.T) {
	s := open(t, func(set *setup) { set.backend = memblob.New() })
	text, random := prose("t", 200_000), strings.Repeat("\xaa\x00\x01", 60_000)
	s.create(text, fileNamed("a.txt"))
	s.create(random, fileNamed("b.bin"))
	s.drain()
	s.wantArchive("from memory", s.archive(library.ArchiveSelection{}), map[string]string{"a.txt": text, "b.bin": random})
}
