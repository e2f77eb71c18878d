package rest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// Whatever a range says, the answer is the part of the content that it names,
// the whole, or a refusal.
func FuzzRange(f *testing.F) {
	for _, spec := range []string{
		"bytes=0-9", "bytes=5-", "bytes=-5", "bytes=0-0,7-8", "bytes=1-99999999999999999999", "bytes=-99999999999999999999",
		"bytes=99999999999999999999-", "lines=1-2", "Bytes = 0 - 9", "bytes", "bytes=", "bytes=--1", "bytes=+1-+2", strings.Repeat("bytes=0-0,", 20),
	} {
		f.Add(spec)
	}
	s := newServer(f, Options{})
	content := randomText(1000)
	doc := s.push("random.bin", content)
	f.Fuzz(func(t *testing.T, spec string) {
		r := httptest.NewRequest(http.MethodGet, s.URL+"/documents/"+string(doc.ID), nil)
		r.Header.Set("Range", spec)
		w := httptest.NewRecorder()
		s.Config.Handler.ServeHTTP(w, r)
		body := w.Body.String()
		switch w.Code {
		case http.StatusOK:
			if body != content {
				t.Errorf("%q: %d bytes that are not the content", spec, len(body))
			}
		case http.StatusPartialContent:
			if strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/byteranges") {
				return
			}
			var first, last, size int
			if _, err := fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size); err != nil || size != len(content) || body != content[first:last+1] {
				t.Errorf("%q: %q is not %q", spec, body, w.Header().Get("Content-Range"))
			}
		case http.StatusRequestedRangeNotSatisfiable:
			wantProblem(t, response{w.Result(), w.Body.Bytes()}, sheaf.ErrRange)
		default:
			t.Errorf("%q: %d", spec, w.Code)
		}
		if unit, _, _ := strings.Cut(spec, "="); !strings.EqualFold(strings.TrimSpace(unit), "bytes") && w.Code != http.StatusOK {
			t.Errorf("%q, a unit that is not ours: %d, want 200", spec, w.Code)
		}
	})
}
