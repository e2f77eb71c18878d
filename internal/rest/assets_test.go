package rest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

const png = "\x89PNG\r\n\x1a\n and so on"

// An asset by its URL, as a CDN, a browser or whoever was given the URL sees it.
func TestAssetURLs(t *testing.T) {
	s := newServer(t, Options{})
	read[sheaf.Book](t, s.do(http.MethodPost, "/books", strings.NewReader(`{"book_id":"field-notes"}`), "Content-Type", "application/json"))
	stored := s.do(http.MethodPut, "/books/field-notes/assets/images/map.png", strings.NewReader(png), "Content-Type", "image/png")
	asset := read[assetChange](t, stored)
	if asset.Mode != sheaf.ModeCreated || asset.CDNURL != s.URL+"/books/field-notes/assets/images/map.png" {
		t.Fatalf("storing it answers %+v", asset)
	}
	path := strings.TrimPrefix(asset.CDNURL, s.URL)
	pinned := strings.TrimPrefix(asset.PinnedURL, s.URL)

	// Of a book whose assets are not public it takes a signature.
	for _, url := range []string{path, pinned, path + "?expires=9999999999&signature=AAAA"} {
		wantProblem(t, s.get(url), sheaf.ErrForbidden)
	}
	described := read[sheaf.Asset](t, s.get("/books/field-notes/asset-metadata/images/map.png"))
	signed := strings.TrimPrefix(described.DownloadURL, s.URL)
	answer := s.get(signed)
	if string(answer.body) != png || !strings.HasPrefix(answer.Header.Get("Cache-Control"), "private, max-age=") ||
		!strings.HasPrefix(answer.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the signed URL answers %v: %q", answer.Header, answer.body)
	}
	wantProblem(t, s.get(strings.Replace(signed, "map.png", "nap.png", 1)), sheaf.ErrForbidden)
	wantProblem(t, s.get(strings.Replace(signed, "sha256=", "sha256=0", 1)), sheaf.ErrForbidden)

	read[sheaf.Book](t, s.do(http.MethodPatch, "/books/field-notes", strings.NewReader(`{"public_assets":true}`), "Content-Type", "application/json"))
	for url, caching := range map[string]string{path: "public, max-age=60, must-revalidate", pinned: "public, max-age=31536000, immutable"} {
		answer := s.get(url)
		h := answer.Header
		if string(answer.body) != png || h.Get("Cache-Control") != caching || h.Get("Content-Type") != "image/png" || h.Get("ETag") != `"`+asset.Digest.String()+`"` ||
			h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("Content-Disposition") != "inline" {
			t.Errorf("GET %s: %v %q", url, h, answer.body)
		}
		if answer := s.do(http.MethodHead, url, nil); answer.StatusCode != http.StatusOK || answer.ContentLength != int64(len(png)) {
			t.Errorf("HEAD %s: %s, %d bytes", url, answer.Status, answer.ContentLength)
		}
		if answer := s.get(url, "Range", "bytes=1-3"); answer.StatusCode != http.StatusPartialContent || string(answer.body) != "PNG" {
			t.Errorf("a range of %s: %s %q", url, answer.Status, answer.body)
		}
		if answer := s.get(url, "If-None-Match", h.Get("ETag")); answer.StatusCode != http.StatusNotModified {
			t.Errorf("%s, asked for with its ETag: %s", url, answer.Status)
		}
	}

	// A pinned URL stays with its content.
	newer := read[assetChange](t, s.do(http.MethodPut, path, strings.NewReader(png+"!")))
	if answer := s.get(pinned); string(answer.body) != png {
		t.Errorf("the pinned URL answers %q after another upload", answer.body)
	}
	if answer := s.get(path); string(answer.body) != png+"!" || newer.Version != 2 {
		t.Errorf("the URL answers %q after another upload", answer.body)
	}
	wantProblem(t, s.get(path+"?sha256="+strings.Repeat("0", 64)), sheaf.ErrNotFound)
	wantProblem(t, s.get("/books/field-notes/assets/images/nap.png"), sheaf.ErrNotFound)
}

// What could run is never shown by a browser that comes by its URL, and runs
// nothing where it is shown all the same.
func TestAssetsNeverRun(t *testing.T) {
	s := newServer(t, Options{})
	read[sheaf.Book](t, s.do(http.MethodPost, "/books", strings.NewReader(`{"book_id":"field-notes","public_assets":true}`), "Content-Type", "application/json"))
	for path, content := range map[string]string{
		"images/a.svg":  `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
		"slides/a.html": `<!DOCTYPE html><script>alert(1)</script>`,
		"slides/a.pdf":  "%PDF-1.7\n",
	} {
		read[assetChange](t, s.do(http.MethodPut, "/books/field-notes/assets/"+path, strings.NewReader(content)))
		h := s.get("/books/field-notes/assets/" + path).Header
		if !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("Content-Security-Policy") != "sandbox; default-src 'none'" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s is sent with %v", path, h)
		}
	}
	wantProblem(t, s.do(http.MethodPut, "/books/field-notes/assets/images/a.png", strings.NewReader("<script>")), sheaf.ErrInvalid)
	wantProblem(t, s.do(http.MethodPut, "/books/field-notes/assets/images/a.js", strings.NewReader("x")), sheaf.ErrInvalid)
}
