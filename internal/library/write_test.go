package library_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// write gives a document a content. The changes say how.
func (s *store) write(id sheaf.DocumentID, content string, changes ...func(*library.ContentWrite)) (sheaf.Change, error) {
	s.t.Helper()
	in := library.ContentWrite{Content: s.receive(content)}
	for _, change := range changes {
		change(&in)
	}
	return s.WriteContent(s.t.Context(), id, in)
}

// mustWrite is write, which has to succeed in the mode.
func (s *store) mustWrite(mode sheaf.ChangeMode, id sheaf.DocumentID, content string, changes ...func(*library.ContentWrite)) sheaf.Change {
	s.t.Helper()
	change, err := s.write(id, content, changes...)
	if err != nil || change.Mode != mode {
		s.t.Fatalf("writing %q: mode %q, %v, want %s", content, change.Mode, err, mode)
	}
	return change
}

// over says that the author had read a content.
func over(content string) func(*library.ContentWrite) {
	digest := sheaf.DigestOf([]byte(content))
	return func(in *library.ContentWrite) { in.FileHash = &digest }
}

func merging(in *library.ContentWrite) { in.Merge = true }

// conflictOf returns the description of a conflict, which the error has to have.
func conflictOf(t testing.TB, what string, err error, kind sheaf.ErrorKind) *sheaf.WriteConflict {
	t.Helper()
	wantKind(t, what, err, kind)
	var e *sheaf.Error
	if !errors.As(err, &e) || e.Conflict == nil {
		t.Fatalf("%s: %v, want an error that describes the conflict", what, err)
	}
	return e.Conflict
}

// versionNumbers returns the numbers of all versions of a document, the newest first.
func (s *store) versionNumbers(id sheaf.DocumentID) (numbers []int) {
	s.t.Helper()
	for before := 0; ; before = numbers[len(numbers)-1] {
		versions, err := s.Versions(s.t.Context(), id, before, 3)
		if err != nil {
			s.t.Fatalf("the versions of %s: %v", id, err)
		}
		for _, v := range versions {
			numbers = append(numbers, v.Number)
		}
		if len(versions) < 3 {
			return numbers
		}
	}
}

func (s *store) wantVersions(id sheaf.DocumentID, count int) {
	s.t.Helper()
	var want []int
	for n := count; n > 0; n-- {
		want = append(want, n)
	}
	if got := s.versionNumbers(id); !slices.Equal(got, want) {
		s.t.Errorf("the versions of %s are %v, want %v", id, got, want)
	}
}

const (
	poem     = "one\ntwo\nthree\nfour\nfive\n"
	poemHead = "ONE\ntwo\nthree\nfour\nfive\n"  // what somebody else made of poem
	poemTail = "one\ntwo\nthree\nfour\nFIVE\n"  // what goes together with that
	poemBoth = "ONE\ntwo\nthree\nfour\nFIVE\n"  // and does so
	poemRow  = "uno\ntwo\nthree\nfour\nFIVE\n"  // what does not
	nobodys  = "nobody has ever written this\n" // the content of no version
)

// The table of what a write does, by what is there, what its author has read and
// what the collection wants.
func TestConflictTable(t *testing.T) {
	t.Parallel()
	require := library.NewCollection{Name: "strict", Policy: sheaf.PolicyRequireHash}
	type outcome struct {
		mode    sheaf.ChangeMode
		kind    sheaf.ErrorKind
		content string // of the document then
		clean   bool   // whether the error has a clean merge
	}
	for _, test := range []struct {
		name    string
		absent  bool   // a document without a content
		read    string // what the author has read; empty: unknown
		written string
		merge   bool
		want    outcome
		strict  outcome // where the collection requires a hash; the same if zero
	}{
		{name: "absent, none", absent: true, written: poem, want: outcome{mode: sheaf.ModeUpdated, content: poem}},
		{name: "absent, given", absent: true, read: poem, written: poem, want: outcome{kind: sheaf.ErrNotFound}},
		{name: "absent, given, merge", absent: true, read: poem, written: poem, merge: true, want: outcome{kind: sheaf.ErrNotFound}},
		{name: "equal", read: poemHead, written: poemRow, want: outcome{mode: sheaf.ModeUpdated, content: poemRow}},
		{name: "equal, merge", read: poemHead, written: poemRow, merge: true, want: outcome{mode: sheaf.ModeUpdated, content: poemRow}},
		{name: "equal, same bytes", read: poemHead, written: poemHead, want: outcome{mode: sheaf.ModeUnchanged, content: poemHead}},
		{name: "none", written: poemRow,
			want:   outcome{mode: sheaf.ModeUpdated, content: poemRow},
			strict: outcome{kind: sheaf.ErrHashRequired, content: poemHead}},
		{name: "none, merge", written: poemRow, merge: true,
			want:   outcome{mode: sheaf.ModeUpdated, content: poemRow},
			strict: outcome{kind: sheaf.ErrHashRequired, content: poemHead}},
		{name: "none, same bytes", written: poemHead,
			want:   outcome{mode: sheaf.ModeUnchanged, content: poemHead},
			strict: outcome{kind: sheaf.ErrHashRequired, content: poemHead}},
		{name: "other", read: poem, written: poemTail, want: outcome{kind: sheaf.ErrConflict, content: poemHead, clean: true}},
		{name: "other, merge", read: poem, written: poemTail, merge: true, want: outcome{mode: sheaf.ModeMerged, content: poemBoth}},
		{name: "other, overlapping", read: poem, written: poemRow, want: outcome{kind: sheaf.ErrConflict, content: poemHead}},
		{name: "other, overlapping, merge", read: poem, written: poemRow, merge: true, want: outcome{kind: sheaf.ErrConflict, content: poemHead}},
		{name: "other, what is there already, merge", read: poem, written: poemHead, merge: true, want: outcome{mode: sheaf.ModeUnchanged, content: poemHead}},
		{name: "other, unknown", read: nobodys, written: poemTail, want: outcome{kind: sheaf.ErrConflict, content: poemHead}},
		{name: "other, unknown, merge", read: nobodys, written: poemTail, merge: true, want: outcome{kind: sheaf.ErrConflict, content: poemHead}},
	} {
		for _, policy := range []sheaf.WritePolicy{sheaf.PolicyUpsert, sheaf.PolicyRequireHash} {
			t.Run(test.name+"/"+string(policy), func(t *testing.T) {
				t.Parallel()
				s := open(t)
				into := func(in *library.NewDocument) {}
				want := test.want
				if policy == sheaf.PolicyRequireHash {
					if _, err := s.CreateCollection(t.Context(), require); err != nil {
						t.Fatal(err)
					}
					into = func(in *library.NewDocument) { in.Collection = require.Name }
					if test.strict != (outcome{}) {
						want = test.strict
					}
				}
				other := s.As(sheaf.Principal{ID: "agent:other", Label: "Other", Scopes: sheaf.Scopes(sheaf.ScopeRead, sheaf.ScopeWrite)})
				var doc sheaf.Document
				versions := 0
				if test.absent {
					doc = s.placeholder(into)
				} else {
					doc = s.create(poem, into)
					read := doc.Digest
					if _, err := other.WriteContent(t.Context(), doc.ID, library.ContentWrite{Content: s.receive(poemHead), FileHash: &read}); err != nil {
						t.Fatal(err)
					}
					versions = 2
				}
				before, revision, err := s.DocumentAt(t.Context(), doc.ID, library.Moment{})
				if err != nil {
					t.Fatal(err)
				}

				in := library.ContentWrite{Content: s.receive(test.written), Merge: test.merge, Message: "why"}
				if test.read != "" {
					over(test.read)(&in)
				}
				change, err := s.WriteContent(t.Context(), doc.ID, in)
				switch {
				case want.kind != "":
					wantKind(t, "the write", err, want.kind)
				case err != nil || change.Mode != want.mode:
					t.Fatalf("the write: mode %q, %v, want %s", change.Mode, err, want.mode)
				case want.mode == sheaf.ModeUnchanged:
					if change.Revision != revision || change.AuditEntryID != 0 || change.Version != versions {
						t.Errorf("an unchanged content: %+v, want revision %d and version %d", change, revision, versions)
					}
				default:
					versions++
					if change.Version != versions || change.PreviousVersion != versions-1 || change.PreviousRevision != revision ||
						change.Revision != revision+1 || change.AuditEntryID == 0 || change.Digest != sheaf.DigestOf([]byte(want.content)) || change.Size != int64(len(want.content)) {
						t.Errorf("the change: %+v, want version %d at revision %d", change, versions, revision+1)
					}
				}
				if want.kind == sheaf.ErrConflict || want.kind == sheaf.ErrHashRequired {
					c := conflictOf(t, "the write", err, want.kind)
					if c.CurrentHash != before.Digest || c.CurrentVersion != 2 || c.CurrentAuthor != "agent:other" || c.CurrentLabel != "Other" || c.CurrentAt.IsZero() {
						t.Errorf("the conflict: %+v, want the current version, its hash and its author", c)
					}
					if want.kind == sheaf.ErrConflict {
						wantBase := 0
						if test.read == poem {
							wantBase = 1
						}
						if c.BaseVersion != wantBase || (c.Merge != nil) != (wantBase > 0) {
							t.Fatalf("the conflict has base version %d and merge %+v, want base version %d", c.BaseVersion, c.Merge, wantBase)
						}
						if c.Merge != nil && (c.Merge.Clean != want.clean || want.clean && c.Merge.Text != poemBoth || !want.clean && len(c.Merge.Conflicts) != 1) {
							t.Errorf("the merge in the conflict: %+v, want clean %t", c.Merge, want.clean)
						}
					}
				}
				if want.content == "" {
					_, err := s.read(doc.ID)
					wantKind(t, "reading what has no content", err, sheaf.ErrNotFound)
				} else {
					s.wantRead(doc.ID, want.content)
				}
				s.wantVersions(doc.ID, versions)
				s.wantWhole()
			})
		}
	}
}

// What a conflict says is enough to resolve it with one more call.
func TestConflictIsResolvedInOneCall(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create(poem)
	s.mustWrite(sheaf.ModeUpdated, doc.ID, poemHead)
	_, err := s.write(doc.ID, poemRow, over(poem))
	c := conflictOf(t, "an overlapping write", err, sheaf.ErrConflict)
	if len(c.Merge.Conflicts) != 1 || !slices.Equal(c.Merge.Conflicts[0].Head.Lines, []string{"ONE\n"}) || !slices.Equal(c.Merge.Conflicts[0].Yours.Lines, []string{"uno\n"}) {
		t.Fatalf("the conflicts: %+v, want the first line", c.Merge.Conflicts)
	}
	resolved := strings.Replace(poemRow, "uno", "ONE uno", 1)
	s.mustWrite(sheaf.ModeUpdated, doc.ID, resolved, func(in *library.ContentWrite) { in.FileHash = &c.CurrentHash })
	s.wantRead(doc.ID, resolved)
	s.wantWhole()
}

// Whoever goes on from an old version is merged with all that happened since,
// also with what was merged itself.
func TestMergesOfMerges(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create(poem)
	want := poem
	for i, word := range []string{"one", "three", "five"} { // not next to each other
		yours := strings.Replace(poem, word, strings.ToUpper(word), 1)
		want = strings.Replace(want, word, strings.ToUpper(word), 1)
		mode := sheaf.ModeMerged
		if i == 0 {
			mode = sheaf.ModeUpdated
		}
		s.mustWrite(mode, doc.ID, yours, over(poem), merging)
		s.wantRead(doc.ID, want)
	}
	// Over a merge that nobody has read since.
	s.mustWrite(sheaf.ModeMerged, doc.ID, strings.Replace("ONE\ntwo\nTHREE\nfour\nfive\n", "ONE", "first", 1), over("ONE\ntwo\nTHREE\nfour\nfive\n"), merging)
	s.wantRead(doc.ID, "first\ntwo\nTHREE\nfour\nFIVE\n")
	s.wantVersions(doc.ID, 5)
	s.wantWhole()
}

// Writers that know nothing of each other each insert a line of their own. No
// line is lost, whatever the order.
func TestConcurrentMergesLoseNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	const writers, rounds = 8, 4
	// Lines are kept apart, as changes of neighbouring lines conflict.
	line := func(writer, round int) string { return fmt.Sprintf("writer %d, round %d\n", writer, round) }
	var start strings.Builder
	for w := range writers {
		fmt.Fprintf(&start, "section %d\n\nend %d\n\n", w, w)
	}
	doc := s.create(start.String())
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for round := range rounds {
				read, err := s.read(doc.ID)
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				section := fmt.Sprintf("section %d\n", w)
				upload, err := s.Receive(t.Context(), strings.NewReader(strings.Replace(read, section, section+line(w, round), 1)))
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				digest := sheaf.DigestOf([]byte(read))
				change, err := s.WriteContent(t.Context(), doc.ID, library.ContentWrite{Content: upload, FileHash: &digest, Merge: true})
				upload.Close()
				if err != nil || change.Mode != sheaf.ModeMerged && change.Mode != sheaf.ModeUpdated {
					t.Errorf("writer %d, round %d: mode %q, %v", w, round, change.Mode, err)
				}
			}
		})
	}
	running.Wait()
	got, err := s.read(doc.ID)
	if err != nil {
		t.Fatal(err)
	}
	for w := range writers {
		for round := range rounds {
			if strings.Count(got, line(w, round)) != 1 {
				t.Errorf("the text has %q %d times, want once", line(w, round), strings.Count(got, line(w, round)))
			}
		}
	}
	s.wantVersions(doc.ID, 1+writers*rounds)
	s.wantWhole()
}

// The hash of a version that has become current again is the current one.
func TestWriteOverContentThatCameBack(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create("A\n")
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "B\n")
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "A\n")
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "C\n", over("A\n"))
	s.wantVersions(doc.ID, 4)
}

func TestWriteWithFilename(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create("# Notes\n")
	filename := func(name string) func(*library.ContentWrite) {
		return func(in *library.ContentWrite) { in.Filename = name }
	}
	change := s.mustWrite(sheaf.ModeUpdated, doc.ID, "# Notes\n", filename(`C:\docs\notes.md`))
	if change.Filename != "notes.md" || change.MIME != "text/markdown" || change.Version != 2 || change.Name != doc.Name {
		t.Errorf("the same bytes in another file: %+v, want notes.md as version 2", change)
	}
	s.mustWrite(sheaf.ModeUnchanged, doc.ID, "# Notes\n", filename("notes.md"))
	change = s.mustWrite(sheaf.ModeUpdated, doc.ID, "more\n")
	if change.Filename != "notes.md" || change.MIME != "text/markdown" {
		t.Errorf("a write without a filename: %s, %s, want that both stay", change.Filename, change.MIME)
	}
	_, err := s.write(doc.ID, "x", filename("a\nb"), func(in *library.ContentWrite) { in.Message = "\x00" })
	wantFields(t, "a bad filename and message", err, "filename", "message")
	s.wantWhole()
}

// A document can be made first and written later. In a collection that requires
// hashes the first content needs none, and only one writer is the first.
func TestPlaceholder(t *testing.T) {
	t.Parallel()
	s := open(t)
	if _, err := s.CreateCollection(t.Context(), library.NewCollection{Name: "strict", Policy: sheaf.PolicyRequireHash}); err != nil {
		t.Fatal(err)
	}
	doc := s.placeholder(func(in *library.NewDocument) {
		in.Name, in.Filename, in.Collection, in.Tags = "Report", "report.md", "strict", []string{"soon"}
	})
	if doc.Version != 0 || doc.Size != 0 || !doc.Digest.IsZero() || doc.MIME != "text/markdown" || doc.Filename != "report.md" {
		t.Errorf("a placeholder: %+v, want version 0 without content", doc)
	}
	if listed := s.list(library.DocumentQuery{Collection: "strict", Tags: []string{"soon"}}); len(listed) != 1 || listed[0].Version != 0 {
		t.Errorf("listing the placeholder: %+v", listed)
	}
	for what, err := range map[string]error{
		"OpenDocument":     second(s.OpenDocument(t.Context(), doc.ID, 0)),
		"EditContent":      second(s.EditContent(t.Context(), doc.ID, library.ContentEdit{Edits: edits(appending("x"))})),
		"Compare":          second(s.Compare(t.Context(), doc.ID, 0, 0, 3)),
		"WriteContent":     second(s.write(doc.ID, "x", func(in *library.ContentWrite) { in.FileHash = new(sheaf.Digest) })),
		"OpenDocument (1)": second(s.OpenDocument(t.Context(), doc.ID, 1)),
	} {
		wantKind(t, what+" of a document without content", err, sheaf.ErrNotFound)
	}
	s.wantVersions(doc.ID, 0)
	s.wantWhole()

	var running sync.WaitGroup
	outcomes := make([]error, 8)
	for i := range outcomes {
		content := s.receive(fmt.Sprint("first ", i))
		running.Go(func() {
			_, outcomes[i] = s.WriteContent(t.Context(), doc.ID, library.ContentWrite{Content: content})
		})
	}
	running.Wait()
	first := 0
	for _, err := range outcomes {
		if err == nil {
			first++
		} else {
			conflictOf(t, "a write without a hash after the first", err, sheaf.ErrHashRequired)
		}
	}
	if first != 1 {
		t.Errorf("%d writers were the first, want 1", first)
	}
	s.wantVersions(doc.ID, 1)
	if got, err := s.Document(t.Context(), doc.ID); err != nil || got.MIME != "text/markdown" || got.UploadedAt != doc.UploadedAt {
		t.Errorf("the document then: %+v, %v", got, err)
	}
	s.wantWhole()
}

// Contents too large to be merged, or not text, conflict without a merge; a
// content that cannot be read does not hide the conflict.
func TestConflictsWithoutMerge(t *testing.T) {
	t.Parallel()
	s := open(t)
	large := prose("large", 9<<20)
	for name, contents := range map[string][3]string{ // read, current, written
		"large base":    {large, "b", "c"},
		"large current": {"a", large, "c"},
		"large written": {"a", "b", large},
		"binary":        {"a\x00", "b\x00", "c\x00"},
	} {
		doc := s.create(contents[0])
		s.mustWrite(sheaf.ModeUpdated, doc.ID, contents[1])
		_, err := s.write(doc.ID, contents[2], over(contents[0]), merging)
		c := conflictOf(t, name, err, sheaf.ErrConflict)
		if c.BaseVersion != 1 || c.Merge != nil && !c.Merge.Binary {
			t.Errorf("%s: base version %d and merge %+v, want version 1 and none", name, c.BaseVersion, c.Merge)
		}
	}

	damaged := s.create(string(blobtest.Random(100_000)))
	s.mustWrite(sheaf.ModeUpdated, damaged.ID, "current")
	s.flip(damaged.Digest)
	hash := damaged.Digest
	_, err := s.write(damaged.ID, "mine", func(in *library.ContentWrite) { in.FileHash = &hash }, merging)
	if c := conflictOf(t, "a base that is damaged", err, sheaf.ErrConflict); c.Merge != nil {
		t.Errorf("a base that is damaged: merge %+v, want none", c.Merge)
	}
}

// Writing what a document has already is how a damaged content is healed.
func TestUnchangedWriteHeals(t *testing.T) {
	t.Parallel()
	for form, content := range damageable {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			doc := s.create(content)
			s.drain()
			s.flip(doc.Digest)
			s.wantDamaged(doc.ID)
			s.mustWrite(sheaf.ModeUnchanged, doc.ID, content)
			s.wantRead(doc.ID, content)
			s.drain()
			s.wantWhole()
			s.wantVersions(doc.ID, 1)
		})
	}
}

// Nothing of a write that is refused stays behind.
func TestRefusedWritesLeaveNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create(poem)
	s.mustWrite(sheaf.ModeUpdated, doc.ID, poemHead)
	s.drain()
	blobs := s.blobCount()
	for _, content := range []string{"small", string(blobtest.Random(200_000))} {
		_, err := s.write(doc.ID, content, over(nobodys))
		wantKind(t, "a write over what nobody wrote", err, sheaf.ErrConflict)
	}
	if n := s.blobCount(); n != blobs {
		t.Errorf("%d blobs after refused writes, want %d", n, blobs)
	}
	s.wantPlan(sheaf.GarbagePlan{})
}

func second[T any](_ T, err error) error { return err }

// placeholder makes a document without content.
func (s *store) placeholder(changes ...func(*library.NewDocument)) sheaf.Document {
	s.t.Helper()
	in := library.NewDocument{Name: "later.txt"}
	for _, change := range changes {
		change(&in)
	}
	doc, err := s.CreateDocument(s.t.Context(), in)
	if err != nil {
		s.t.Fatalf("creating a placeholder: %v", err)
	}
	return doc
}
