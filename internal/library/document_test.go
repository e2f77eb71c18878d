package library_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func TestCreateReadDelete(t *testing.T) {
	moment := time.Date(2025, 11, 24, 10, 30, 0, 123_000_000, time.UTC)
	s := open(t, func(set *setup) { set.clock = func() time.Time { return moment } })
	doc := s.create("# Notes\n", func(in *library.NewDocument) {
		in.Filename = `C:\Users\someone\../notes.md`
		in.Name = "  My notes "
		in.Tags = []string{" design ", "v2", "design", "", "v2 "}
		in.Description = " two\nlines "
		in.Metadata = json.RawMessage("{ \"status\" :\n\"draft\" }")
	})
	want := sheaf.Document{
		ID: doc.ID, Name: "  My notes ", Filename: "notes.md", Tags: []string{"design", "v2"}, Description: " two\nlines ",
		Size: 8, MIME: "text/markdown", Digest: sheaf.DigestOf([]byte("# Notes\n")), UploadedAt: moment, UpdatedAt: moment,
		Collection: sheaf.DefaultCollection, Version: 1, Metadata: json.RawMessage(`{"status":"draft"}`),
	}
	if _, err := sheaf.ParseDocumentID(string(doc.ID)); err != nil {
		t.Errorf("the id of a new document: %v", err)
	}
	read, err := s.Document(t.Context(), doc.ID)
	if err != nil {
		t.Fatalf("Document: %v", err)
	}
	for what, got := range map[string]sheaf.Document{"created": doc, "read": read, "listed": s.list(library.DocumentQuery{})[0]} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the document as %s:\n%+v, want\n%+v", what, got, want)
		}
	}
	s.wantRead(doc.ID, "# Notes\n")

	if _, err := s.DeleteDocument(t.Context(), doc.ID); err != nil {
		t.Fatalf("DeleteDocument: %v", err)
	}
	_, err = s.Document(t.Context(), doc.ID)
	wantKind(t, "Document once deleted", err, sheaf.ErrNotFound)
	_, err = s.read(doc.ID)
	wantKind(t, "OpenDocument once deleted", err, sheaf.ErrNotFound)
	_, err = s.DeleteDocument(t.Context(), doc.ID)
	wantKind(t, "DeleteDocument once deleted", err, sheaf.ErrNotFound)
	if found := s.list(library.DocumentQuery{}); len(found) != 0 {
		t.Errorf("listing once deleted: %v, want nothing", found)
	}
	s.wantWhole()
	s.wantPlan(sheaf.GarbagePlan{})
}

func TestDefaultsOfANewDocument(t *testing.T) {
	s := open(t)
	doc := s.create("", func(in *library.NewDocument) { in.Filename = "empty" })
	if doc.Name != "empty" || doc.Tags == nil || len(doc.Tags) != 0 || string(doc.Metadata) != "{}" ||
		doc.MIME != "application/octet-stream" || doc.Collection != sheaf.DefaultCollection || doc.Size != 0 {
		t.Errorf("a document of which only the filename is given: %+v", doc)
	}
	s.wantRead(doc.ID, "")
	s.drain()
	s.wantRead(doc.ID, "")
	s.wantWhole()
}

func TestReadingWhatIsNotThere(t *testing.T) {
	s := open(t)
	doc := s.create("one")
	_, err := s.OpenDocument(t.Context(), "doc_000000000000", 0)
	wantKind(t, "an unknown document", err, sheaf.ErrNotFound)
	_, err = s.OpenDocument(t.Context(), doc.ID, 2)
	wantKind(t, "an unknown version", err, sheaf.ErrNotFound)
	content, err := s.OpenDocument(t.Context(), doc.ID, 1)
	if err != nil || content.Document.Version != 1 {
		t.Fatalf("the version that is the current one: %v", err)
	}
	content.Close()
}

// A value at its limit is stored, one over it is refused, and all that are wrong
// are named at once.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := open(t, func(set *setup) { set.limits.Content = 1000 })
	limits := s.Limits()
	tags := func(n, length int) []string {
		var tags []string
		for i := range n {
			tags = append(tags, fmt.Sprintf("%0*d", length, i))
		}
		return tags
	}
	metadata := func(bytes int) json.RawMessage {
		return json.RawMessage(`{"k":"` + strings.Repeat("v", bytes-len(`{"k":""}`)) + `"}`)
	}
	for name, test := range map[string]struct {
		at, over func(*library.NewDocument)
		field    string
		limit    string // as the message names it
	}{
		"filename": {
			func(in *library.NewDocument) { in.Filename = strings.Repeat("n", limits.Name) },
			func(in *library.NewDocument) { in.Filename = strings.Repeat("n", limits.Name+1) },
			"file", "255",
		},
		"filename in bytes, not characters": {
			func(in *library.NewDocument) { in.Filename = strings.Repeat("é", 127) + "x" },
			func(in *library.NewDocument) { in.Filename = strings.Repeat("é", 128) },
			"file", "255",
		},
		"name": {
			func(in *library.NewDocument) { in.Name = strings.Repeat("n", limits.Name) },
			func(in *library.NewDocument) { in.Name = strings.Repeat("n", limits.Name+1) },
			"name", "255",
		},
		"description in characters": {
			func(in *library.NewDocument) { in.Description = strings.Repeat("語", limits.Description) },
			func(in *library.NewDocument) { in.Description = strings.Repeat("語", limits.Description+1) },
			"description", "10000",
		},
		"message": {
			func(in *library.NewDocument) { in.Message = strings.Repeat("語", limits.Message) },
			func(in *library.NewDocument) { in.Message = strings.Repeat("語", limits.Message+1) },
			"message", "10000",
		},
		"number of tags": {
			func(in *library.NewDocument) { in.Tags = append(tags(limits.Tags, 3), tags(limits.Tags, 3)...) },
			func(in *library.NewDocument) { in.Tags = tags(limits.Tags+1, 3) },
			"tags", "64",
		},
		"a tag in characters": {
			func(in *library.NewDocument) { in.Tags = []string{" " + strings.Repeat("語", limits.Tag) + " "} },
			func(in *library.NewDocument) { in.Tags = []string{strings.Repeat("語", limits.Tag+1)} },
			"tags", "64",
		},
		"metadata": {
			func(in *library.NewDocument) { in.Metadata = metadata(limits.Metadata) },
			func(in *library.NewDocument) { in.Metadata = metadata(limits.Metadata + 1) },
			"metadata", "16384",
		},
		"idempotency key": {
			func(in *library.NewDocument) { in.IdempotencyKey = strings.Repeat("k", 255) },
			func(in *library.NewDocument) { in.IdempotencyKey = strings.Repeat("k", 256) },
			"Idempotency-Key", "255",
		},
	} {
		if _, err := s.try("x", test.at); err != nil {
			t.Errorf("%s at its limit: %v", name, err)
		}
		_, err := s.try("x", test.over)
		wantFields(t, name+" over its limit", err, test.field)
		if err != nil && !strings.Contains(err.Error(), test.limit) {
			t.Errorf("%s over its limit: %q does not name the limit %s", name, err, test.limit)
		}
	}

	s.create(strings.Repeat("c", 1000))
	_, err := s.Receive(t.Context(), strings.NewReader(strings.Repeat("c", 1001)))
	wantKind(t, "a content over its limit", err, sheaf.ErrTooLarge)
	if err != nil && !strings.Contains(err.Error(), "1000") {
		t.Errorf("a content over its limit: %q does not name the limit", err)
	}
	s.wantWhole()
}

func TestEveryInvalidFieldIsNamed(t *testing.T) {
	s := open(t)
	before := len(s.log(string(sheaf.DefaultCollection)))
	_, err := s.try("x", func(in *library.NewDocument) {
		in.Filename = ".."
		in.Name = "two\nlines"
		in.Tags = []string{"ok", "a\tb", strings.Repeat("t", 65), "x,y"}
		in.Metadata = json.RawMessage(`[1]`)
		in.Collection = "No Slug"
		in.Description = "nul\x00"
		in.Message = "bad \xff"
	})
	wantFields(t, "everything wrong", err, "file", "name", "tags", "tags", "tags", "metadata", "collection", "description", "message")
	_, err = s.try("x", func(in *library.NewDocument) { in.Path = "a/b.md"; in.Description = "nul\x00" })
	wantFields(t, "a path of a free-standing document", err, "path", "description")
	if after := len(s.log(string(sheaf.DefaultCollection))); after != before {
		t.Errorf("refused documents left %d log entries", after-before)
	}
	s.wantPlan(sheaf.GarbagePlan{})
}

func wantFields(t testing.TB, what string, err error, fields ...string) {
	t.Helper()
	var e *sheaf.Error
	var got []string
	if errors.As(err, &e) {
		for _, field := range e.Fields {
			got = append(got, field.Field)
		}
	}
	if sheaf.KindOf(err) != sheaf.ErrInvalid || !slices.Equal(got, fields) {
		t.Errorf("%s: %v, invalid fields %q, want %q", what, err, got, fields)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, name := range []string{
		"plain.txt", "résumé.pdf", "日本語.txt", "naïve – “quoted” & 100%.md", "emoji 👩‍👩‍👧.png", "e\u0301.txt",
		"it's \"quoted\".txt", "semi;colon=1.txt", "% 20%41.txt", "-rf", "con", ".hidden", "עברית.txt", "a\u202egpj.exe",
		strings.Repeat("長", 85),
	} {
		doc, err := s.try("x", func(in *library.NewDocument) { in.Filename = name })
		if err != nil || doc.Name != name || doc.Filename != name {
			t.Errorf("the filename %q: stored as %q named %q, %v", name, doc.Filename, doc.Name, err)
			continue
		}
		if found := s.list(library.DocumentQuery{Name: name}); len(found) != 1 || found[0].ID != doc.ID {
			t.Errorf("finding %q by its name: %d documents, want it", name, len(found))
		}
	}
	for given, want := range map[string]string{
		"../../etc/passwd":        "passwd",
		`..\..\boot.ini`:          "boot.ini",
		"/abs/olute":              "olute",
		`C:\dir/mixed\separators`: "separators",
		"a/../b":                  "b",
		"...":                     "...",
	} {
		if doc := s.create("x", func(in *library.NewDocument) { in.Filename = given }); doc.Filename != want {
			t.Errorf("the filename %q is stored as %q, want %q", given, doc.Filename, want)
		}
	}
	for _, name := range []string{
		"", " ", "\u00a0", ".", "..", "dir/", `dir\`, "../", "a/..", "line\nfeed", "carriage\rreturn", "nul\x00", "tab\t", "escape\x1b[31m",
		"delete\x7f", "c1\u0085", "line\u2028separator", "paragraph\u2029", "latin1 \xe9", "half \xf0\x9f", "surrogate \xed\xa0\x80",
	} {
		_, err := s.try("x", func(in *library.NewDocument) { in.Filename = name })
		wantFields(t, fmt.Sprintf("the filename %q", name), err, "file")
		// With slashes it is only a name.
		if name != "" && !strings.ContainsAny(name, `./\`) {
			_, err := s.try("x", named(name))
			wantFields(t, fmt.Sprintf("the name %q", name), err, "name")
		}
	}
}

func TestMetadataIsAnObject(t *testing.T) {
	t.Parallel()
	s := open(t)
	for given, want := range map[string]string{
		"": "{}", " \n": "{}", " {} ": "{}", `{"a": [1, 2.50, 1e99, null, true], "b": {"c": "é"}}`: `{"a":[1,2.50,1e99,null,true],"b":{"c":"é"}}`,
		`{"z":1,"a":2}`: `{"z":1,"a":2}`, `{"n": 12345678901234567890123}`: `{"n":12345678901234567890123}`,
		`{"text": "C:\\u0000"}`: `{"text":"C:\\u0000"}`,
	} {
		doc, err := s.try("x", func(in *library.NewDocument) { in.Metadata = json.RawMessage(given) })
		if err != nil || string(doc.Metadata) != want {
			t.Errorf("metadata %s: %s, %v, want %s", given, doc.Metadata, err, want)
		}
	}
	for _, given := range []string{
		"null", "[]", `"text"`, "1", "true", "{", "{}{}", `{"a":}`, `{'a':1}`, `{"a":"` + "\xff" + `"}`, `{"a":"\u0000"}`, "{\"a\":\"\x00\"}",
		`{"a":` + strings.Repeat("[", 7000) + strings.Repeat("]", 7000) + `}x`,
	} {
		_, err := s.try("x", func(in *library.NewDocument) { in.Metadata = json.RawMessage(given) })
		wantFields(t, "metadata "+given[:min(len(given), 30)], err, "metadata")
	}
}

func TestCollections(t *testing.T) {
	t.Parallel()
	s := open(t)
	err := s.catalog.Mutate(t.Context(), 0, func(tx *catalog.Tx) error {
		for name, status := range map[sheaf.Slug]sheaf.CollectionStatus{"field-notes": sheaf.StatusActive, "old-notes": sheaf.StatusArchived} {
			c := sheaf.Collection{Name: name, Kind: sheaf.KindDocuments, Backend: fs, Status: status, Policy: sheaf.PolicyUpsert}
			if err := tx.CreateCollection(c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	into := func(name string) func(*library.NewDocument) {
		return func(in *library.NewDocument) { in.Collection = name }
	}
	inDefault := s.create("x")
	inNotes := s.create("x", into(" field-notes "))
	if inNotes.Collection != "field-notes" {
		t.Errorf("created in %s, want field-notes", inNotes.Collection)
	}
	for name, want := range map[string][]sheaf.DocumentID{"": {inNotes.ID, inDefault.ID}, "default": {inDefault.ID}, "field-notes": {inNotes.ID}, "old-notes": nil} {
		var got []sheaf.DocumentID
		for _, doc := range s.list(library.DocumentQuery{Collection: name}) {
			got = append(got, doc.ID)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("listing the collection %q: %v, want %v", name, got, want)
		}
	}
	_, err = s.try("x", into("unknown"))
	wantKind(t, "creating in an unknown collection", err, sheaf.ErrNotFound)
	_, err = s.try("x", into("old-notes"))
	wantKind(t, "creating in an archived collection", err, sheaf.ErrArchived)
	_, err = s.Documents(t.Context(), library.DocumentQuery{Collection: "unknown", Limit: 1})
	wantKind(t, "listing an unknown collection", err, sheaf.ErrNotFound)
	for _, name := range []string{"ab", "Upper", "under_score", "a--b", "-ab", "ab-", strings.Repeat("a", 51), "../default", "_system", "défaut", "a b", "abc\x00"} {
		_, err := s.try("x", into(name))
		wantFields(t, fmt.Sprintf("creating in %q", name), err, "collection")
		_, err = s.Documents(t.Context(), library.DocumentQuery{Collection: name, Limit: 1})
		wantFields(t, fmt.Sprintf("listing %q", name), err, "collection")
	}
	s.wantWhole()
}

// What the log says of a creation and a deletion is read by others for ever.
func TestLogOfADocument(t *testing.T) {
	moment := time.UnixMilli(1_700_000_000_123)
	s := open(t, func(set *setup) { set.clock = func() time.Time { return moment } })
	agent := s.As(sheaf.Principal{ID: "agent:scribe", Label: "Scribe <1>", Scopes: sheaf.Scopes(sheaf.ScopeRead, sheaf.ScopeWrite)})
	doc, err := agent.CreateDocument(t.Context(), library.NewDocument{
		Content: s.receive("log me"), Filename: "a.txt", Name: "A & B", Tags: []string{"t"}, Description: "d",
		Metadata: json.RawMessage(`{"k":1}`), Message: "first draft",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agent.DeleteDocument(t.Context(), doc.ID); err != nil {
		t.Fatal(err)
	}
	entries := s.log("default")
	if len(entries) != 3 {
		t.Fatalf("%d entries, want those of collection.create, document.create and document.delete", len(entries))
	}
	state := `"version":1,"digest":"` + doc.Digest.String() + `","name":"A \u0026 B","filename":"a.txt","description":"d","tags":["t"],"metadata":{"k":1}`
	common := `{"at":1700000000123,"principal":"agent:scribe","label":"Scribe \u003c1\u003e",`
	for i, want := range []string{
		`{"at":1700000000123,"principal":"system","operation":"collection.create","status":"success","duration_us":0,` +
			`"detail":{"description":"","kind":"documents","limits":{},"retention":{},"status":"active","storage_backend":"fs","title":"Documents","write_policy":"upsert"}}`,
		common + `"operation":"document.create","status":"success","duration_us":0,"message":"first draft",` +
			`"documents":[{"id":"` + string(doc.ID) + `","after":{` + state + `}}]}`,
		common + `"operation":"document.delete","status":"success","duration_us":0,` +
			`"documents":[{"id":"` + string(doc.ID) + `","before":{` + state + `},"after":{` + state + `,"deleted":true}}]}`,
	} {
		var payload sheaf.LogPayload
		if err := json.Unmarshal(entries[i].Payload, &payload); err != nil {
			t.Fatal(err)
		}
		if payload.DurationUS <= 0 || payload.DurationUS > time.Minute.Microseconds() {
			t.Errorf("entry %d took %d µs, want a time that can be", i, payload.DurationUS)
		}
		got := strings.Replace(string(entries[i].Payload), fmt.Sprintf(`"duration_us":%d`, payload.DurationUS), `"duration_us":0`, 1)
		if got != want {
			t.Errorf("entry %d is\n%s, want\n%s", i, got, want)
		}
		if e := entries[i]; e.Rev != int64(i+1) || e.Hash != sheaf.ChainHash(e.Stream, e.Rev, e.Prev, e.Payload) || i > 0 && e.Prev != entries[i-1].Hash {
			t.Errorf("entry %d: revision %d, and its hash or the one before it is not in the chain", i, e.Rev)
		}
	}
}
