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

// An upload is a request's body with contents in it, which are hashed while they
// are sent.
type upload struct {
	contents []uploadContent
	tail     []byte // what is sent behind the last

	mu     sync.Mutex
	latest []*sentContent // of the latest attempt; guarded by mu
}

// An uploadContent is one content of an upload.
type uploadContent struct {
	head   []byte // what is sent before it
	body   io.Reader
	size   int64            // -1 when unknown
	reopen func() io.Reader // nil: body can be read once only
}

// newUpload returns an upload of what body has from where it stands to its end.
func newUpload(body io.Reader) *upload {
	u := &upload{}
	u.add(nil, body)
	return u
}

// add adds a content, from where body stands to its end.
func (u *upload) add(head []byte, body io.Reader) {
	content := uploadContent{head: head, body: body, size: -1}
	if seekable, ok := body.(interface {
		io.ReaderAt
		io.Seeker
	}); ok {
		// A pipe is an *os.File too, and cannot seek: its size stays unknown.
		if start, err := seekable.Seek(0, io.SeekCurrent); err == nil {
			if end, err := seekable.Seek(0, io.SeekEnd); err == nil {
				content.size = max(end-start, 0)
				content.reopen = func() io.Reader { return io.NewSectionReader(seekable, start, content.size) }
			}
		}
	}
	u.contents = append(u.contents, content)
}

// attach makes the upload the body of req. One whose contents can all be read
// again can be sent again: then req.GetBody is set.
func (u *upload) attach(req *http.Request) {
	size, again := int64(len(u.tail)), true
	for _, content := range u.contents {
		size += int64(len(content.head)) + content.size
		again = again && content.reopen != nil
	}
	req.Body, req.ContentLength = u.attempt(), -1
	if !again {
		return
	}
	req.ContentLength = size
	req.GetBody = func() (io.ReadCloser, error) { return u.attempt(), nil }
	if size >= askFirst {
		req.Header.Set("Expect", "100-continue")
	}
}

func (u *upload) attempt() io.ReadCloser {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.latest = make([]*sentContent, len(u.contents))
	parts := make([]io.Reader, 0, 2*len(u.contents)+1)
	for i, content := range u.contents {
		source := content.body
		if content.reopen != nil {
			source = content.reopen()
		}
		u.latest[i] = &sentContent{source: source, hash: sha256.New()}
		parts = append(parts, bytes.NewReader(content.head), u.latest[i])
	}
	return io.NopCloser(io.MultiReader(append(parts, bytes.NewReader(u.tail))...))
}

// explain returns the error of a source instead of err, if one had any: what the
// server says of a body that broke off is no news.
func (u *upload) explain(err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, content := range u.latest {
		if ended := content.ended(); ended != nil && ended != io.EOF {
			return fmt.Errorf("read what is sent: %w", ended)
		}
	}
	return err
}

// compare fails if the server has stored another content than was sent at the index.
func (u *upload) compare(index int, doc sheaf.Document) error {
	u.mu.Lock()
	content := u.latest[index]
	u.mu.Unlock()
	if content.ended() != io.EOF {
		return nil // what was not sent to its end was not needed
	}
	sent := content.digest()
	if sent == doc.Digest {
		return nil
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

// Read implements [io.Reader]. An error of the source is a [sourceError].
func (s *sentContent) Read(b []byte) (int, error) {
	n, err := s.source.Read(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hash.Write(b[:n])
	if err != nil {
		s.err = err
		if err != io.EOF {
			err = &sourceError{err}
		}
	}
	return n, err
}

// ended returns what the source ended with, nil if it has not.
func (s *sentContent) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *sentContent) digest() sheaf.Digest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sheaf.Digest(s.hash.Sum(nil))
}

// A sourceError is of what is sent, not of the connection: sending it again
// would not help.
type sourceError struct{ error }

// Unwrap returns the error of the source.
func (e *sourceError) Unwrap() error { return e.error }
