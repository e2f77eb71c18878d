package client_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// ways returns clients that reach one real server by every kind of transport.
func ways(t *testing.T) map[string]*client.Client {
	server := sheaftest.Start(t)
	return map[string]*client.Client{
		"network": server.Client,
		"socket":  open(t, client.DefaultURL, client.WithTransport(client.SocketTransport(app.SocketPath(server.Config.Storage.Dir)))),
		"handler": open(t, client.DefaultURL, client.WithTransport(client.HandlerTransport(server.App.Handler()))),
	}
}

func TestWholeLifeOfADocument(t *testing.T) {
	for name, c := range ways(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			for _, size := range []int{0, 1, 100_000, 5 << 20} {
				content := make([]byte, size)
				rand.Read(content)
				in := client.PushInput{
					Filename: `Ünï "100%".txt`, Name: "Naïve  plan / 日本", Tags: []string{name, "all"}, Description: "a\nb",
					Body: bytes.NewReader(content), IdempotencyKey: fmt.Sprint(name, size),
				}
				doc, err := c.Push(ctx, in)
				if err != nil {
					t.Fatalf("Push of %d bytes: %v", size, err)
				}
				if doc.Name != in.Name || doc.Filename != in.Filename || !slices.Equal(doc.Tags, in.Tags) || doc.Size != int64(size) {
					t.Errorf("pushed %+v, got %+v", in, doc)
				}
				in.Body = bytes.NewReader(content)
				if again, err := c.Push(ctx, in); err != nil || again.ID != doc.ID {
					t.Errorf("Push with the same idempotency key: %s, %v; want %s", again.ID, err, doc.ID)
				}
				download, err := c.Pull(ctx, doc.ID)
				if err != nil {
					t.Fatalf("Pull: %v", err)
				}
				got, err := io.ReadAll(download.Body)
				download.Body.Close()
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("Pull of %d bytes: %d bytes, %v", size, len(got), err)
				}
				if download.Name != doc.Name || download.Filename != doc.Filename || download.Size != doc.Size || download.Digest != doc.Digest {
					t.Errorf("Pull says %+v, want what is said of %+v", download, doc)
				}
			}
			var found []sheaf.Document
			for doc, err := range c.Query(ctx, client.Filter{Tags: []string{name}, PageSize: 3}) {
				if err != nil {
					t.Fatalf("Query: %v", err)
				}
				found = append(found, doc)
			}
			if len(found) != 4 {
				t.Fatalf("Query found %d documents in pages of 3, want 4", len(found))
			}
			if _, err := c.Delete(ctx, found[0].ID); err != nil {
				t.Errorf("Delete: %v", err)
			}
			_, err := c.Pull(ctx, found[0].ID)
			wantKind(t, "Pull of what was deleted", err, sheaf.ErrNotFound)
			_, err = c.Push(ctx, client.PushInput{Filename: "x", Name: string(make([]byte, 300)), Tags: []string{"a\x00b"}, Body: bytes.NewReader(nil)})
			if e := wantKind(t, "Push of bad fields", err, sheaf.ErrInvalid); len(e.Fields) != 2 {
				t.Errorf("Push of two bad fields reports %v", e.Fields)
			}
			if health, err := c.Health(ctx); err != nil || health.Status != "ok" || health.LastOperation == nil {
				t.Errorf("Health: %+v, %v", health, err)
			}
			if report, err := c.Check(ctx, true); err != nil || report.Documents == 0 || len(report.Problems) > 0 {
				t.Errorf("Check: %+v, %v", report, err)
			}
			if _, err := c.PlanGarbage(ctx); err != nil {
				t.Errorf("PlanGarbage: %v", err)
			}
		})
	}
}

// A source that breaks leaves nothing behind, whichever way it was sent.
func TestBrokenSourceStoresNothing(t *testing.T) {
	for name, c := range ways(t) {
		t.Run(name, func(t *testing.T) {
			broken := errors.New("broken")
			_, err := c.Push(t.Context(), client.PushInput{Filename: name, Body: io.MultiReader(io.LimitReader(endless{}, 1<<20), failing{broken})})
			if !errors.Is(err, broken) {
				t.Errorf("Push: %v, want the error of the source", err)
			}
			for doc, err := range c.Query(t.Context(), client.Filter{Name: name}) {
				t.Errorf("Query found %v, %v", doc, err)
			}
		})
	}
}
