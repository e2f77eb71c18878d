package rest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// batch sends a batch.
func (s *testServer) batch(key string, parts ...part) response {
	s.t.Helper()
	body, contentType := formOf(parts...)
	return s.do(http.MethodPost, "/documents/batch", body, "Content-Type", contentType, "Idempotency-Key", key)
}

func TestBatch(t *testing.T) {
	s := newServer(t, Options{})
	parts := []part{
		{"file", "dir/a.txt", "a"},
		{name: "tags", value: "x,y"}, // fields may stand anywhere
		{"file", "b.md", strings.Repeat("b", 300_000)},
		{name: "documents", value: `[{"name":"A","tags":[],"metadata":{"k":1}},{},{"name":"two\nlines","description":null}]`},
		{"file", "c.txt", "c"},
		{name: "description", value: "of all"},
	}
	answer := read[batchAnswer](t, s.batch("key", parts...))
	if answer.Created != 2 || answer.Failed != 1 || answer.Atomic || len(answer.Results) != 3 {
		t.Fatalf("a batch with one wrong file of three: %+v", answer)
	}
	a, b, c := answer.Results[0], answer.Results[1], answer.Results[2]
	if a.Document == nil || a.Document.Name != "A" || a.Document.Filename != "a.txt" || len(a.Document.Tags) != 0 || string(a.Document.Metadata) != `{"k":1}` {
		t.Errorf("the first file: %+v", a.Document)
	}
	if b.Document == nil || b.Document.Name != "b.md" || fmt.Sprint(b.Document.Tags) != "[x y]" || b.Document.Description != "of all" || b.Document.MIME != "text/markdown" {
		t.Errorf("the second file: %+v", b.Document)
	}
	if c.Status != "failed" || c.Filename != "c.txt" || c.Error == nil || fieldsOf(*c.Error) != "[name]" {
		t.Errorf("the third file: %+v, want it to fail for its name", c)
	}
	if got := s.pull(b.Document.ID, ""); len(got) != 300_000 {
		t.Errorf("the second file has %d bytes", len(got))
	}
	if again := read[batchAnswer](t, s.batch("key", parts...)); again.Results[0].Document.ID != a.Document.ID {
		t.Errorf("the batch repeated made %s, want %s again", again.Results[0].Document.ID, a.Document.ID)
	}

	p := wantProblem(t, s.batch("other", append(parts, part{name: "atomic", value: "true"})...), sheaf.ErrInvalid)
	if fieldsOf(p) != "[files[2].name]" {
		t.Errorf("an atomic batch with a wrong file reports %v", p.Errors)
	}
	if all := read[[]sheaf.Document](t, s.get("/documents")); len(all) != 2 {
		t.Errorf("%d documents, want 2", len(all))
	}
	parts[3].value = `[{},{},{}]`
	if answer := read[batchAnswer](t, s.batch("third", append(parts, part{name: "atomic", value: "true"})...)); answer.Created != 3 || !answer.Atomic {
		t.Errorf("an atomic batch: %+v", answer)
	}
}

func TestBatchesThatAreRefused(t *testing.T) {
	limits := sheaf.DefaultLimits()
	limits.BatchFiles, limits.BatchBytes = 2, 1000
	s := newServer(t, Options{}, limits)
	file := part{"file", "a.txt", "a"}
	for name, refused := range map[string]struct {
		parts []part
		kind  sheaf.ErrorKind
		says  string
	}{
		"no file":               {[]part{{name: "tags", value: "x"}}, sheaf.ErrInvalid, "no file"},
		"too many files":        {[]part{file, file, file}, sheaf.ErrTooLarge, "limits.batch_files"},
		"far too many files":    {[]part{file, file, file, file, file, file}, sheaf.ErrTooLarge, "limits.batch_files"},
		"too many bytes":        {[]part{{"file", "a", strings.Repeat("x", 600)}, {"file", "a", strings.Repeat("x", 600)}}, sheaf.ErrTooLarge, "limits.batch_bytes"},
		"documents no JSON":     {[]part{file, {name: "documents", value: "[{]"}}, sheaf.ErrInvalid, "documents is not JSON"},
		"documents no list":     {[]part{file, {name: "documents", value: "{}"}}, sheaf.ErrInvalid, "a list of objects"},
		"documents of others":   {[]part{file, {name: "documents", value: "[]"}}, sheaf.ErrInvalid, "describes 0 files"},
		"documents unknown":     {[]part{file, {name: "documents", value: `[{"nmae":"x"}]`}}, sheaf.ErrInvalid, "documents[0].nmae"},
		"atomic neither":        {[]part{file, {name: "atomic", value: "yes"}}, sheaf.ErrInvalid, "true or false"},
		"name for all":          {[]part{file, {name: "name", value: "x"}}, sheaf.ErrInvalid, `no field "name"`},
		"unknown collection":    {[]part{file, {name: "collection", value: "missing"}}, sheaf.ErrNotFound, "missing"},
		"a file without a name": {[]part{file, {name: "file", value: "x"}}, sheaf.ErrInvalid, "no filename"},
		"a message with a \x00": {[]part{file, {name: "message", value: "\x00"}}, sheaf.ErrInvalid, "NUL"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := s.batch("", refused.parts...)
			p := wantProblem(t, answer, refused.kind)
			if !strings.Contains(string(answer.body), strings.ReplaceAll(refused.says, `"`, `\"`)) {
				t.Errorf("%s: %q %v, want it to say %q", name, p.Detail, p.Errors, refused.says)
			}
		})
	}
	if all := read[[]sheaf.Document](t, s.get("/documents")); len(all) != 0 {
		t.Errorf("%d documents, want none", len(all))
	}
	if left, err := os.ReadDir(filepath.Join(s.dir, "spool")); err != nil || len(left) > 0 {
		t.Errorf("the spool has %v, %v, want nothing", left, err)
	}
}

// What is said of documents one by one lay outside all limits of memory while it
// was received and decoded: many batches could say megabytes each.
func TestBatchesShareTheMemoryForDescriptions(t *testing.T) {
	s := newServer(t, Options{})
	describing := func(n int) []part {
		return []part{{name: "documents", value: "[{}" + strings.Repeat(" ", n) + "]"}, {"file", "a.txt", "a"}}
	}
	large, contentType := formOf(describing(2 * mostDescriptions)...)
	text, err := io.ReadAll(large)
	if err != nil {
		t.Fatal(err)
	}
	// The first does not come over the network, so that what was sent was read.
	body, sender := io.Pipe()
	first := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		answer := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, s.URL+"/documents/batch", body)
		r.Header.Set("Content-Type", contentType)
		s.Config.Handler.ServeHTTP(answer, r)
		first <- answer
	}()
	most := 7 * len(text) / 8
	sender.Write(text[:most])
	sender.Write(text[most : most+1]) // is read after what was before it has been counted
	// An eighth of the memory is left, and this one wants half of it all.
	if answer := s.batch("", describing(mostDescriptions)...); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a second batch with %d bytes of descriptions: %s, want 429", mostDescriptions, answer.Status)
	}
	if answer := s.batch("", describing(1000)...); answer.StatusCode != http.StatusOK {
		t.Errorf("an ordinary batch beside it: %s: %s", answer.Status, answer.body)
	}
	sender.Write(text[most+1:])
	sender.Close()
	if answer := <-first; answer.Code != http.StatusOK {
		t.Errorf("the first batch: %d: %s", answer.Code, answer.Body)
	}
	if answer := s.batch("", describing(mostDescriptions)...); answer.StatusCode != http.StatusOK {
		t.Errorf("a batch after it: %s: %s", answer.Status, answer.body)
	}
}
