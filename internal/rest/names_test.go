package rest

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// decodeName reads a name as a client does that knows the twin.
func decodeName(header http.Header, name string) string {
	if twin, ok := header[name+"*"]; ok {
		encoded, _ := strings.CutPrefix(twin[0], "UTF-8''")
		decoded, err := url.PathUnescape(encoded)
		if err != nil {
			return "twin: " + err.Error()
		}
		return decoded
	}
	return header.Get(name)
}

// decodePlainName reads a name as a client does that knows only the plain header.
func decodePlainName(header http.Header, name string) string {
	if decoded, err := url.PathUnescape(header.Get(name)); err == nil {
		return decoded
	}
	return header.Get(name)
}

func TestNameHeaders(t *testing.T) {
	for name, want := range map[string]string{
		"plain name.txt": "plain name.txt",
		"100% sure":      "100% sure",
		"50%25":          "50%2525",
		"%zz":            "%zz",
		"Über 100%.md":   "%C3%9Cber 100%25.md",
		"☕":              "%E2%98%95",
		" padded ":       "%20padded%20",
		"":               "",
		"a+b&c=d":        "a+b&c=d",
	} {
		header := http.Header{}
		setName(header, "X-Document-Name", name)
		if got := header.Get("X-Document-Name"); got != want {
			t.Errorf("%q is sent as %q, want %q", name, got, want)
		}
		_, twin := header["X-Document-Name*"]
		if twin != (want != name) {
			t.Errorf("%q: a twin is there: %v, want it where the value is encoded", name, twin)
		}
	}
}

func TestAttachment(t *testing.T) {
	for filename, want := range map[string]string{
		"a.txt":        `attachment; filename="a.txt"`,
		"a b; c.txt":   `attachment; filename="a b; c.txt"`,
		`say "hi".txt`: `attachment; filename="say _hi_.txt"; filename*=UTF-8''say%20%22hi%22.txt`,
		"ü.txt":        `attachment; filename="__.txt"; filename*=UTF-8''%C3%BC.txt`,
		"100%.txt":     `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`,
	} {
		if got := attachment(filename); got != want {
			t.Errorf("attachment(%q) = %s, want %s", filename, got, want)
		}
	}
}

// Every name comes back from its headers, and no name can add a header or end one.
func FuzzNameHeaders(f *testing.F) {
	for _, name := range []string{"a.txt", "100%", "%41", "ü", " x ", "a\r\nSet-Cookie: x", "\"\\;", "%%41", "\xff"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		header := http.Header{}
		setName(header, "X-Document-Name", name)
		disposition := attachment(name)
		for _, value := range append([]string{disposition, strings.Join(header["X-Document-Name*"], "")}, header["X-Document-Name"]...) {
			if strings.Trim(value, " ") != value || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
				t.Errorf("%q makes the header value %q", name, value)
			}
		}
		if got := decodeName(header, "X-Document-Name"); got != name {
			t.Errorf("%q comes back as %q", name, got)
		}
		if got := decodePlainName(header, "X-Document-Name"); got != name {
			t.Errorf("%q comes back as %q from the plain header", name, got)
		}
		if name == "" || !utf8.ValidString(name) {
			return
		}
		if _, params, err := mime.ParseMediaType(disposition); err != nil || params["filename"] != name {
			t.Errorf("%q comes back as %q, %v from %s", name, params["filename"], err, disposition)
		}
	})
}

func BenchmarkNameHeaders(b *testing.B) {
	b.ReportAllocs()
	header := http.Header{}
	for b.Loop() {
		setName(header, "X-Document-Name", "System Architecture.md")
		attachment("System Architecture.md")
	}
}
