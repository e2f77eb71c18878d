// Package supatest is Supabase Storage for tests: a server that answers as the
// real one does, its oddities included, and keeps objects in memory.
package supatest

import (
	"cmp"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// What a project of the server is reached with.
const (
	BasePath   = "/storage/v1"
	ServiceKey = "service-key-for-tests"
	Bucket     = "sheaf"
)

// UploadLifetime is how long URLs to upload to are valid, whatever is asked for.
const UploadLifetime = 2 * time.Hour

// multipartSize is from which size on an object's ETag is no MD5.
const multipartSize = 5 << 20

// A Server is a project with one empty bucket. It implements [http.Handler].
type Server struct {
	// Now tells the time; [time.Now] unless set before the first request.
	Now func() time.Time

	routes *http.ServeMux
	secret []byte // that tokens are signed with

	mu       sync.Mutex
	objects  map[string]object // guarded by mu
	requests int               // guarded by mu
}

type object struct {
	id       string
	bytes    []byte // never written to
	mime     string
	created  time.Time
	modified time.Time
}

// New returns a server.
func New() *Server {
	s := &Server{Now: time.Now, routes: http.NewServeMux(), secret: []byte(rand.Text()), objects: map[string]object{}}
	for pattern, route := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) error
		open   bool // the URL says who may
	}{
		"POST /object/{bucket}/{key...}":             {answer: s.create},
		"GET /object/{bucket}/{key...}":              {answer: s.read}, // and HEAD
		"DELETE /object/{bucket}":                    {answer: s.remove},
		"POST /object/list/{bucket}":                 {answer: s.list},
		"GET /bucket/{bucket}":                       {answer: s.describeBucket},
		"POST /object/move":                          {answer: s.move},
		"POST /object/copy":                          {answer: s.copy},
		"POST /object/sign/{bucket}/{key...}":        {answer: s.sign},
		"GET /object/sign/{bucket}/{key...}":         {answer: s.readSigned, open: true},
		"POST /object/upload/sign/{bucket}/{key...}": {answer: s.signUpload},
		"PUT /object/upload/sign/{bucket}/{key...}":  {answer: s.upload, open: true},
	} {
		s.routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			err := s.check(r, route.open)
			if err == nil {
				err = route.answer(w, r)
			}
			if err != nil {
				writeError(w, err)
			}
		})
	}
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	s.mu.Unlock()
	http.StripPrefix(BasePath, s.routes).ServeHTTP(w, r)
}

// Requests returns how many requests have come.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Objects returns the keys of all objects, sorted.
func (s *Server) Objects() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sortedKeys()
}

// Object returns the bytes of an object. The caller does not write to them.
func (s *Server) Object(key string) (content []byte, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, found := s.objects[key]
	return o.bytes, found
}

// Store puts an object there by another way than a request.
func (s *Server) Store(key string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key, object{bytes: slices.Clone(content), mime: "application/octet-stream"})
}

// check refuses requests that nobody authorised, or for another bucket.
func (s *Server) check(r *http.Request, open bool) error {
	if !open && r.Header.Get("Authorization") != "Bearer "+ServiceKey {
		return &failure{http.StatusForbidden, "InvalidJWT", "Unauthorized", "Invalid Compact JWS"}
	}
	if bucket := r.PathValue("bucket"); bucket != "" && bucket != Bucket {
		return errNoBucket
	}
	if key := r.PathValue("key"); key != "" && !validKey(key) {
		return errInvalidKey(key)
	}
	return nil
}

// validKey reports whether a key has only the characters that are allowed.
func validKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alphanumeric && !strings.ContainsRune("_/!-.*'() &$@=;:+,?", rune(c)) {
			return false
		}
	}
	return key != ""
}

// describeBucket is GET /bucket/{bucket}.
func (s *Server) describeBucket(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]any{"id": Bucket, "name": Bucket, "public": false})
}

// create is POST /object/{bucket}/{key}.
func (s *Server) create(w http.ResponseWriter, r *http.Request) error {
	return s.store(w, r, r.Header.Get("x-upsert") == "true")
}

// store takes the body of a request as an object. Nothing of a body that is cut
// off is kept.
func (s *Server) store(w http.ResponseWriter, r *http.Request, upsert bool) error {
	key := r.PathValue("key")
	if _, exists := s.Object(key); exists && !upsert {
		return errExists
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return &failure{http.StatusInternalServerError, "InternalError", "Internal", "the body ended early"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.objects[key]; exists && !upsert { // somebody was faster
		return errExists
	}
	o := s.put(key, object{bytes: content, mime: cmp.Or(r.Header.Get("Content-Type"), "application/octet-stream")})
	return writeJSON(w, map[string]string{"Id": o.id, "Key": Bucket + "/" + key})
}

// put keeps an object. The caller holds s.mu.
func (s *Server) put(key string, o object) object {
	o.id, o.modified = rand.Text(), s.Now()
	o.created = o.modified
	if before, exists := s.objects[key]; exists {
		o.id, o.created = before.id, before.created
	}
	s.objects[key] = o
	return o
}

// etag is what S3 makes of an object: its MD5, unless it came in parts.
func (o object) etag() string {
	sum := md5.Sum(o.bytes)
	if len(o.bytes) > multipartSize {
		return fmt.Sprintf("%q", hex.EncodeToString(sum[:])+"-2")
	}
	return fmt.Sprintf("%q", hex.EncodeToString(sum[:]))
}

// read is GET and HEAD /object/{bucket}/{key}.
func (s *Server) read(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	o, found := s.objects[r.PathValue("key")]
	s.mu.Unlock()
	if !found {
		return errNoObject
	}
	header := w.Header()
	header.Set("Content-Type", o.mime)
	header.Set("ETag", o.etag())
	header.Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	header.Set("Accept-Ranges", "bytes")
	header.Set("Cache-Control", "no-cache")
	begin, end, partial, err := parseRange(r.Header.Get("Range"), int64(len(o.bytes)))
	if err != nil {
		return err
	}
	header.Set("Content-Length", fmt.Sprint(end-begin))
	status := http.StatusOK
	if partial {
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", begin, end-1, len(o.bytes)))
		status = http.StatusPartialContent
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(o.bytes[begin:end])
	}
	return nil
}

// parseRange reads the form of Range that has a first byte.
func parseRange(header string, size int64) (begin, end int64, partial bool, err error) {
	if header == "" {
		return 0, size, false, nil
	}
	if _, err := fmt.Sscanf(header, "bytes=%d-%d", &begin, &end); err == nil {
		end++
	} else if _, err := fmt.Sscanf(header, "bytes=%d-", &begin); err == nil {
		end = size
	} else {
		return 0, 0, false, errRange
	}
	if begin >= size || begin >= end {
		return 0, 0, false, errRange
	}
	return begin, min(end, size), true, nil
}

// remove is DELETE /object/{bucket}.
func (s *Server) remove(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Prefixes []string `json:"prefixes"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	removed := []map[string]any{}
	for _, key := range in.Prefixes { // whole keys, whatever the field is called
		if o, found := s.objects[key]; found {
			delete(s.objects, key)
			removed = append(removed, listed(key, o))
		}
	}
	return writeJSON(w, removed)
}

// sortedKeys returns all keys. The caller holds s.mu.
func (s *Server) sortedKeys() []string {
	keys := make([]string, 0, len(s.objects))
	for key := range s.objects {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
