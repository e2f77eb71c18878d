package sheaftest

import (
	"bytes"
	"io"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob/supatest"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest/faults"
)

// The same variables for a second server, or two names for one bucket, and garbage
// collection of each deleted what the other had stored, for it knew nothing of
// it. Who comes second is refused now, before anything of it is there to lose.
func TestNobodySharesABackend(t *testing.T) {
	storage := supatest.New()
	project := httptest.NewServer(storage)
	t.Cleanup(project.Close)
	byAnotherName := faults.Start(t, project.URL).URL()
	on := func(url string) func(*config.Config) {
		return func(c *config.Config) {
			c.Storage.Backends = map[string]config.Backend{"bucket": supabaseBackend(url)}
			c.Storage.DefaultBackend = "bucket"
			c.Storage.BackendRetryPause = time.Millisecond
		}
	}
	first := Start(t, on(project.URL), func(c *config.Config) {
		c.Storage.Backends["again"] = supabaseBackend(byAnotherName)
		c.Storage.Backends["disk"] = config.Backend{Kind: config.BackendFS, Dir: "disk"}
	})
	second := Start(t, on(project.URL))

	content := blobtest.Random(200_000)
	doc, err := first.Client.Push(t.Context(), client.PushInput{Filename: "kept.bin", Body: bytes.NewReader(content)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = second.Client.Push(t.Context(), client.PushInput{Filename: "refused.bin", Body: bytes.NewReader(blobtest.Random(200_000))})
	if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
		t.Errorf("a push of the second store: %v, want backend_unavailable", err)
	}
	if _, err := first.Client.MoveCollection(t.Context(), "default", client.BackendMoveInput{Backend: "again"}); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
		t.Errorf("a move to the same place by another name: %v, want backend_unavailable", err)
	}
	before := storage.Objects()
	for _, s := range []*Server{first, second} {
		if _, err := s.Client.CollectGarbage(t.Context(), true); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
			t.Errorf("garbage collection with a backend that is another's: %v, want backend_unavailable", err)
		}
	}
	if after := storage.Objects(); len(after) != len(before) {
		t.Errorf("%d objects after garbage collection, want %d", len(after), len(before))
	}
	pulled, err := first.Client.Pull(t.Context(), doc.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer pulled.Body.Close()
	if got, err := io.ReadAll(pulled.Body); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the first store's content: %d bytes, %v", len(got), err)
	}

	// The same store after a restart is no other.
	first = first.Restart()
	if _, err := first.Client.Push(t.Context(), client.PushInput{Filename: "more.bin", Body: bytes.NewReader(blobtest.Random(200_000))}); err != nil {
		t.Errorf("a push after a restart: %v", err)
	}
	check, err := first.Client.Check(t.Context(), true)
	if err != nil || len(check.Problems) != 0 {
		t.Errorf("the check: %+v, %v", check.Problems, err)
	}
}
