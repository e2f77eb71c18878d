package sheaftest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// bookOfAllForms makes a book with small and large files of both stored forms, and
// returns its contents by their paths.
func bookOfAllForms(t *testing.T, s *Server) map[string][]byte {
	t.Helper()
	session := s.App.Library().As(sheaf.Local("author"))
	contents := map[string][]byte{}
	for i := range 30 {
		contents[fmt.Sprintf("content/%02d-lesson.md", i)] = bytes.Repeat([]byte(fmt.Sprintf("line of the lesson %d\n", i)), 20+i*200)
		contents[fmt.Sprintf("assets/images/%02d.png", i)] = append([]byte("\x89PNG\r\n\x1a\n"), blobtest.Random(1000+i*9000)...)
	}
	for path, content := range contents {
		upload, err := session.Receive(t.Context(), bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		_, err = session.PutContent(t.Context(), library.FileWrite{Place: library.Place{Book: "book", Path: path}, Content: upload})
		upload.Close()
		if err != nil {
			t.Fatalf("writing %s: %v", path, err)
		}
	}
	return contents
}

func tempObjects(t *testing.T, bucket *s3test.Server, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(bucket.BucketDir(dir), ".temp", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// wantArchiveAt downloads an archive as somebody who has nothing but its URL.
func wantArchiveAt(t *testing.T, link sheaf.ArchiveLink, want map[string][]byte) {
	t.Helper()
	answer, err := http.Get(link.DownloadURL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	file, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || int64(len(file)) != link.Size {
		t.Fatalf("the download: %s, %d bytes, %v; want %d", answer.Status, len(file), err, link.Size)
	}
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range archive.File {
		content, ok := want[f.Name]
		if !ok {
			continue // book.yaml
		}
		found++
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s in the archive: %d bytes, %v, want %d", f.Name, len(got), err, len(content))
		}
	}
	if found != len(want) {
		t.Errorf("the archive has %d of the %d files", found, len(want))
	}
}

// An archive of a book in a bucket lies in the bucket, for everybody who asks for
// the same while it is fresh, and nothing takes it for anything else.
func TestBookArchiveAsObject(t *testing.T) {
	bucket := s3test.Start(t)
	options := bucket.Bucket(t, "archives")
	s := Start(t, onS3(options))
	contents := bookOfAllForms(t, s)
	awaitDrained(t, s)
	began := time.Now()
	var links [4]sheaf.ArchiveLink
	var asking sync.WaitGroup
	for i := range links {
		asking.Go(func() {
			var err error
			if links[i], err = s.Client.LinkBookArchive(t.Context(), "book", client.BookArchiveInput{}); err != nil {
				t.Errorf("LinkBookArchive: %v", err)
			}
		})
	}
	asking.Wait()
	for _, link := range links {
		if !strings.HasPrefix(link.DownloadURL, options.Endpoint) || link.ExpiresAt.Before(began.Add(50*time.Minute)) || link.ExpiresAt.After(time.Now().Add(time.Hour)) {
			t.Errorf("the link %+v is not one of the bucket for an hour", link)
		}
		wantArchiveAt(t, link, contents)
	}
	if objects := tempObjects(t, bucket, "archives"); len(objects) != 1 {
		t.Errorf("four at once have made %v, want one object", objects)
	}
	if _, err := s.Client.LinkBookArchive(t.Context(), "book", client.BookArchiveInput{Scope: sheaf.ArchiveAssets}); err != nil {
		t.Error(err)
	}
	if objects := tempObjects(t, bucket, "archives"); len(objects) != 2 {
		t.Errorf("with another scope there are %v, want two", objects)
	}
	for _, full := range []bool{false, true} {
		report, err := s.Client.Check(t.Context(), full)
		if err != nil || len(report.Problems) > 0 || report.Backends[0].OrphanObjects > 0 || report.Backends[0].Leftovers > 0 {
			t.Errorf("fsck, full %t: %+v, %v, want that it sees no archives", full, report, err)
		}
	}
	if report, err := s.Client.CollectGarbage(t.Context(), true); err != nil || report.DeletedBlobs+report.OrphanObjects > 0 {
		t.Errorf("garbage collection: %+v, %v, want that it sees no archives", report, err)
	}
	wantArchiveAt(t, links[0], contents)

	// They are over after two hours.
	for _, object := range tempObjects(t, bucket, "archives") {
		old := time.Now().Add(-121 * time.Minute)
		if err := os.Chtimes(object, old, old); err != nil {
			t.Fatal(err)
		}
	}
	s.Stop()
	// What another process has left is found, too.
	s = StartConfig(t, s.Config)
	for _, job := range s.App.Library().Background() {
		if job.Name != "temporary archives" {
			continue
		}
		if job.Interval != time.Hour {
			t.Errorf("archives are looked for every %v, want every hour", job.Interval)
		}
		if _, err := job.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if left := tempObjects(t, bucket, "archives"); len(left) > 0 {
		t.Errorf("archives of two hours ago: %v, want them removed", left)
	}
	link, err := s.Client.LinkBookArchive(t.Context(), "book", client.BookArchiveInput{})
	if err != nil {
		t.Fatal(err)
	}
	wantArchiveAt(t, link, contents)
}

// An archive that takes too long is refused with what the agent is to do, and one
// that is not to lie in the bucket is downloaded through the server.
func TestBookArchiveNotAsObject(t *testing.T) {
	bucket := s3test.Start(t)
	s := Start(t, onS3(bucket.Bucket(t, "impatient")), func(c *config.Config) { c.Books.ArchivePatience = time.Nanosecond })
	contents := bookOfAllForms(t, s)
	_, err := s.Client.LinkBookArchive(t.Context(), "book", client.BookArchiveInput{})
	const text = "Archive generation timed out. Use individual file download tools."
	if sheaf.KindOf(err) != sheaf.ErrTimeout || !strings.HasPrefix(err.Error(), text) {
		t.Errorf("an archive that takes too long: %v, want %q", err, text)
	}
	if objects := tempObjects(t, bucket, "impatient"); len(objects) > 0 {
		t.Errorf("what took too long has left %v", objects)
	}
	s.Stop()
	c := s.Config
	c.Books.ArchiveObjects = false
	s = StartConfig(t, c)
	link, err := s.Client.LinkBookArchive(t.Context(), "book", client.BookArchiveInput{})
	if err != nil || !strings.HasPrefix(link.DownloadURL, s.URL) {
		t.Fatalf("LinkBookArchive without objects: %+v, %v, want a URL of the server", link, err)
	}
	wantArchiveAt(t, link, contents)
}

// What is damaged in the bucket is found while the archive is made, which is then
// without it and says so.
func TestBookArchiveOfDamage(t *testing.T) {
	bucket := s3test.Start(t)
	s := Start(t, onS3(bucket.Bucket(t, "damaged")))
	contents := bookOfAllForms(t, s)
	awaitDrained(t, s)
	victim := "assets/images/29.png"
	digest := sheaf.DigestOf(contents[victim]).String()
	file := filepath.Join(bucket.BucketDir("damaged"), "blobs", digest[:2], digest)
	stored, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stored[len(stored)/2] ^= 1
	if err := os.WriteFile(file, stored, 0o644); err != nil {
		t.Fatal(err)
	}
	link, err := s.Client.LinkBookArchive(t.Context(), "book", client.BookArchiveInput{})
	if err != nil || len(link.Errors) != 1 || link.Errors[0].Name != victim {
		t.Fatalf("the archive: %+v, %v, want %s among its errors", link, err, victim)
	}
	delete(contents, victim)
	wantArchiveAt(t, link, contents)
}
