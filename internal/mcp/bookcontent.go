package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// directoryBudget is how many bytes of text an agent gets of a directory at once.
const directoryBudget = 128 << 10

type readBookContentInput struct {
	placeInput
	At     string `json:"at"`
	Offset int    `json:"offset"`
	Limit  int    `json:"limit"`
	Cursor string `json:"cursor"`
}

// A readBookContentAnswer is a passage of a file, or the texts of a directory,
// which has Files in the place of everything else.
type readBookContentAnswer struct {
	Path          string          `json:"path"`
	Content       string          `json:"content"`
	FileSize      int64           `json:"file_size"`
	LastModified  time.Time       `json:"last_modified,omitzero"`
	Backend       string          `json:"storage_backend,omitempty"`
	FileHash      *sheaf.Digest   `json:"file_hash_sha256,omitempty"`
	Version       int             `json:"version,omitempty"`
	Layer         string          `json:"layer,omitempty"`   // of a user's own copy
	Metadata      json.RawMessage `json:"metadata,omitzero"` // the front matter
	MetadataError string          `json:"metadata_error,omitempty"`
	passageAnswer

	Files  []sheaf.BookText `json:"files,omitzero"` // in the order of their paths
	Cursor string           `json:"cursor,omitempty"`
}

func readBookContent(ctx context.Context, session *library.Session, in readBookContentInput) (answer readBookContentAnswer, err error) {
	at, err := moment(in.At)
	if err != nil {
		return answer, err
	}
	place := in.place()
	place.Path = strings.TrimSuffix(place.Path, "/")
	read, below, err := session.ReadContent(ctx, library.FileQuery{
		Place: place, At: at, Limit: library.DefaultPage, Cursor: in.Cursor,
	}, lines(in.Offset, in.Limit), directoryBudget)
	if err != nil {
		return answer, err
	}
	if read == nil {
		answer = readBookContentAnswer{Path: in.Path, Files: below.Texts, FileSize: below.Bytes, Cursor: below.Next}
		if answer.Truncated = below.Next != ""; answer.Truncated {
			answer.Next = "call again with this cursor"
		}
		return answer, nil
	}
	d := read.Document
	answer = readBookContentAnswer{
		Path: d.Path, FileSize: d.Size, LastModified: d.UpdatedAt, Backend: read.Backend, FileHash: &d.Digest,
		Version: d.Version, Layer: d.Layer, Metadata: read.FrontMatter.Metadata,
	}
	if read.FrontMatter.Error != "" {
		answer.MetadataError = fmt.Sprintf("line %d: %s", read.FrontMatter.Line, read.FrontMatter.Error)
	}
	download := url.URL{Path: "/books/" + in.BookID + "/content/" + d.Path}
	answer.Content, answer.passageAnswer, err = passage(read.Excerpt, d, download.EscapedPath())
	return answer, err
}
