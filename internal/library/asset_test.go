package library_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// png returns the bytes of a picture as far as anyone looks.
func png(size int) string {
	return "\x89PNG\x0d\x0a\x1a\x0a" + strings.Repeat("\x00\x01\x02\xff", size/4)[:size-8]
}

// withSmallDirect makes uploads in two steps begin at 1,000 bytes.
func withSmallDirect(s *setup) { s.limits.AssetDirect = 1000 }

func picture(filename string) library.AssetPlace {
	return library.AssetPlace{Book: "field-notes", Type: sheaf.AssetImages, Filename: filename}
}

func (s *store) putAsset(in library.AssetWrite, content string) (library.AssetChange, error) {
	s.t.Helper()
	in.Content = s.receive(content)
	return s.PutAsset(s.t.Context(), in)
}

func (s *store) begin(in library.NewUpload) sheaf.AssetUpload {
	s.t.Helper()
	upload, err := s.BeginUpload(s.t.Context(), in)
	if err != nil {
		s.t.Fatalf("beginning an upload: %v", err)
	}
	return upload
}

// send brings the bytes of an upload to its URL.
func (s *store) send(to sheaf.AssetUpload, content string, changes ...func(*library.UploadBytes)) (sheaf.AssetUpload, error) {
	s.t.Helper()
	place, err := url.Parse(to.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	in := library.UploadBytes{
		ID: strings.TrimPrefix(place.Path, "/uploads/"), Parameters: place.Query(), MIME: to.Header["Content-Type"],
		Length: int64(len(content)), Body: strings.NewReader(content),
	}
	for _, change := range changes {
		change(&in)
	}
	return s.As(sheaf.Principal{ID: "stranger"}).StageUpload(s.t.Context(), in)
}

func TestAssetIsADocument(t *testing.T) {
	s := open(t, func(s *setup) { s.cdnURL = "https://cdn.example" })
	made, err := s.putAsset(library.AssetWrite{AssetPlace: picture("week 1/map.png"), MIME: "image/png"}, png(500))
	if err != nil {
		t.Fatal(err)
	}
	a := made.Asset
	if made.Mode != sheaf.ModeCreated || a.Path != "assets/images/week 1/map.png" || a.MIME != "image/png" || a.Size != 500 || a.UploadedBy != "local" ||
		a.UploadedByLabel != "tester" || a.CDNURL != "https://cdn.example/books/field-notes/assets/images/week%201/map.png" || a.Version != 1 {
		t.Errorf("the answer is %+v", a)
	}
	again, err := s.putAsset(library.AssetWrite{AssetPlace: picture("week 1/map.png")}, png(500))
	if err != nil || again.Mode != sheaf.ModeUnchanged || again.Asset != a {
		t.Errorf("the same again: %+v, %v, want %+v unchanged", again, err, a)
	}
	other := sheaf.DigestOf([]byte("other"))
	_, err = s.putAsset(library.AssetWrite{AssetPlace: picture("week 1/map.png"), FileHash: &other}, png(600))
	wantKind(t, "an asset over another than was read", err, sheaf.ErrConflict)

	found, content, err := s.ReadAsset(t.Context(), picture("week 1/map.png"))
	if err != nil || string(content) != png(500) || found.Digest != a.Digest || !found.UploadedAt.Equal(a.UploadedAt) {
		t.Errorf("reading it: %d bytes, %+v, %v", len(content), found, err)
	}
	page, err := s.Assets(t.Context(), library.AssetQuery{Book: "field-notes", Type: sheaf.AssetImages, Limit: 10})
	if err != nil || page.Total != 1 || len(page.Assets) != 1 || page.Assets[0] != a {
		t.Errorf("the assets are %+v, %v, want %+v", page, err, a)
	}
	page, err = s.Assets(t.Context(), library.AssetQuery{Book: "field-notes", Type: sheaf.AssetAudio, Limit: 10})
	if err != nil || page.Total != 0 || page.Assets == nil {
		t.Errorf("the recordings are %+v, %v", page, err)
	}
	validation, err := s.ValidateBook(t.Context(), library.ValidationQuery{Book: "field-notes", Limit: 10})
	if err != nil || !validation.Valid {
		t.Errorf("the layout: %+v, %v", validation, err)
	}
}

func TestBadAssets(t *testing.T) {
	s := open(t, withSmallDirect, func(s *setup) { s.limits.Asset = 5000 })
	other := sheaf.DigestOf([]byte("other"))
	for name, test := range map[string]struct {
		in      library.AssetWrite
		content string
		kind    sheaf.ErrorKind
		says    []string
	}{
		"all at once": {library.AssetWrite{AssetPlace: library.AssetPlace{Book: "X", Type: "films", Filename: "../up.png"}}, png(20), sheaf.ErrInvalid,
			[]string{"book_id", "asset_type", "filename"}},
		"a type that does not belong": {library.AssetWrite{AssetPlace: picture("talk.mp4")}, png(20), sheaf.ErrInvalid, []string{"video/mp4", "image/png"}},
		"another type given":          {library.AssetWrite{AssetPlace: picture("a.png"), MIME: "image/jpeg"}, png(20), sheaf.ErrInvalid, []string{"mime_type", "image/png"}},
		"other bytes":                 {library.AssetWrite{AssetPlace: picture("a.png")}, "%PDF-1.7\n", sheaf.ErrInvalid, []string{"application/pdf"}},
		"a page as a picture":         {library.AssetWrite{AssetPlace: picture("a.svg")}, "<!DOCTYPE html><script>alert(1)</script>", sheaf.ErrInvalid, []string{"text/html"}},
		"text as a film": {library.AssetWrite{AssetPlace: library.AssetPlace{Book: "field-notes", Type: sheaf.AssetVideos, Filename: "a.mp4"}}, "not found",
			sheaf.ErrInvalid, []string{"text/plain"}},
		"nothing":        {library.AssetWrite{AssetPlace: picture("a.png")}, "", sheaf.ErrInvalid, []string{"empty"}},
		"another digest": {library.AssetWrite{AssetPlace: picture("a.png"), SHA256: &other}, png(20), sheaf.ErrInvalid, []string{other.String()}},
		"too large":      {library.AssetWrite{AssetPlace: picture("a.png")}, png(5001), sheaf.ErrTooLarge, []string{"5000", "5001"}},
	} {
		_, err := s.putAsset(test.in, test.content)
		wantKind(t, name, err, test.kind)
		for _, text := range test.says {
			if err != nil && !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q does not say %q", name, err, text)
			}
		}
	}
	for name, test := range map[string]struct {
		in   library.NewUpload
		kind sheaf.ErrorKind
	}{
		"small":                   {library.NewUpload{AssetPlace: picture("a.png"), Size: 999}, sheaf.ErrInvalid},
		"no size":                 {library.NewUpload{AssetPlace: picture("a.png")}, sheaf.ErrInvalid},
		"large":                   {library.NewUpload{AssetPlace: picture("a.png"), Size: 5001}, sheaf.ErrTooLarge},
		"over what is not there":  {library.NewUpload{AssetPlace: picture("a.png"), Size: 1000, FileHash: &other}, sheaf.ErrNotFound},
		"with a type of a script": {library.NewUpload{AssetPlace: picture("a.js"), Size: 1000}, sheaf.ErrInvalid},
	} {
		_, err := s.BeginUpload(t.Context(), test.in)
		wantKind(t, "an upload: "+name, err, test.kind)
	}
	_, err := s.ReceiveAsset(t.Context(), strings.NewReader(png(5001)))
	wantKind(t, "receiving too much", err, sheaf.ErrTooLarge)
}

// An upload that is refused may be sent again, until it is what was announced.
func TestUploadURLIsForOneUpload(t *testing.T) {
	clock := &adjustable{now: time.Now()}
	s := open(t, withSmallDirect, func(s *setup) { s.clock = clock.time })
	digest := sheaf.DigestOf([]byte(png(2000)))
	upload := s.begin(library.NewUpload{AssetPlace: picture("map.png"), Size: 2000, SHA256: &digest})
	altered := func(name, value string) func(*library.UploadBytes) {
		return func(in *library.UploadBytes) { in.Parameters.Set(name, value) }
	}
	for name, test := range map[string]struct {
		content string
		change  func(*library.UploadBytes)
		kind    sheaf.ErrorKind
	}{
		"too short":            {png(1999), func(*library.UploadBytes) {}, sheaf.ErrInvalid},
		"too short, unsaid":    {png(1999), func(in *library.UploadBytes) { in.Length = -1 }, sheaf.ErrInvalid},
		"too long, unsaid":     {png(2001), func(in *library.UploadBytes) { in.Length = -1 }, sheaf.ErrInvalid},
		"other bytes":          {png(1999) + "x", func(*library.UploadBytes) {}, sheaf.ErrInvalid},
		"another type":         {png(2000), func(in *library.UploadBytes) { in.MIME = "image/jpeg" }, sheaf.ErrInvalid},
		"later":                {png(2000), altered("expires", "9999999999"), sheaf.ErrForbidden},
		"a parameter more":     {png(2000), altered("size", "3000"), sheaf.ErrForbidden},
		"another signature":    {png(2000), altered("signature", "AAAA"), sheaf.ErrForbidden},
		"no signature":         {png(2000), func(in *library.UploadBytes) { in.Parameters.Del("signature") }, sheaf.ErrForbidden},
		"another upload":       {png(2000), func(in *library.UploadBytes) { in.ID = "upl_000000000000000000000000" }, sheaf.ErrNotFound},
		"an id that is a path": {png(2000), func(in *library.UploadBytes) { in.ID = "upl_../../../documents.db" }, sheaf.ErrNotFound},
	} {
		_, err := s.send(upload, test.content, test.change)
		wantKind(t, name, err, test.kind)
	}
	_, err := s.CompleteUpload(t.Context(), upload.ID, nil)
	wantKind(t, "completing what has not arrived", err, sheaf.ErrConflict)
	if staged, err := s.send(upload, png(2000)); err != nil || staged.State != sheaf.UploadReceived {
		t.Fatalf("sending it as announced: %+v, %v", staged, err)
	}
	_, err = s.send(upload, png(2000))
	wantKind(t, "sending it again", err, sheaf.ErrExists)
	if files, err := s.BookFiles(t.Context(), library.FileQuery{Place: library.Place{Book: "field-notes"}, Limit: 10}); err != nil || len(files.Files) > 0 {
		t.Errorf("before it is completed there are %+v, %v", files, err)
	}
	made, err := s.CompleteUpload(t.Context(), upload.ID, nil)
	if err != nil || made.Mode != sheaf.ModeCreated || made.Asset.Digest != digest || made.Asset.UploadedBy != "local" {
		t.Fatalf("completing it: %+v, %v", made, err)
	}
	again, err := s.CompleteUpload(t.Context(), upload.ID, nil)
	if err != nil || again.Mode != sheaf.ModeUnchanged || again.Asset.Version != 1 || again.Asset.DocumentID != made.Asset.DocumentID ||
		again.Revision != made.Revision {
		t.Errorf("completing it again: %+v, %v, want the revision %d", again, err, made.Revision)
	}
	_, err = s.send(upload, png(2000))
	wantKind(t, "replaying the URL of a completed upload", err, sheaf.ErrExists)
	_, err = s.CancelUpload(t.Context(), upload.ID)
	wantKind(t, "cancelling a completed upload", err, sheaf.ErrExists)

	// Without a digest announced, the URL was called altered once its upload was
	// completed, because that notes the digest.
	unannounced := s.begin(library.NewUpload{AssetPlace: picture("other.png"), Size: 2000})
	if _, err := s.send(unannounced, png(2000)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CompleteUpload(t.Context(), unannounced.ID, nil); err != nil {
		t.Fatal(err)
	}
	_, err = s.send(unannounced, png(2000))
	wantKind(t, "replaying the URL of a completed upload without a digest", err, sheaf.ErrExists)

	late := s.begin(library.NewUpload{AssetPlace: picture("late.png"), Size: 2000})
	clock.advance(time.Hour)
	_, err = s.send(late, png(2000))
	wantKind(t, "an expired URL", err, sheaf.ErrForbidden)
}

// An adjustable clock goes when it is told to.
type adjustable struct {
	mu  sync.Mutex
	now time.Time
}

func (a *adjustable) time() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

func (a *adjustable) advance(by time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = a.now.Add(by)
}

// Whoever looks at an asset whose bytes have arrived sees it, and the version is
// of who uploaded it.
func TestFirstUseCompletes(t *testing.T) {
	uses := map[string]func(*library.Session, context.Context) error{
		"get_asset": func(s *library.Session, ctx context.Context) error {
			_, err := s.Asset(ctx, picture("map.png"))
			return err
		},
		"list_assets": func(s *library.Session, ctx context.Context) error {
			page, err := s.Assets(ctx, library.AssetQuery{Book: "field-notes", Limit: 10})
			if err == nil && page.Total != 1 {
				err = sheaf.Errorf(sheaf.ErrNotFound, "%d assets", page.Total)
			}
			return err
		},
	}
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			s := open(t, withSmallDirect)
			agent := s.As(sheaf.Principal{ID: "agent:artist", Scopes: sheaf.Scopes(sheaf.ScopeWrite, sheaf.ScopeCreate)})
			upload, err := agent.BeginUpload(t.Context(), library.NewUpload{AssetPlace: picture("map.png"), Size: 2000})
			if err != nil {
				t.Fatal(err)
			}
			reader := s.As(sheaf.Principal{ID: "agent:reader", Scopes: sheaf.Scopes(sheaf.ScopeRead)})
			_, err = reader.Asset(t.Context(), picture("map.png"))
			wantKind(t, "an asset whose bytes have not arrived", err, sheaf.ErrNotFound)
			if err != nil && !strings.Contains(err.(*sheaf.Error).Hint, upload.ID) {
				t.Errorf("the hint %q does not name the upload", err.(*sheaf.Error).Hint)
			}
			_, err = reader.UploadStatus(t.Context(), upload.ID)
			wantKind(t, "an upload without the scope", err, sheaf.ErrForbidden)
			if _, err := s.send(upload, png(2000)); err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if err := use(reader, t.Context()); err != nil {
						t.Errorf("looking at it: %v", err)
					}
				})
			}
			all.Wait()
			asset, err := reader.Asset(t.Context(), picture("map.png"))
			if err != nil || asset.Version != 1 || asset.UploadedBy != "agent:artist" {
				t.Errorf("the asset is %+v, %v", asset, err)
			}
			if left, err := os.ReadDir(filepath.Join(s.setup.dir, "uploads")); err != nil || len(left) > 0 {
				t.Errorf("in the staging area are %v, %v", left, err)
			}
		})
	}
}

// A conflict does not cost the bytes.
func TestUploadOverANewerContent(t *testing.T) {
	s := open(t, withSmallDirect)
	first, err := s.putAsset(library.AssetWrite{AssetPlace: picture("map.png")}, png(100))
	if err != nil {
		t.Fatal(err)
	}
	upload := s.begin(library.NewUpload{AssetPlace: picture("map.png"), Size: 2000, FileHash: &first.Asset.Digest})
	if _, err := s.send(upload, png(2000)); err != nil {
		t.Fatal(err)
	}
	second, err := s.PutContent(t.Context(), library.FileWrite{Place: library.Place{Book: "field-notes", Path: "assets/images/map.png"}, Content: s.receive(png(200))})
	if err != nil {
		t.Fatal(err)
	}
	if asset, err := s.Asset(t.Context(), picture("map.png")); err != nil || asset.Size != 200 {
		t.Errorf("looking at it: %+v, %v, want what somebody else wrote", asset, err)
	}
	_, err = s.CompleteUpload(t.Context(), upload.ID, nil)
	wantKind(t, "completing over a newer content", err, sheaf.ErrConflict)
	made, err := s.CompleteUpload(t.Context(), upload.ID, &second.Digest)
	if err != nil || made.Asset.Version != 3 || made.Asset.Size != 2000 {
		t.Errorf("completing with the current hash: %+v, %v", made, err)
	}
}

// The bytes of an expired upload are not lost if they have arrived; what has not
// arrived goes, and so does what a crash has left behind.
func TestSweepingUploads(t *testing.T) {
	clock := &adjustable{now: time.Now()}
	s := open(t, withSmallDirect, func(s *setup) { s.clock = clock.time })
	arrived := s.begin(library.NewUpload{AssetPlace: picture("arrived.png"), Size: 2000})
	waiting := s.begin(library.NewUpload{AssetPlace: picture("waiting.png"), Size: 2000})
	if _, err := s.send(arrived, png(2000)); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(s.setup.dir, "uploads", strings.TrimPrefix(waiting.ID, "upl_")+".part")
	foreign := filepath.Join(s.setup.dir, "uploads", strings.Repeat("0", 24)+".part")
	for _, file := range []string{half, foreign} {
		if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(2 * time.Hour)
	s.runJob("uploads")
	s.runJob("staging areas")
	a, err := s.UploadStatus(t.Context(), arrived.ID)
	b, err2 := s.UploadStatus(t.Context(), waiting.ID)
	left, err3 := os.ReadDir(filepath.Join(s.setup.dir, "uploads"))
	if err != nil || err2 != nil || err3 != nil {
		t.Fatal(err, err2, err3)
	}
	if a.State != sheaf.UploadCompleted || b.State != sheaf.UploadExpired || len(left) > 0 {
		t.Fatalf("the uploads are %s and %s, and left is %v", a.State, b.State, left)
	}
	if asset, err := s.Asset(t.Context(), picture("arrived.png")); err != nil || asset.Size != 2000 {
		t.Errorf("what has arrived is %+v, %v", asset, err)
	}
}

func TestOpenUploadsAreBounded(t *testing.T) {
	s := open(t, withSmallDirect, func(s *setup) { s.limits.Uploads, s.limits.UploadBytes = 2, 5000 })
	first := s.begin(library.NewUpload{AssetPlace: picture("a.png"), Size: 3000})
	_, err := s.BeginUpload(t.Context(), library.NewUpload{AssetPlace: picture("b.png"), Size: 2001})
	wantKind(t, "too many bytes", err, sheaf.ErrRateLimited)
	s.begin(library.NewUpload{AssetPlace: picture("b.png"), Size: 1000})
	_, err = s.BeginUpload(t.Context(), library.NewUpload{AssetPlace: picture("c.png"), Size: 1000})
	wantKind(t, "too many uploads", err, sheaf.ErrRateLimited)
	if cancelled, err := s.CancelUpload(t.Context(), first.ID); err != nil || cancelled.State != sheaf.UploadCancelled {
		t.Errorf("cancelling: %+v, %v", cancelled, err)
	}
	_, err = s.send(first, png(3000))
	wantKind(t, "sending to a cancelled upload", err, sheaf.ErrGone)
	s.begin(library.NewUpload{AssetPlace: picture("c.png"), Size: 1000})
}

// Of requests that bring the bytes of one upload at once, one does.
func TestConcurrentSenders(t *testing.T) {
	s := open(t, withSmallDirect)
	upload := s.begin(library.NewUpload{AssetPlace: picture("map.png"), Size: 2000})
	body, pipe := io.Pipe()
	slow := make(chan error)
	go func() {
		_, err := s.send(upload, "", func(in *library.UploadBytes) { in.Length, in.Body = -1, body })
		slow <- err
	}()
	if _, err := pipe.Write([]byte(png(2000)[:1000])); err != nil {
		t.Fatal(err)
	}
	_, err := s.send(upload, png(2000))
	wantKind(t, "a second sender", err, sheaf.ErrConflict)
	pipe.Write([]byte(png(2000)[1000:]))
	pipe.Close()
	if err := <-slow; err != nil {
		t.Fatalf("the first sender: %v", err)
	}
	if asset, err := s.Asset(t.Context(), picture("map.png")); err != nil || asset.Digest != sheaf.DigestOf([]byte(png(2000))) {
		t.Errorf("the asset is %+v, %v", asset, err)
	}
}

// A presigning backend takes uploads by itself, and gives out what it has.
type presigning struct {
	*memblob.Backend
	mu     sync.Mutex
	staged map[string][]byte
}

var _ blob.Presigner = (*presigning)(nil) // or nobody would ask it

func (b *presigning) Terms() blob.Terms { return blob.Terms{} } // it promises nothing

func (b *presigning) PresignGet(_ context.Context, key blob.Key, in blob.Download) (blob.Grant, error) {
	return blob.Grant{Method: http.MethodGet, URL: "https://bucket.example/" + string(key), Expires: time.Now().Add(in.Lifetime)}, nil
}

func (b *presigning) PresignPut(_ context.Context, name string, in blob.Upload) (blob.Grant, error) {
	return blob.Grant{
		Method: http.MethodPut, URL: "https://bucket.example/staging/" + name, Header: http.Header{"Content-Type": {in.MIME}}, Expires: time.Now().Add(in.Lifetime),
	}, nil
}

func (b *presigning) OpenStaged(_ context.Context, name string) (io.ReadCloser, blob.Staged, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	content, ok := b.staged[name]
	if !ok {
		return nil, blob.Staged{}, sheaf.Errorf(sheaf.ErrNotFound, "nothing was uploaded")
	}
	return io.NopCloser(bytes.NewReader(content)), blob.Staged{Name: name, Size: int64(len(content))}, nil
}

func (b *presigning) ListStaged(_ context.Context, yield func(blob.Staged) error) error {
	return nil
}

func (b *presigning) DeleteStaged(_ context.Context, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.staged, name)
	return nil
}

// Where the backend takes uploads, bytes go there; nothing it has is believed.
func TestPresigningBackend(t *testing.T) {
	backend := &presigning{Backend: memblob.New(), staged: map[string][]byte{}}
	s := open(t, withSmallDirect, func(s *setup) { s.backend = backend })
	const size = 80_000 // which is not kept in the catalog
	content := []byte(png(size))
	rand.NewChaCha8([32]byte{}).Read(content[8:]) // nor deflated
	digest := sheaf.DigestOf(content)
	arrive := func(upload sheaf.AssetUpload, content []byte) {
		backend.mu.Lock()
		defer backend.mu.Unlock()
		backend.staged[strings.TrimPrefix(upload.ID, "upl_")] = content
	}
	upload := s.begin(library.NewUpload{AssetPlace: picture("map.png"), Size: size, SHA256: &digest})
	if !strings.HasPrefix(upload.URL, "https://bucket.example/staging/") || upload.Header["Content-Type"] != "image/png" {
		t.Fatalf("the upload is %+v", upload)
	}
	for name, bad := range map[string][]byte{"too short": content[:size-1], "other bytes": bytes.Replace(content, content[size-4:], []byte("evil"), 1)} {
		upload := s.begin(library.NewUpload{AssetPlace: picture("bad.png"), Size: size, SHA256: &digest})
		arrive(upload, bad)
		_, err := s.CompleteUpload(t.Context(), upload.ID, nil)
		wantKind(t, name, err, sheaf.ErrInvalid)
		_, err = s.CompleteUpload(t.Context(), upload.ID, nil)
		wantKind(t, name+", again", err, sheaf.ErrGone)
	}
	if len(backend.staged) > 0 {
		t.Errorf("%d bad uploads are left in the staging area", len(backend.staged))
	}
	arrive(upload, content)
	asset, err := s.Asset(t.Context(), picture("map.png"))
	if err != nil || asset.Digest != digest || asset.DownloadURL != "https://bucket.example/"+digest.String() {
		t.Errorf("the asset is %+v, %v", asset, err)
	}
	if len(backend.staged) > 0 {
		t.Error("a completed upload is left in the staging area")
	}
}
