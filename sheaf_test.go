package sheaf_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
)

func TestParseDocumentID(t *testing.T) {
	for _, test := range []struct {
		text string
		ok   bool
	}{
		{"doc_0123456789ab", true},
		{" doc_0123456789ab\n", true},
		{string(sheaf.NewDocumentID()), true},
		{"", false},
		{"doc_", false},
		{"doc_0123456789a", false},
		{"doc_0123456789abc", false},
		{"doc_0123456789AB", false},
		{"doc_abc123xyz", false},
		{"doc_../../../etc", false},
		{"0123456789ab", false},
		{"doc_0123456789a\x00", false},
	} {
		id, err := sheaf.ParseDocumentID(test.text)
		if (err == nil) != test.ok {
			t.Errorf("ParseDocumentID(%q): %q, %v; want it accepted: %t", test.text, id, err, test.ok)
		}
		if test.ok && string(id) != strings.TrimSpace(test.text) {
			t.Errorf("ParseDocumentID(%q) = %q", test.text, id)
		}
	}
}

func TestParseSlug(t *testing.T) {
	for text, ok := range map[string]bool{
		"default": true, "a1b": true, "ai-native-python": true, " notes ": true, strings.Repeat("a", 50): true,
		"": false, "ab": false, strings.Repeat("a", 51): false, "Notes": false, "-abc": false, "abc-": false,
		"a--b": false, "a_b": false, "a/b": false, "größe": false, "a b": false, "_system": false,
	} {
		if _, err := sheaf.ParseSlug("collection", text); (err == nil) != ok {
			t.Errorf("ParseSlug(%q): %v, want it accepted: %t", text, err, ok)
		}
	}
}

func TestDigest(t *testing.T) {
	d := sheaf.DigestOf([]byte("abc"))
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if d.String() != want {
		t.Errorf("the digest of abc is %s, want %s", d, want)
	}
	for _, text := range []string{want, strings.ToUpper(want), "sha256:" + want} {
		if got, err := sheaf.ParseDigest(text); err != nil || got != d {
			t.Errorf("ParseDigest(%q) = %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", want[1:], want + "0", strings.Repeat("g", 64), "sha256:"} {
		if _, err := sheaf.ParseDigest(text); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("ParseDigest(%q): %v, want %s", text, err, sheaf.ErrInvalid)
		}
	}
	text, err := json.Marshal(map[string]sheaf.Digest{"d": d})
	if err != nil || string(text) != `{"d":"`+want+`"}` {
		t.Errorf("in JSON: %s, %v", text, err)
	}
	var back map[string]sheaf.Digest
	if err := json.Unmarshal(text, &back); err != nil || back["d"] != d {
		t.Errorf("from JSON: %v, %v", back, err)
	}
}

// Every kind has a row, and a status and an exit code that say failure.
func TestErrorTable(t *testing.T) {
	for _, kind := range []sheaf.ErrorKind{
		sheaf.ErrInvalid, sheaf.ErrUnauthorized, sheaf.ErrForbidden, sheaf.ErrNotFound, sheaf.ErrMethodNotAllowed,
		sheaf.ErrNotAcceptable, sheaf.ErrTimeout, sheaf.ErrExists, sheaf.ErrConflict, sheaf.ErrGone, sheaf.ErrPreconditionFailed,
		sheaf.ErrTooLarge, sheaf.ErrUnsupported, sheaf.ErrRange, sheaf.ErrHashRequired, sheaf.ErrRateLimited, sheaf.ErrArchived,
		sheaf.ErrDamaged, sheaf.ErrInternal, sheaf.ErrUnavailable, sheaf.ErrBackendUnavailable, sheaf.ErrQuota, sheaf.ErrDiskFull,
	} {
		if !kind.Known() || kind.HTTPStatus() < 400 || kind.ExitCode() < 2 {
			t.Errorf("%s: known %t, status %d, exit code %d", kind, kind.Known(), kind.HTTPStatus(), kind.ExitCode())
		}
	}
	unknown := sheaf.ErrorKind("unheard_of")
	if unknown.Known() || unknown.HTTPStatus() != 500 || unknown.ExitCode() != 1 || unknown.Retryable() {
		t.Errorf("a kind that is not in the table: status %d, exit code %d", unknown.HTTPStatus(), unknown.ExitCode())
	}
}

// An error may be about a thousand documents, and is one line on a terminal.
func TestErrorOfManyFields(t *testing.T) {
	var many []error
	for i := range 12 {
		many = append(many, sheaf.Invalid(fmt.Sprint("field", i), "is wrong"))
	}
	if text := sheaf.InvalidFields(many...).Error(); !strings.HasSuffix(text, "field9: is wrong; and 2 more") {
		t.Errorf("an error of many fields: %q", text)
	}
}

func TestErrorf(t *testing.T) {
	err := sheaf.Errorf(sheaf.ErrDiskFull, "the disk is full: %w", io.ErrShortWrite).WithHint("free space")
	wrapped := fmt.Errorf("put: %w", err)
	if sheaf.KindOf(wrapped) != sheaf.ErrDiskFull || !errors.Is(wrapped, io.ErrShortWrite) {
		t.Errorf("%v: kind %s, the cause found: %t", wrapped, sheaf.KindOf(wrapped), errors.Is(wrapped, io.ErrShortWrite))
	}
	if strings.Count(err.Error(), io.ErrShortWrite.Error()) != 1 {
		t.Errorf("%q names its cause more than once, or not at all", err.Error())
	}
}

func TestInvalidFieldsNamesAll(t *testing.T) {
	err := sheaf.InvalidFields(nil, sheaf.Invalid("name", "name is empty"), nil, sheaf.Invalid("tags", "too many"))
	var e *sheaf.Error
	if !errors.As(err, &e) || len(e.Fields) != 2 || e.Fields[0].Field != "name" || e.Fields[1].Field != "tags" {
		t.Errorf("two invalid fields: %v", err)
	}
	if err := sheaf.InvalidFields(nil, nil); err != nil {
		t.Errorf("no invalid field: %v", err)
	}
	if err := sheaf.InvalidFields(sheaf.Invalid("name", "name is empty"), io.EOF); !errors.Is(err, io.EOF) {
		t.Errorf("an error that is not about a field is lost: %v", err)
	}
}

// The chain's hash is a format: these values must never change.
func TestChainHash(t *testing.T) {
	first := sheaf.ChainHash("default", 1, sheaf.Digest{}, []byte(`{"at":1}`))
	second := sheaf.ChainHash("default", 2, first, []byte(`{"at":2}`))
	const wantFirst, wantSecond = "003c34a0", "3ba701d1"
	if !strings.HasPrefix(first.String(), wantFirst) || !strings.HasPrefix(second.String(), wantSecond) {
		t.Errorf("the hashes begin with %.8s and %.8s, want %s and %s", first, second, wantFirst, wantSecond)
	}
	for name, other := range map[string]sheaf.Digest{
		"stream":   sheaf.ChainHash("defaul", 1, sheaf.Digest{}, []byte(`{"at":1}`)),
		"revision": sheaf.ChainHash("default", 2, sheaf.Digest{}, []byte(`{"at":1}`)),
		"previous": sheaf.ChainHash("default", 1, first, []byte(`{"at":1}`)),
		"payload":  sheaf.ChainHash("default", 1, sheaf.Digest{}, []byte(`{"at": 1}`)),
	} {
		if other == first {
			t.Errorf("another %s gives the same hash", name)
		}
	}
}

// Whatever passes for a path stays below where it is joined, and is its own
// clean form.
func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"a/b.md", "../a", "/a", "a//b", "a/./b", "a\\b", "a\x00b", "a/ b", "..", "a/..", "content/01-Intro/01-x.md", "\u202e"} {
		f.Add(seed)
	}
	limits := sheaf.DefaultLimits()
	f.Fuzz(func(t *testing.T, path string) {
		if limits.CheckPath(path) != nil {
			return
		}
		for segment := range strings.SplitSeq(path, "/") {
			if segment == "" || segment == "." || segment == ".." || len(segment) > limits.Segment {
				t.Fatalf("the path %q has the segment %q", path, segment)
			}
		}
		if len(path) > limits.Path || strings.ContainsAny(path, "\\\x00\r\n") || !utf8.ValidString(path) {
			t.Fatalf("the path %q was accepted", path)
		}
	})
}

// Whatever passes for a filename is one element, and cleaning it again changes
// nothing.
func FuzzCleanFilename(f *testing.F) {
	for _, seed := range []string{"a.md", "../../etc/passwd", `C:\Users\x\a.md`, "a\r\nb", "..", " ", "日本.txt", "a\xffb", "x/"} {
		f.Add(seed)
	}
	limits := sheaf.DefaultLimits()
	f.Fuzz(func(t *testing.T, filename string) {
		clean, err := limits.CleanFilename(filename)
		if err != nil {
			return
		}
		if clean == "" || clean == "." || clean == ".." || strings.ContainsAny(clean, "/\\\x00\r\n") || !utf8.ValidString(clean) {
			t.Fatalf("%q was cleaned to %q", filename, clean)
		}
		if again, err := limits.CleanFilename(clean); err != nil || again != clean {
			t.Fatalf("%q cleaned again is %q, %v", clean, again, err)
		}
	})
}

func FuzzCleanMetadata(f *testing.F) {
	for _, seed := range []string{`{}`, ` { "a" : [1, 2] } `, `[]`, `{"a":"\u0000"}`, `{"a":"\\u0000"}`, "", "null", `{"a":1}{`} {
		f.Add([]byte(seed))
	}
	limits := sheaf.DefaultLimits()
	f.Fuzz(func(t *testing.T, metadata []byte) {
		clean, err := limits.CleanMetadata(metadata)
		if err != nil {
			return
		}
		var object map[string]any
		if err := json.Unmarshal(clean, &object); err != nil || object == nil {
			t.Fatalf("%q was cleaned to %q, which is no object: %v", metadata, clean, err)
		}
		if again, err := limits.CleanMetadata(clean); err != nil || string(again) != string(clean) {
			t.Fatalf("%q cleaned again is %q, %v", clean, again, err)
		}
	})
}
