package mcp

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

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
		read: readDocumentResource, complete: completeDocumentID, list: listDocumentResources,
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
	return readResource(content, fmt.Sprintf("read it in parts with read_document, or download it: GET /documents/%s", id))
}

// listDocumentResources lists the newest documents.
func listDocumentResources(ctx context.Context, session *library.Session) ([]*sdk.Resource, error) {
	page, err := session.Documents(ctx, library.DocumentQuery{Limit: mostListed})
	listed := make([]*sdk.Resource, len(page.Documents))
	for i, d := range page.Documents {
		listed[i] = &sdk.Resource{
			URI: documentURI + string(d.ID), Name: d.Name, Description: d.Description, MIMEType: d.MIME, Size: d.Size,
		}
	}
	return listed, err
}

// readResource returns a content as a resource. The hint says how to get one that
// is too large.
func readResource(content *library.Content, hint string) (resourceContent, error) {
	d := content.Document
	if d.Size > maxResource {
		return resourceContent{}, sheaf.Errorf(sheaf.ErrTooLarge, "the content has %d bytes, a resource has at most %d", d.Size, maxResource).
			WithHint(hint)
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
