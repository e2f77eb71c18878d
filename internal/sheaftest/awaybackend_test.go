package sheaftest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob/supatest"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest/faults"
)

// A backend is not asked for a content before its first byte is wanted, when the
// header of the answer used to be under way: all who read while the backend was
// away saw a connection that broke, and nothing of what is wrong.
func TestReadingWhileABackendIsAway(t *testing.T) {
	project := httptest.NewServer(supatest.New())
	t.Cleanup(project.Close)
	proxy := faults.Start(t, project.URL)
	s := Start(t, func(c *config.Config) {
		c.Storage.Backends = map[string]config.Backend{"supabase": supabaseBackend(proxy.URL())}
		c.Storage.DefaultBackend = "supabase"
		c.Storage.BackendRetryPause = time.Millisecond
		c.Storage.InlineLimit = 0
	})
	if _, err := s.Client.CreateBook(t.Context(), client.BookInput{ID: "a-book"}); err != nil {
		t.Fatal(err)
	}
	stored := map[string]string{"content/large.md": string(blobtest.Random(300_000)), "content/small.md": "A few words."}
	for path, content := range stored {
		_, err := s.Client.PutFile(t.Context(), client.Place{Book: "a-book", Path: path}, client.FileInput{Body: strings.NewReader(content)})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, fault := range []faults.Fault{faults.Unavailable, faults.Reset, faults.ClockSkew} {
		proxy.Do(fault)
		for path := range stored {
			for _, ranges := range []string{"", "bytes=2-5"} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/books/a-book/content/"+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if ranges != "" {
					req.Header.Set("Range", ranges)
				}
				answer, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Errorf("%s, %q of %s: %v, want an answer", fault, ranges, path, err)
					continue
				}
				answer.Body.Close()
				if want := sheaf.ErrBackendUnavailable.HTTPStatus(); answer.StatusCode != want || answer.Header.Get("Content-Range") != "" || answer.Header.Get("Etag") != "" {
					t.Errorf("%s, %q of %s: %s %v, want %d and nothing of the content", fault, ranges, path, answer.Status, answer.Header, want)
				}
			}
		}
	}
}
