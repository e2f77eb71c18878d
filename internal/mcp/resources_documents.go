package mcp

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

const (
	documentURI = "sheaf://documents/"

	// maxResource is how many bytes a resource may have: whoever attaches one
	// gets all of it at once.
	maxResource = 4 << 20
)

// documentResources are documents, by their ids.
func documentResources() []resource {
	return []resource{{
		template: documentURI + "{id}",
		name:     "document", title: "Document",
		description: "A document by its id. Completion finds ids by a piece of the document's name, too.",
		toolset:     ToolsetDocuments, scope: sheaf.ScopeRead,
		read: readDocumentResource, complete: completeDocumentID,
	}}
}

func readDocumentResource(ctx context.Context, session *library.Session, uri string) (resourceContent, error) {
	id, err := documentID(strings.TrimPrefix(uri, documentURI))
	if err != nil {
		return resourceContent{}, err
	}
	content, err := session.OpenDocument(ctx, id, 0)
	if err != nil {
		return resourceContent{}, err
	}
	defer content.Close()
	return readResource(content)
}

// readResource returns a content as a resource.
func readResource(content *library.Content) (resourceContent, error) {
	d := content.Document
	if d.Size > maxResource {
		return resourceContent{}, sheaf.Errorf(sheaf.ErrTooLarge, "the document has %d bytes, a resource has at most %d", d.Size, maxResource).
			WithHint(fmt.Sprintf("read it in parts with read_document, or download it: GET /documents/%s", d.ID))
	}
	reader, err := content.Reader()
	if err != nil {
		return resourceContent{}, err
	}
	all, err := io.ReadAll(reader)
	return resourceContent{bytes: all, isText: utf8.Valid(all), mime: d.MIME}, err
}

// completeDocumentID finds documents by the beginning of the id or by a piece of
// the name, the newest first.
func completeDocumentID(ctx context.Context, session *library.Session, _, value string, _ map[string]string) (ids []string, more bool, err error) {
	value = strings.TrimSpace(value)
	query := library.DocumentQuery{Limit: maxCompletions}
	byID := strings.HasPrefix(value, "doc_")
	if byID {
		query.Limit = 10 * maxCompletions
	} else {
		query.Name = value
	}
	page, err := session.Documents(ctx, query)
	for _, document := range page.Documents {
		if !byID || strings.HasPrefix(string(document.ID), value) {
			ids = append(ids, string(document.ID))
		}
	}
	return ids, page.Next != "", err
}
