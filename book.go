package sheaf

import "time"

// A Book is a collection of kind [KindBook] as the registry shows it: what is
// said of it, and what is counted of its paths.
type Book struct {
	ID          Slug   `json:"book_id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	BookSettings
	Backend   string           `json:"storage_backend"`
	Status    CollectionStatus `json:"status"`
	Policy    WritePolicy      `json:"write_policy"`
	Limits    CollectionLimits `json:"limits"`
	Retention Retention        `json:"retention"`
	CreatedAt time.Time        `json:"created_at"`
	BookCounts
	Revision  int64          `json:"revision"` // of its latest change
	Structure *BookStructure `json:"structure,omitempty"`
}

// BookSettings are what a book has beyond a collection.
type BookSettings struct {
	Author       string     `json:"author,omitempty"`
	Version      string     `json:"version,omitempty"` // as its author counts
	Layout       BookLayout `json:"layout,omitempty"`
	Patterns     []string   `json:"patterns,omitempty"`      // of LayoutPatterns: globs, one of which every path has to match
	PublicAssets bool       `json:"public_assets,omitempty"` // its assets are for anyone who knows their URL
}

// A BookLayout says where in a book what is to be.
type BookLayout string

const (
	LayoutFree       BookLayout = "free"       // anywhere
	LayoutDocusaurus BookLayout = "docusaurus" // content/NN-Part/NN-Chapter/NN-lesson.md, summaries beside, assets below assets or static
	LayoutPatterns   BookLayout = "patterns"   // where the book's patterns say
)

// BookCounts are counted of a book's paths whenever they are asked for.
type BookCounts struct {
	Lessons int64 `json:"lesson_count"` // Markdown files that are neither summaries nor assets
	Assets  int64 `json:"asset_count"`  // files below assets or static
	Files   int64 `json:"file_count"`   // all of them
	Size    int64 `json:"size_bytes"`   // of their current contents
}

// A BookStructure is what the paths of a book say of its parts and chapters, in
// the order of the paths.
type BookStructure struct {
	Parts     []BookPart `json:"parts"`     // never nil
	Truncated bool       `json:"truncated"` // there are more lessons than are shown
}

// A BookPart is a directory of chapters. Chapters that are in no part are those
// of a part without path.
type BookPart struct {
	Path     string        `json:"path"`
	Title    string        `json:"title"`
	Chapters []BookChapter `json:"chapters"` // never nil
}

// A BookChapter is a directory of lessons. Lessons that are in no chapter are
// those of a chapter without path.
type BookChapter struct {
	Path    string   `json:"path"`
	Title   string   `json:"title"`
	Lessons []string `json:"lessons"` // paths; never nil
}

// A BookFile is what is at a path of a book.
type BookFile struct {
	Path      string     `json:"path"`
	Document  DocumentID `json:"document_id"`
	Size      int64      `json:"size_bytes"`
	MIME      string     `json:"mime_type"`
	Digest    Digest     `json:"checksum_sha256"`
	Version   int        `json:"version"`
	UpdatedAt time.Time  `json:"updated_at"`
	Layer     string     `json:"layer,omitempty"`  // empty for the base
	Purged    bool       `json:"purged,omitempty"` // it was so once, and its content is gone for good
}

// An Overlay is somebody's own copy of what is at a path of a book, or what they
// have there alone.
type Overlay struct {
	BookFile
	UserID      string  `json:"user_id"`
	Stale       bool    `json:"stale"`                  // the base has another content now than the copy was made over
	MadeOver    *Digest `json:"made_over,omitempty"`    // nil: there was nothing
	CurrentBase *Digest `json:"current_base,omitempty"` // nil: there is nothing
}

// A LayoutViolation is a path that is not as a book's layout wants it.
type LayoutViolation struct {
	Path    string `json:"path"`
	Rule    string `json:"rule"` // such as "lesson_name"; stable
	Message string `json:"message"`
}

// A BookText is a file of a book as a reading of many has it.
type BookText struct {
	Path    string `json:"path"`
	Digest  Digest `json:"file_hash_sha256"`
	Version int    `json:"version"`
	Size    int64  `json:"size_bytes"`
	Content string `json:"content"`
	// Omitted says why there is no content: "not_text", "too_large" for the budget
	// of one reading, or "purged". It is empty when there is.
	Omitted string `json:"omitted,omitempty"`
}
