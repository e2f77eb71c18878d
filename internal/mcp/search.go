package mcp

import (
	"context"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// defaultHits is how many documents a search answers with unless asked for more.
const defaultHits = 20

// searchTools are the tools that look into contents.
func searchTools(limits sheaf.Limits) []tool {
	return []tool{
		newLongTool(definition{
			name: "search", title: "Search documents", toolset: ToolsetDocuments, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Finds documents by words in names, tags, descriptions and texts, the best first. All words have to occur.",
		}, []field{
			identifier("query", "Words, in any case").must().between(1, 1000),
			collectionField(),
			number("limit", "Documents; 20 unless given", 1, limits.Page),
		}, search),
	}
}

type searchInput struct {
	Query      string `json:"query"`
	Collection string `json:"collection"`
	Limit      int    `json:"limit"`
}

type searchAnswer struct {
	Hits      []searchHit `json:"hits"`
	Total     int         `json:"total"`
	Scanned   int         `json:"documents_searched"`
	Truncated bool        `json:"truncated"`
	Next      string      `json:"next,omitempty"` // how to get the rest
}

type searchHit struct {
	DocumentID  sheaf.DocumentID `json:"document_id"`
	Name        string           `json:"name"`
	Collection  string           `json:"collection"`
	Tags        []string         `json:"tags"`
	Description string           `json:"description,omitempty"`
	FileSize    int64            `json:"file_size"`
	Line        int              `json:"line_number,omitempty"`
	Excerpt     string           `json:"excerpt,omitempty"`
}

func search(ctx context.Context, session *library.Session, in searchInput, report progress) (searchAnswer, error) {
	if in.Limit == 0 {
		in.Limit = defaultHits
	}
	found, err := session.Search(ctx, library.SearchQuery{
		Text: in.Query, Collection: in.Collection, Limit: in.Limit,
		Progress: func(scanned int) { report(scanned, 0, "documents searched") },
	})
	if err != nil {
		return searchAnswer{}, err
	}
	answer := searchAnswer{
		Hits: make([]searchHit, len(found.Hits)), Total: found.Found, Scanned: found.Scanned,
		Truncated: found.Truncated || found.Found > len(found.Hits),
	}
	for i, hit := range found.Hits {
		d := hit.Document
		answer.Hits[i] = searchHit{
			DocumentID: d.ID, Name: d.Name, Collection: string(d.Collection), Tags: d.Tags, Description: d.Description,
			FileSize: d.Size, Line: hit.Line, Excerpt: hit.Excerpt,
		}
	}
	switch {
	case found.Truncated:
		answer.Next = "there was no time to look at all documents: name a collection, or filter with query_documents"
	case answer.Truncated:
		answer.Next = "add words, or call again with a larger limit"
	}
	return answer, nil
}
