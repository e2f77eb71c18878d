package app_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// downloadURL uploads an asset by a client and returns where it is downloaded.
func downloadURL(t *testing.T, c *client.Client) string {
	t.Helper()
	const picture = "\x89PNG\r\n\x1a\n"
	_, err := c.UploadAsset(t.Context(), client.AssetInput{Book: "field-notes", Type: sheaf.AssetImages, Filename: "map.png", Body: strings.NewReader(picture)})
	if err != nil {
		t.Fatal(err)
	}
	asset, err := c.Asset(t.Context(), "field-notes", sheaf.AssetImages, "map.png")
	if err != nil {
		t.Fatal(err)
	}
	return asset.DownloadURL
}

func wantDownload(t *testing.T, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("downloading %s: %v", url, err)
	}
	defer answer.Body.Close()
	if content, err := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK || len(content) != 8 || err != nil {
		t.Errorf("downloading %s: %s, %q, %v", url, answer.Status, content, err)
	}
}

// Whoever comes by the socket is given URLs of the server.
func TestURLsForTheSocket(t *testing.T) {
	s := sheaftest.Start(t)
	url := downloadURL(t, bySocket(t, s.Config.Storage.Dir))
	if !strings.HasPrefix(url, s.URL+"/books/") {
		t.Errorf("the URL is %s, want one of %s", url, s.URL)
	}
	wantDownload(t, url)
}

func TestPublicURLWins(t *testing.T) {
	s := sheaftest.Start(t, func(c *config.Config) { c.Server.PublicURL = "https://sheaf.example/store" })
	for _, c := range []*client.Client{s.Client, bySocket(t, s.Config.Storage.Dir)} {
		if url := downloadURL(t, c); !strings.HasPrefix(url, "https://sheaf.example/store/books/") {
			t.Errorf("the URL is %s", url)
		}
	}
}

// A process that opens the store and is no server listens once somebody needs a
// URL, until it closes.
func TestURLsWithoutAServer(t *testing.T) {
	a, err := app.Open(t.Context(), sheaftest.Config(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	embedded, err := client.New("http://sheaf", client.WithTransport(client.HandlerTransport(a.Handler())))
	if err != nil {
		t.Fatal(err)
	}
	url := downloadURL(t, embedded)
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Errorf("the URL is %s", url)
	}
	wantDownload(t, url)
	if err := a.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	if answer, err := http.Get(url); err == nil {
		answer.Body.Close()
		t.Errorf("after closing %s answers %s", url, answer.Status)
	}
}
