package client

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync"

	"github.com/sheaf-dev/sheaf"
)

// askFirst is the size from which an upload waits for the server's consent
// before it sends the content.
const askFirst = 1 << 20

// An upload is a request's body with a content in it, which is hashed while it
// is sent.
type upload struct {
	head, tail []byte // what is sent around the content
	body       io.Reader
	size       int64 // of the content, -1 when unknown
	reopen     func() io.Reader

	mu     sync.Mutex
	latest *sentContent // of the latest attempt; guarded by mu
}

// newUpload returns an upload of what body has from where it stands to its end.
func newUpload(body io.Reader) *upload {
	u := &upload{body: body, size: -1}
	if seekable, ok := body.(interface {
		io.ReaderAt
		io.Seeker
	}); ok {
		// A pipe is an *os.File too, and cannot seek: its size stays unknown.
		if start, err := seekable.Seek(0, io.SeekCurrent); err == nil {
			if end, err := seekable.Seek(0, io.SeekEnd); err == nil {
				u.size = max(end-start, 0)
				u.reopen = func() io.Reader { return io.NewSectionReader(seekable, start, u.size) }
			}
		}
	}
	return u
}

// attach makes the upload the body of req.
func (u *upload) attach(req *http.Request) {
	if u.reopen == nil {
		req.Body, req.ContentLength = u.attempt(u.body), -1
		return
	}
	req.Body = u.attempt(u.reopen())
	req.ContentLength = int64(len(u.head)) + u.size + int64(len(u.tail))
	req.GetBody = func() (io.ReadCloser, error) { return u.attempt(u.reopen()), nil }
	if u.size >= askFirst {
		req.Header.Set("Expect", "100-continue")
	}
}

func (u *upload) attempt(content io.Reader) io.ReadCloser {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.latest = &sentContent{source: content, hash: sha256.New()}
	return io.NopCloser(io.MultiReader(bytes.NewReader(u.head), u.latest, bytes.NewReader(u.tail)))
}

// explain returns the error of the source instead of err, if it had one: what
// the server says of a body that broke off is no news.
func (u *upload) explain(err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.latest.mu.Lock()
	defer u.latest.mu.Unlock()
	if u.latest.err == nil || u.latest.err == io.EOF {
		return err
	}
	return fmt.Errorf("read what is sent: %w", u.latest.err)
}

// compare fails if the server has stored another content than was sent.
func (u *upload) compare(doc sheaf.Document) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.latest.mu.Lock()
	defer u.latest.mu.Unlock()
	sent := sheaf.Digest(u.latest.hash.Sum(nil))
	if u.latest.err != io.EOF || sent == doc.Digest {
		return nil // what was not sent to its end was not needed
	}
	return &sheaf.Error{
		Kind:    sheaf.ErrDamaged,
		Message: fmt.Sprintf("%s was stored with SHA-256 %s, but %s was sent", doc.ID, doc.Digest, sent),
		Hint:    "delete what was stored and send it again; something between here and the server changes bytes",
	}
}

// sentContent hashes a content while it is sent. The transport reads it in a
// goroutine of its own, which may outlast the call.
type sentContent struct {
	source io.Reader

	mu   sync.Mutex
	hash hash.Hash // guarded by mu
	err  error     // what the source ended with; guarded by mu
}

func (s *sentContent) Read(b []byte) (int, error) {
	n, err := s.source.Read(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hash.Write(b[:n])
	if err != nil {
		s.err = err
	}
	return n, err
}
