package sheaf

import "time"

// A GlobFile is a file of a book whose path matches a pattern.
type GlobFile struct {
	Book      Slug      `json:"book_id"`
	Path      string    `json:"file_path"` // relative to the book
	Size      int64     `json:"file_size"`
	UpdatedAt time.Time `json:"last_modified"`
}

// A GlobResult is the files whose paths match a pattern, or a page of them.
type GlobResult struct {
	Files     []GlobFile `json:"files"` // by book and path; never nil
	Total     int        `json:"total"` // on all pages; of those that were looked at when time was over
	Truncated bool       `json:"truncated"`
	Cursor    string     `json:"cursor,omitempty"` // of the next page
	Hint      string     `json:"hint,omitempty"`   // how to go on, or what to try instead
}

// A GrepMatch is a line of a file of a book that matches a regular expression.
type GrepMatch struct {
	Book    Slug   `json:"book_id"`
	Path    string `json:"file_path"`            // relative to the book
	Line    int    `json:"line_number"`          // counted from 1
	Content string `json:"matched_line_content"` // with … in place of what is left out of a long line

	// The lines around it, absent unless asked for.
	Before []string `json:"context_before,omitzero"`
	After  []string `json:"context_after,omitzero"`
}

// A GrepResult is the lines that match a regular expression, as many as were
// asked for.
type GrepResult struct {
	Matches       []GrepMatch `json:"matches"`       // by book, path and line; never nil
	TotalMatches  int         `json:"total_matches"` // lines that match in the files that were searched
	FilesSearched int         `json:"files_searched"`
	FilesSkipped  int         `json:"files_skipped"` // no texts, too large, or not readable
	Truncated     bool        `json:"truncated"`     // not all that could match was searched, or is among the matches
	Hint          string      `json:"hint,omitempty"`
}
