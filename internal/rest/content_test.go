package rest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// The table of design, section 5, as it looks over HTTP.
func TestConflicts(t *testing.T) {
	const base, theirs = "one\ntwo\nthree\nfour\nfive\n", "ONE\ntwo\nthree\nfour\nfive\n"
	for name, test := range map[string]struct {
		query, tag     string // the condition: {base}, {head} or {other} stand for digests
		content        string
		policy         sheaf.WritePolicy
		mode           sheaf.ChangeMode // of a write that is made
		kind           sheaf.ErrorKind  // of one that is refused
		stored         string           // what the document has then
		baseVersion    int
		clean, nothing bool // of the merge: it is clean; there is none
	}{
		"the head's hash":              {query: "?file_hash={head}", content: "new\n", mode: sheaf.ModeUpdated, stored: "new\n"},
		"the head's hash, with prefix": {query: "?file_hash=sha256:{head}", content: "new\n", mode: sheaf.ModeUpdated, stored: "new\n"},
		"the head's ETag":              {tag: `"{head}"`, content: "new\n", mode: sheaf.ModeUpdated, stored: "new\n"},
		"the ETag of the gzip form":    {tag: `"{head}-gzip"`, content: "new\n", mode: sheaf.ModeUpdated, stored: "new\n"},
		"the same bytes":               {query: "?file_hash={head}", content: theirs, mode: sheaf.ModeUnchanged, stored: theirs},
		"no hash":                      {content: "new\n", mode: sheaf.ModeUpdated, stored: "new\n"},
		"any ETag":                     {tag: "*", content: "new\n", mode: sheaf.ModeUpdated, stored: "new\n"},
		"no hash where one is required": {content: "new\n", policy: sheaf.PolicyRequireHash, kind: sheaf.ErrHashRequired,
			stored: theirs, nothing: true},
		"any ETag where a hash is required": {tag: "*", content: "new\n", policy: sheaf.PolicyRequireHash, kind: sheaf.ErrHashRequired,
			stored: theirs, nothing: true},
		"the hash where it is required": {query: "?file_hash={head}", content: "new\n", policy: sheaf.PolicyRequireHash,
			mode: sheaf.ModeUpdated, stored: "new\n"},
		"an older hash, clean": {query: "?file_hash={base}", content: "one\ntwo\nthree\nfour\nFIVE\n", kind: sheaf.ErrConflict,
			stored: theirs, baseVersion: 1, clean: true},
		"an older ETag, clean": {tag: `"{base}"`, content: "one\ntwo\nthree\nfour\nFIVE\n", kind: sheaf.ErrPreconditionFailed,
			stored: theirs, baseVersion: 1, clean: true},
		"an older hash, conflicting": {query: "?file_hash={base}", content: "uno\ntwo\nthree\nfour\nfive\n", kind: sheaf.ErrConflict,
			stored: theirs, baseVersion: 1},
		"an unknown hash": {query: "?file_hash={other}", content: "new\n", kind: sheaf.ErrConflict, stored: theirs, nothing: true},
		"merged": {query: "?file_hash={base}&on_conflict=merge", content: "one\ntwo\nthree\nfour\nFIVE\n", mode: sheaf.ModeMerged,
			stored: "ONE\ntwo\nthree\nfour\nFIVE\n"},
		"merged by ETag": {query: "?on_conflict=merge", tag: `"{base}"`, content: "one\ntwo\nthree\nfour\nFIVE\n", mode: sheaf.ModeMerged,
			stored: "ONE\ntwo\nthree\nfour\nFIVE\n"},
		"not merged": {query: "?file_hash={base}&on_conflict=merge", content: "uno\ntwo\nthree\nfour\nfive\n", kind: sheaf.ErrConflict,
			stored: theirs, baseVersion: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, Options{})
			collection := sheaf.DefaultCollection
			if test.policy != "" {
				collection = "guarded"
				read[sheaf.CollectionStats](t, s.send(http.MethodPost, "/collections", fmt.Sprintf(`{"name":"guarded","write_policy":%q}`, test.policy)))
			}
			doc := s.push("a.txt", base, part{name: "collection", value: string(collection)})
			head := read[sheaf.Change](t, s.put(doc.ID, "?file_hash="+doc.Digest.String(), theirs, "X-Agent-Id", "rival"))

			digests := strings.NewReplacer("{base}", doc.Digest.String(), "{head}", head.Digest.String(), "{other}", sheaf.DigestOf(nil).String())
			var headers []string
			if test.tag != "" {
				headers = []string{"If-Match", digests.Replace(test.tag)}
			}
			answer := s.put(doc.ID, digests.Replace(test.query), test.content, headers...)
			if got := s.pull(doc.ID, ""); got != test.stored {
				t.Errorf("stored is %q, want %q", got, test.stored)
			}
			if test.kind == "" {
				change := read[sheaf.Change](t, answer)
				if change.Mode != test.mode || answer.Header.Get("Etag") != `"`+sheaf.DigestOf([]byte(test.stored)).String()+`"` || change.URL == "" {
					t.Errorf("write: %s, ETag %s, want mode %s", answer.body, answer.Header.Get("Etag"), test.mode)
				}
				return
			}
			conflict := wantProblem(t, answer, test.kind).Conflict
			if conflict == nil {
				t.Fatalf("no conflict in %s", answer.body)
			}
			if conflict.CurrentHash != head.Digest || conflict.CurrentVersion != 2 || conflict.CurrentAuthor != "local" ||
				conflict.CurrentLabel != "rival" || conflict.CurrentAt.IsZero() || conflict.BaseVersion != test.baseVersion {
				t.Errorf("conflict: %+v", conflict)
			}
			switch merge := conflict.Merge; {
			case test.nothing && merge != nil:
				t.Errorf("merge: %+v, want none", merge)
			case test.nothing:
			case merge == nil || merge.Clean != test.clean || merge.Clean != (len(merge.Conflicts) == 0):
				t.Errorf("merge: %+v, want clean: %v", merge, test.clean)
			case merge.Clean:
				// One more call resolves it.
				if resolved := read[sheaf.Change](t, s.put(doc.ID, "?file_hash="+conflict.CurrentHash.String(), merge.Text)); resolved.Version != 3 {
					t.Errorf("the merged text: %+v", resolved)
				}
			}
		})
	}
}

func TestWriteContent(t *testing.T) {
	s := newServer(t, Options{MaxUploads: 1})
	doc := s.push("a.txt", "old")
	large := randomText(300_000)
	answer := s.put(doc.ID, "?filename=dir/page.html&message=why", large, "Content-Type", "application/json", "X-Agent-Id", "writer")
	change := read[sheaf.Change](t, answer)
	if change.Filename != "page.html" || !strings.HasPrefix(change.MIME, "text/html") || change.Version != 2 || change.PreviousVersion != 1 || change.Size != 300_000 {
		t.Errorf("write: %s", answer.body)
	}
	if got := s.pull(doc.ID, "/content"); got != large {
		t.Errorf("read back %d bytes that differ", len(got))
	}
	if got := s.pull(doc.ID, "?version=1"); got != "old" {
		t.Errorf("version 1: %q", got)
	}
	version := read[sheaf.Version](t, s.get("/documents/"+string(doc.ID)+"/versions/2"))
	if version.Message != "why" || version.Label != "writer" || version.Digest != sheaf.DigestOf([]byte(large)) {
		t.Errorf("version: %+v", version)
	}
	if empty := read[sheaf.Change](t, s.put(doc.ID, "", "")); empty.Size != 0 || empty.Version != 3 {
		t.Errorf("empty content: %+v", empty)
	}
	wantProblem(t, s.put("doc_000000000000", "", "x"), sheaf.ErrNotFound)
	if p := wantProblem(t, s.put(doc.ID, "?file_hash=abc&on_conflict=always", "x", "If-Match", "W/x"), sheaf.ErrInvalid); fieldsOf(p) != "[file_hash If-Match on_conflict]" {
		t.Errorf("wrong conditions: %s", fieldsOf(p))
	}
	if p := wantProblem(t, s.put(doc.ID, "?file_hash="+doc.Digest.String(), "x", "If-None-Match", "*"), sheaf.ErrInvalid); fieldsOf(p) != "[If-None-Match]" {
		t.Errorf("contradicting conditions: %s", fieldsOf(p))
	}
	for _, tag := range []string{"", "abc", `"abc"`, `W/"` + doc.Digest.String() + `"`, `"` + doc.Digest.String(), `"r1"`, `"` + doc.Digest.String() + `", "x"`} {
		if p := wantProblem(t, s.put(doc.ID, "", "x", "If-Match", tag), sheaf.ErrInvalid); fieldsOf(p) != "[If-Match]" {
			t.Errorf("If-Match: %s: %s", tag, fieldsOf(p))
		}
	}
	both := "?file_hash=" + doc.Digest.String()
	if p := wantProblem(t, s.put(doc.ID, both, "x", "If-Match", `"`+doc.Digest.String()+`"`), sheaf.ErrInvalid); fieldsOf(p) != "[file_hash]" {
		t.Errorf("both conditions: %s", fieldsOf(p))
	}
	if p := wantProblem(t, s.put(doc.ID, "?filename=..&message=%00", "x"), sheaf.ErrInvalid); fieldsOf(p) != "[filename message]" {
		t.Errorf("wrong filename and message: %s", fieldsOf(p))
	}
	wantProblem(t, s.put(doc.ID, "", "x", "Content-Encoding", "gzip"), sheaf.ErrUnsupported)
	wantProblem(t, s.put(doc.ID, "", "x", "Content-Range", "bytes 0-0/5"), sheaf.ErrInvalid)
	if got := s.pull(doc.ID, ""); got != "" {
		t.Errorf("content after refused writes: %q", got)
	}
}

func TestWriteLimits(t *testing.T) {
	limits := sheaf.DefaultLimits()
	limits.Content = 1000
	s := newServer(t, Options{}, limits)
	doc := s.push("a.txt", "old")
	wantProblem(t, s.put(doc.ID, "", strings.Repeat("x", 1001)), sheaf.ErrTooLarge)
	unannounced := s.do(http.MethodPut, "/documents/"+string(doc.ID)+"/content", struct{ reader }{strings.NewReader(strings.Repeat("x", 1001))})
	wantProblem(t, unannounced, sheaf.ErrTooLarge)
	cut := s.do(http.MethodPut, "/documents/"+string(doc.ID)+"/content", struct{ reader }{strings.NewReader(strings.Repeat("x", 1000))})
	if read[sheaf.Change](t, cut).Size != 1000 {
		t.Error("a content of exactly the limit is refused")
	}
	grown := `{"edits":[{"append":"` + strings.Repeat("y", 10) + `"}]}`
	wantProblem(t, s.send(http.MethodPatch, "/documents/"+string(doc.ID)+"/content", grown), sheaf.ErrTooLarge)
	wantProblem(t, s.send(http.MethodPatch, "/documents/"+string(doc.ID)+"/content", `{"edits":[],"message":"`+strings.Repeat("x", mostEdits)+`"}`), sheaf.ErrTooLarge)
}

func TestEditContent(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("plan.md", "# Plan\r\n\r\n- one\r\n- two\r\n- one")
	path := "/documents/" + string(doc.ID) + "/content"
	dry := read[editedDocument](t, s.send(http.MethodPatch, path, `{"edits":[{"old_string":"two","new_string":"2"}],"dry_run":true}`))
	if dry.Mode != sheaf.ModeUnchanged || dry.Diff.Added != 1 || dry.Diff.Removed != 1 || !strings.Contains(dry.Unified, "\n-- two\r\n+- 2\r\n") {
		t.Errorf("dry run: %+v", dry)
	}
	if got := s.pull(doc.ID, ""); got != "# Plan\r\n\r\n- one\r\n- two\r\n- one" {
		t.Errorf("after a dry run: %q", got)
	}
	answer := s.send(http.MethodPatch, path, `{"edits":[{"old_string":"- one","new_string":"- 1","replace_all":true},{"append":"- three"}],
		"file_hash":"`+doc.Digest.String()+`","message":"numbers"}`)
	edited := read[editedDocument](t, answer)
	const want = "# Plan\r\n\r\n- 1\r\n- two\r\n- 1\r\n- three"
	if got := s.pull(doc.ID, ""); got != want || edited.Version != 2 || edited.Mode != sheaf.ModeUpdated || edited.PreviousVersion != 1 ||
		answer.Header.Get("Etag") != `"`+sheaf.DigestOf([]byte(want)).String()+`"` || edited.URL == "" {
		t.Errorf("edited to %q: %s", got, answer.body)
	}

	for name, test := range map[string]struct{ body, fields, says string }{
		"no edits":        {`{}`, "[edits]", ""},
		"not found":       {`{"edits":[{"old_string":"none","new_string":"x"}]}`, "[edits[0].old_string]", ""},
		"several":         {`{"edits":[{"old_string":"- 1","new_string":"x"}]}`, "[edits[0].old_string]", "2"},
		"the second":      {`{"edits":[{"append":"x"},{"start_line":99,"new_string":"x"}]}`, "[edits[1].start_line]", ""},
		"malformed":       {`{"edits":[{"new_string":"x"},{"old":"a"}]}`, "[edits[1].old]", "old_string"},
		"a wrong hash":    {`{"edits":[{"append":"x"}],"file_hash":"abc"}`, "[file_hash]", ""},
		"everything else": {`{"edits":1,"file_hash":"abc","on_conflict":"x"}`, "[edits file_hash on_conflict]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := wantProblem(t, s.send(http.MethodPatch, path, test.body), sheaf.ErrInvalid)
			if fieldsOf(p) != test.fields || !strings.Contains(fmt.Sprint(p.Errors), test.says) {
				t.Errorf("wrong are %s, want %s: %+v", fieldsOf(p), test.fields, p)
			}
		})
	}
	if got := s.pull(doc.ID, ""); got != want {
		t.Errorf("after refused edits: %q", got)
	}

	// Edits for an older content conflict or are merged, as a write does.
	tag := `"` + doc.Digest.String() + `"`
	body := `{"edits":[{"old_string":"# Plan","new_string":"# The plan"}]}`
	if p := wantProblem(t, s.send(http.MethodPatch, path, body, "If-Match", tag), sheaf.ErrPreconditionFailed); p.Conflict == nil || p.Conflict.Merge == nil || !p.Conflict.Merge.Clean {
		t.Errorf("conflict of an edit: %+v", p)
	}
	merged := read[editedDocument](t, s.send(http.MethodPatch, path, strings.Replace(body, "{", `{"on_conflict":"merge",`, 1), "If-Match", tag))
	if got := s.pull(doc.ID, ""); merged.Mode != sheaf.ModeMerged || got != strings.Replace(want, "# Plan", "# The plan", 1) {
		t.Errorf("merged edit: %q, %s", got, merged.Mode)
	}
	unknown := `{"edits":[{"append":"x"}],"file_hash":"` + sheaf.DigestOf([]byte("never")).String() + `"}`
	if p := wantProblem(t, s.send(http.MethodPatch, path, unknown), sheaf.ErrConflict); p.Conflict == nil || p.Conflict.CurrentHash != merged.Digest {
		t.Errorf("an edit of a content that never was: %+v", p)
	}
}

func TestExcerpts(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "één\r\ntwo\nthree")
	path := "/documents/" + string(doc.ID) + "/content"
	for query, want := range map[string]string{
		"lines=1":      `{"text":"één\r\n","start":1,"count":1,"more":true,`,
		"lines=2-3":    `{"text":"two\nthree","start":2,"count":2,"more":false,"total":3,`,
		"lines=2-":     `{"text":"two\nthree","start":2,"count":2,"more":false,"total":3,`,
		"lines=9-":     `{"text":"","start":9,"count":0,"more":false,"total":3,`,
		"chars=0%2B3":  `{"text":"één","start":0,"count":3,"more":true,`,
		"chars=1+2":    `{"text":"én","start":1,"count":2,"more":true,`,
		"chars=5-":     `{"text":"two\nthree","start":5,"count":9,"more":false,"total":14,`,
		"chars=99%2B1": `{"text":"","start":99,"count":0,"more":false,"total":14,`,
	} {
		answer := s.get(path + "?" + query)
		want += `"version":1,"checksum_sha256":"` + doc.Digest.String() + `"}` + "\n"
		if answer.StatusCode != http.StatusOK || string(answer.body) != want || answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %s, want %s", query, answer.Status, answer.body, want)
		}
	}
	for query, fields := range map[string]string{
		"lines=0": "[lines]", "lines=5-3": "[lines]", "lines": "[lines]", "chars=5": "[chars]", "chars=5%2B0": "[chars]",
		"lines=1&chars=0-": "[chars]", "lines=1&version=0": "[version]",
	} {
		if p := wantProblem(t, s.get(path+"?"+query), sheaf.ErrInvalid); fieldsOf(p) != fields {
			t.Errorf("%s: wrong are %s, want %s", query, fieldsOf(p), fields)
		}
	}
	s.put(doc.ID, "", "second")
	if first := read[excerpt](t, s.get(path+"?lines=2&version=1")); first.Text != "two\n" || first.Version != 1 {
		t.Errorf("version 1: %+v", first)
	}
}

// A long text is read in parts that meet, whatever its lines are.
func TestLongExcerpts(t *testing.T) {
	s := newServer(t, Options{})
	text := strings.Repeat("a line of some forty characters, or less\n", 60_000) + strings.Repeat("é", 1_200_000)
	doc := s.push("long.txt", text)
	path := "/documents/" + string(doc.ID) + "/content"
	var got strings.Builder
	for query, parts := "lines=1-", 0; query != "" && parts < 20; parts++ {
		part := read[excerpt](t, s.get(path+"?"+query))
		got.WriteString(part.Text)
		switch {
		case !part.More:
			query = ""
		case part.Next > 0:
			query = fmt.Sprintf("chars=%d-", part.Next)
		case strings.HasPrefix(query, "lines"):
			query = fmt.Sprintf("lines=%d-", part.Start+part.Count)
		default:
			query = fmt.Sprintf("chars=%d-", part.Start+part.Count)
		}
	}
	if got.String() != text {
		t.Errorf("the parts make %d bytes that are not the text's %d", got.Len(), len(text))
	}
}

// The content route serves what a download does.
func TestContentIsADownload(t *testing.T) {
	s := newServer(t, Options{})
	content := strings.Repeat("compressible text. ", 20_000)
	doc := s.push("a.txt", content)
	path := "/documents/" + string(doc.ID)
	for _, headers := range [][]string{nil, {"Range", "bytes=5-9"}, {"Accept-Encoding", "gzip"}, {"If-None-Match", `"` + doc.Digest.String() + `"`}, {"Range", "bytes=x"}} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a, b := s.do(method, path, nil, headers...), s.do(method, path+"/content", nil, headers...)
			for _, header := range []http.Header{a.Header, b.Header} {
				header.Del("X-Request-Id")
				header.Del("Date")
			}
			if a.StatusCode != b.StatusCode || !bytes.Equal(a.body, b.body) || fmt.Sprint(a.Header) != fmt.Sprint(b.Header) {
				t.Errorf("%s with %q: %s %v and %s %v", method, headers, a.Status, a.Header, b.Status, b.Header)
			}
		}
	}
	packed := s.get(path+"/content", "Accept-Encoding", "gzip")
	unpacked, err := gzip.NewReader(bytes.NewReader(packed.body))
	if err != nil || packed.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("gzip: %v, %v", packed.Header, err)
	}
	if got, err := io.ReadAll(unpacked); err != nil || string(got) != content {
		t.Errorf("unpacked %d bytes, %v", len(got), err)
	}
	// The ETag of the form that was downloaded is a condition of a write.
	if change := read[sheaf.Change](t, s.put(doc.ID, "", "new", "If-Match", packed.Header.Get("Etag"))); change.Mode != sheaf.ModeUpdated {
		t.Errorf("write: %+v", change)
	}
}

// What a client needs to build the error again is in the problem.
func TestConflictSurvivesJSON(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "one\ntwo\n")
	s.put(doc.ID, "", "ONE\ntwo\n")
	answer := s.put(doc.ID, "?file_hash="+doc.Digest.String(), "uno\ntwo\n")
	var fields struct{ Conflict map[string]any }
	if err := json.Unmarshal(answer.body, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"current_hash", "current_version", "current_author", "current_at", "base_version", "merge"} {
		if fields.Conflict[name] == nil {
			t.Errorf("the conflict has no %s: %s", name, answer.body)
		}
	}
}

// If-Match: * asks for a content that is there, whichever (RFC 9110, section
// 13.1.1); a document that has none yet was once written all the same.
func TestIfMatchAny(t *testing.T) {
	s := newServer(t, Options{})
	change := read[sheaf.Change](t, s.send(http.MethodPost, "/documents", `{"name":"Plan"}`))
	wantProblem(t, s.put(change.ID, "", "first", "If-Match", "*"), sheaf.ErrPreconditionFailed)
	for _, headers := range [][]string{nil, {"If-Match", "*"}} {
		if answer := s.put(change.ID, "", fmt.Sprint("content ", len(headers)), headers...); answer.StatusCode != http.StatusOK {
			t.Errorf("a content with %v: %s: %s", headers, answer.Status, answer.body)
		}
	}
}
