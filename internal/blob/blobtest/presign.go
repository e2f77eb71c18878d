package blobtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// presignTests are the contract of [blob.Presigner], over real HTTP, and hold a
// backend to the [blob.Terms] that it claims.
var presignTests = []struct {
	name string
	run  func(*testing.T, blob.Backend, blob.Presigner)
}{
	{"PresignGet", testPresignGet},
	{"PresignGetRefused", testPresignGetRefused},
	{"PresignPut", testPresignPut},
	{"PresignPutOtherBytes", testPresignPutOtherBytes},
	{"PresignPutRefused", testPresignPutRefused},
	{"PresignPutBrokenOff", testPresignPutBrokenOff},
	{"Staged", testStaged},
}

func testPresignGet(t *testing.T, b blob.Backend, p blob.Presigner) {
	content := Random(70_000)
	put(t, b, content)
	for _, in := range []blob.Download{
		{Lifetime: time.Hour},
		{Lifetime: time.Hour, Filename: "notes.md", MIME: "text/markdown; charset=utf-8"},
		{Lifetime: time.Hour, Filename: `Übung "1" & 100%; fin.pdf`, MIME: "application/pdf"},
	} {
		before := time.Now()
		grant, err := p.PresignGet(t.Context(), KeyOf(content), in)
		if err != nil {
			t.Fatalf("PresignGet(%+v): %v", in, err)
		}
		wantExpires(t, grant, before, in.Lifetime)
		answer, body := Use(t, grant, nil)
		if answer.StatusCode != http.StatusOK || !bytes.Equal(body, content) {
			t.Errorf("GET of the grant for %+v: status %d, %d bytes; want 200 and the %d stored", in, answer.StatusCode, len(body), len(content))
			continue
		}
		wantType := in.MIME
		if !p.Terms().MIME {
			wantType = "application/octet-stream"
		}
		if got := answer.Header.Get("Content-Type"); wantType != "" && !strings.EqualFold(got, wantType) {
			t.Errorf("Content-Type %q, want %q", got, wantType)
		}
		if in.Filename == "" {
			continue
		}
		header := answer.Header.Get("Content-Disposition")
		kind, params, err := mime.ParseMediaType(header)
		if err != nil || kind != "attachment" || params["filename"] != in.Filename {
			t.Errorf("Content-Disposition %q: %s of %q, %v; want an attachment of the name %q", header, kind, params["filename"], err, in.Filename)
		}
	}
	part := Grant(t, p, KeyOf(content), time.Hour)
	if part.Header == nil {
		part.Header = http.Header{}
	}
	part.Header.Set("Range", "bytes=100-199")
	if answer, body := Use(t, part, nil); answer.StatusCode != http.StatusPartialContent || !bytes.Equal(body, content[100:200]) {
		t.Errorf("GET of a range: status %d, %d bytes; want 206 and 100", answer.StatusCode, len(body))
	}
}

func testPresignGetRefused(t *testing.T, b blob.Backend, p blob.Presigner) {
	content, other := Random(5000), Random(6000)
	put(t, b, content)
	put(t, b, other)
	wantRefused := func(what string, grant blob.Grant) {
		t.Helper()
		answer, body := Use(t, grant, nil)
		if answer.StatusCode < 400 || bytes.Contains(body, content[:64]) || bytes.Contains(body, other[:64]) {
			t.Errorf("GET of %s: status %d, %d bytes; want a refusal", what, answer.StatusCode, len(body))
		}
	}
	key := string(KeyOf(content))
	elsewhere := Grant(t, p, KeyOf(content), time.Hour)
	elsewhere.URL = strings.ReplaceAll(elsewhere.URL, key[:2]+"/"+key, string(KeyOf(other))[:2]+"/"+string(KeyOf(other)))
	wantRefused("a grant bent to another object", elsewhere)
	wantRefused("an altered grant", altered(t, Grant(t, p, KeyOf(content), time.Hour)))
	switch missing, err := p.PresignGet(t.Context(), KeyOf(Random(1)), blob.Download{Lifetime: time.Hour}); {
	case err == nil:
		wantRefused("an object that is not there", missing)
	case sheaf.KindOf(err) != sheaf.ErrNotFound:
		t.Errorf("PresignGet of an object that is not there: %v, want not_found or a grant that is refused", err)
	}
	longer := Grant(t, p, KeyOf(content), time.Second)
	wantExpired(t, longer, func() int {
		answer, _ := Use(t, longer, nil)
		return answer.StatusCode
	})
}

func testPresignPut(t *testing.T, b blob.Backend, p blob.Presigner) {
	for _, size := range []int{0, 1, 70_000, 3 << 20} {
		for _, sum := range []string{"", string(KeyOf(Random(size)))} {
			content, name := Random(size), newName()
			before := time.Now()
			grant, err := p.PresignPut(t.Context(), name, blob.Upload{Size: int64(size), MIME: "image/png", SHA256: sum, Lifetime: time.Hour})
			if err != nil {
				t.Fatalf("PresignPut of %d bytes: %v", size, err)
			}
			if p.Terms().Timely {
				wantExpires(t, grant, before, time.Hour)
			} else if !grant.Expires.After(before) {
				t.Errorf("the grant has expired at %s, before it was made", grant.Expires)
			}
			wantNothingStaged(t, p, name)
			if answer, body := Use(t, grant, content); answer.StatusCode/100 != 2 {
				t.Fatalf("%s of %d bytes, SHA-256 %q: status %d, %s", grant.Method, size, sum, answer.StatusCode, body)
			}
			wantStaged(t, p, name, content)
		}
	}
	wantObjects(t, b)
}

// Other bytes than those that were granted are refused where they are bound, or
// staged as what they are, for their reader to refuse. None become an object.
func testPresignPutOtherBytes(t *testing.T, b blob.Backend, p blob.Presigner) {
	content := Random(5000)
	flipped := bytes.Clone(content)
	flipped[2500] ^= 1
	for what, sent := range map[string][]byte{
		"too few": content[:4999], "too many": append(bytes.Clone(content), 'x'), "none": {}, "other bytes": flipped,
	} {
		name := newName()
		grant := GrantPut(t, p, name, content, time.Hour)
		switch answer, _ := Use(t, grant, sent); {
		case answer.StatusCode >= 400:
			wantNothingStaged(t, p, name)
		case p.Terms().Bound:
			t.Errorf("an upload of %s: status %d, want a refusal", what, answer.StatusCode)
		default:
			wantStaged(t, p, name, sent)
		}
		if _, err := b.Stat(t.Context(), KeyOf(content)); sheaf.KindOf(err) != sheaf.ErrNotFound {
			t.Errorf("Stat after an upload of %s: %v, want not_found", what, err)
		}
	}
	wantObjects(t, b)
}

func testPresignPutRefused(t *testing.T, b blob.Backend, p blob.Presigner) {
	content := Random(5000)
	name, other := newName(), newName()
	wantRefused := func(what string, grant blob.Grant) {
		t.Helper()
		if answer, _ := Use(t, grant, content); answer.StatusCode < 400 {
			t.Errorf("upload with %s: status %d, want a refusal", what, answer.StatusCode)
		}
		wantNothingStaged(t, p, name)
		wantNothingStaged(t, p, other)
	}
	wantRefused("an altered grant", altered(t, GrantPut(t, p, name, content, time.Hour)))
	elsewhere := GrantPut(t, p, name, content, time.Hour)
	elsewhere.URL = strings.ReplaceAll(elsewhere.URL, name, other)
	wantRefused("a grant bent to another name", elsewhere)
	deleting := GrantPut(t, p, name, content, time.Hour)
	deleting.Method = http.MethodDelete
	wantRefused("a grant bent to another method", deleting)
	wantObjects(t, b)

	if !p.Terms().Timely {
		return // the driver's own tests have a clock to wait with
	}
	late := GrantPut(t, p, name, content, time.Second)
	wantExpired(t, late, func() int {
		answer, _ := Use(t, late, content)
		return answer.StatusCode
	})
	wantObjects(t, b)
}

// An upload that breaks off leaves nothing.
func testPresignPutBrokenOff(t *testing.T, b blob.Backend, p blob.Presigner) {
	content, name := Random(300_000), newName()
	grant := GrantPut(t, p, name, content, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	broken := io.MultiReader(bytes.NewReader(content[:200_000]), readFunc(func([]byte) (int, error) { cancel(); return 0, io.ErrUnexpectedEOF }))
	req := requestOf(t, grant, io.NopCloser(broken), int64(len(content))).WithContext(ctx)
	if answer, err := http.DefaultClient.Do(req); err == nil {
		answer.Body.Close()
		t.Errorf("an upload that breaks off: status %d, want an error", answer.StatusCode)
	}
	wantNothingStaged(t, p, name)
	wantObjects(t, b)
}

func testStaged(t *testing.T, b blob.Backend, p blob.Presigner) {
	want := map[string]int64{}
	for size := range 5 {
		name, content := newName(), Random(size*100)
		if answer, body := Use(t, GrantPut(t, p, name, content, time.Hour), content); answer.StatusCode/100 != 2 {
			t.Fatalf("upload of %d bytes: status %d, %s", len(content), answer.StatusCode, body)
		}
		want[name] = int64(len(content))
	}
	put(t, b, Random(10))
	wantList := func() {
		t.Helper()
		got := map[string]int64{}
		err := p.ListStaged(t.Context(), func(s blob.Staged) error {
			got[s.Name] = s.Size
			if s.Modified.IsZero() {
				t.Errorf("ListStaged: %s has no time", s.Name)
			}
			return nil
		})
		if err != nil {
			t.Errorf("ListStaged: %v", err)
		}
		for name, size := range want {
			if s, ok := got[name]; !ok || s != size {
				t.Errorf("ListStaged: %s with %d bytes (%v), want it with %d", name, s, ok, size)
			}
		}
		if len(got) != len(want) {
			t.Errorf("ListStaged: %d uploads, want %d", len(got), len(want))
		}
	}
	wantList()
	for name := range want {
		for range 2 { // the second time, it is not there
			if err := p.DeleteStaged(t.Context(), name); err != nil {
				t.Fatalf("DeleteStaged: %v", err)
			}
			wantNothingStaged(t, p, name)
		}
		delete(want, name)
		break
	}
	wantList()
	wantObjects(t, b, Random(10))
	for _, name := range []string{"", "../x", "a/b", "A", strings.Repeat("a", 65)} {
		if _, err := p.PresignPut(t.Context(), name, blob.Upload{Size: 1, Lifetime: time.Hour}); err == nil {
			t.Errorf("PresignPut of the name %q: no error", name)
		}
		if _, _, err := p.OpenStaged(t.Context(), name); err == nil {
			t.Errorf("OpenStaged of the name %q: no error", name)
		}
		if err := p.DeleteStaged(t.Context(), name); err == nil {
			t.Errorf("DeleteStaged of the name %q: no error", name)
		}
	}
}

// Use makes the request that was granted, with a body where there is one, and
// returns the answer and its body.
func Use(t *testing.T, grant blob.Grant, body []byte) (*http.Response, []byte) {
	t.Helper()
	var reader io.ReadCloser
	if body != nil {
		reader = io.NopCloser(bytes.NewReader(body))
	}
	answer, err := http.DefaultClient.Do(requestOf(t, grant, reader, int64(len(body))))
	if err != nil {
		t.Fatalf("%s of a grant: %v", grant.Method, err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s of a grant: %v", grant.Method, err)
	}
	return answer, got
}

func requestOf(t *testing.T, grant blob.Grant, body io.ReadCloser, size int64) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), grant.Method, grant.URL, nil)
	if err != nil {
		t.Fatalf("the request of a grant: %v", err)
	}
	req.Header = grant.Header.Clone()
	if body != nil {
		req.Body, req.ContentLength = body, size
		if size == 0 {
			req.Body = http.NoBody
		}
	}
	return req
}

// Grant presigns reading an object.
func Grant(t *testing.T, p blob.Presigner, key blob.Key, lifetime time.Duration) blob.Grant {
	t.Helper()
	grant, err := p.PresignGet(t.Context(), key, blob.Download{Lifetime: lifetime})
	if err != nil {
		t.Fatalf("PresignGet: %v", err)
	}
	return grant
}

// GrantPut presigns the upload of a content.
func GrantPut(t *testing.T, p blob.Presigner, name string, content []byte, lifetime time.Duration) blob.Grant {
	t.Helper()
	grant, err := p.PresignPut(t.Context(), name, blob.Upload{
		Size: int64(len(content)), MIME: "application/octet-stream", SHA256: string(KeyOf(content)), Lifetime: lifetime,
	})
	if err != nil {
		t.Fatalf("PresignPut: %v", err)
	}
	return grant
}

// altered returns a grant with another signature: one letter of the longest
// parameter of its URL is another.
func altered(t *testing.T, grant blob.Grant) blob.Grant {
	t.Helper()
	u, err := url.Parse(grant.URL)
	if err != nil {
		t.Fatalf("the URL of a grant: %v", err)
	}
	query, longest := u.Query(), ""
	for name := range query {
		if len(query.Get(name)) > len(query.Get(longest)) || name == "X-Amz-Signature" {
			longest = name
		}
		if longest == "X-Amz-Signature" {
			break
		}
	}
	value := []byte(query.Get(longest))
	if len(value) == 0 {
		t.Fatalf("the URL of a grant has no parameters: %s", grant.URL)
	}
	if at := len(value) / 2; value[at] == 'a' {
		value[at] = 'b'
	} else {
		value[at] = 'a'
	}
	query.Set(longest, string(value))
	u.RawQuery = query.Encode()
	grant.URL = u.String()
	return grant
}

// newName returns the name of an upload.
func newName() string { return strings.ToLower(rand.Text()) }

// wantExpires checks when a grant that was asked for after a moment expires.
func wantExpires(t *testing.T, grant blob.Grant, before time.Time, lifetime time.Duration) {
	t.Helper()
	if latest := time.Now().Add(lifetime + time.Second); !grant.Expires.After(before) || grant.Expires.After(latest) {
		t.Errorf("the grant expires %s, want from %s to %s", grant.Expires, before, latest)
	}
}

// wantExpired uses a grant until it is refused, which has to be once it expires.
func wantExpired(t *testing.T, grant blob.Grant, use func() (status int)) {
	t.Helper()
	time.Sleep(time.Until(grant.Expires))
	const tolerance = 30 * time.Second // for the clock of another machine
	for deadline := time.Now().Add(tolerance); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if use() >= 400 {
			return
		}
	}
	t.Errorf("a grant that expired %s is still good at %s", grant.Expires, time.Now())
}

func wantStaged(t *testing.T, p blob.Presigner, name string, content []byte) {
	t.Helper()
	r, staged, err := p.OpenStaged(t.Context(), name)
	if err != nil {
		t.Errorf("OpenStaged after the upload: %v", err)
		return
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, content) || staged.Name != name || staged.Size != int64(len(content)) || staged.Modified.IsZero() {
		t.Errorf("OpenStaged: %+v, %d bytes, %v; want the %d uploaded", staged, len(got), err, len(content))
	}
}

func wantNothingStaged(t *testing.T, p blob.Presigner, name string) {
	t.Helper()
	r, _, err := p.OpenStaged(t.Context(), name)
	if err == nil {
		r.Close()
	}
	if sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("OpenStaged of what was not uploaded: %v, want not_found", err)
	}
}
