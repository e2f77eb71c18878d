package supatest

import (
	"net/http"
	"strings"
	"time"
)

// mostListed is how many items one page of a listing has.
const mostListed = 1000

// list is POST /object/list/{bucket}: one level of folders, by pages.
func (s *Server) list(w http.ResponseWriter, r *http.Request) error {
	in := struct {
		Prefix string `json:"prefix"`
		Limit  int    `json:"limit"`
		Offset int    `json:"offset"`
		SortBy struct {
			Column string `json:"column"`
			Order  string `json:"order"`
		} `json:"sortBy"`
	}{Limit: 100}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	folder := strings.TrimSuffix(in.Prefix, "/")
	if folder != "" {
		folder += "/"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []map[string]any{}
	last := ""
	for _, key := range s.sortedKeys() {
		rest, inside := strings.CutPrefix(key, folder)
		if !inside {
			continue
		}
		name, _, isFolder := strings.Cut(rest, "/")
		switch {
		case !isFolder:
			items = append(items, listed(name, s.objects[key]))
		case name != last:
			items = append(items, map[string]any{
				"name": name, "id": nil, "updated_at": nil, "created_at": nil, "last_accessed_at": nil, "metadata": nil,
			})
			last = name
		}
	}
	items = items[min(max(in.Offset, 0), len(items)):]
	items = items[:min(in.Limit, mostListed, len(items))]
	return writeJSON(w, items)
}

// listed describes an object in a listing.
func listed(name string, o object) map[string]any {
	return map[string]any{
		"name":       name,
		"id":         o.id,
		"created_at": o.created.UTC().Format(time.RFC3339Nano),
		"updated_at": o.modified.UTC().Format(time.RFC3339Nano),
		"metadata": map[string]any{
			"eTag": o.etag(), "size": len(o.bytes), "mimetype": o.mime, "contentLength": len(o.bytes),
			"lastModified": o.modified.UTC().Format(time.RFC3339), "httpStatusCode": http.StatusOK,
		},
	}
}

type twoKeys struct {
	Bucket      string `json:"bucketId"`
	Source      string `json:"sourceKey"`
	Destination string `json:"destinationKey"`
}

// move is POST /object/move. It replaces nothing.
func (s *Server) move(w http.ResponseWriter, r *http.Request) error {
	return s.transfer(w, r, true)
}

// copy is POST /object/copy. It replaces what is there.
func (s *Server) copy(w http.ResponseWriter, r *http.Request) error {
	return s.transfer(w, r, false)
}

func (s *Server) transfer(w http.ResponseWriter, r *http.Request, move bool) error {
	var in twoKeys
	if err := readJSON(r, &in); err != nil {
		return err
	}
	switch {
	case in.Bucket != Bucket:
		return errNoBucket
	case !validKey(in.Destination):
		return errInvalidKey(in.Destination)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, found := s.objects[in.Source]
	if !found {
		return errNoObject
	}
	if _, exists := s.objects[in.Destination]; exists && move {
		return errExists
	}
	s.put(in.Destination, object{bytes: o.bytes, mime: o.mime})
	if move {
		delete(s.objects, in.Source)
	}
	return writeJSON(w, map[string]string{"message": "Successfully moved"})
}
