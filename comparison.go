package sheaf

// A Comparison says in which lines two texts differ.
//
// Lines keep their line ending; only the last one of a text may lack it. Bytes
// that are not valid UTF-8 are kept, and become U+FFFD in JSON.
type Comparison struct {
	Binary  bool   `json:"binary"`        // the contents differ and are not text; there are no hunks
	Added   int    `json:"lines_added"`   // lines that only the new text has
	Removed int    `json:"lines_removed"` // lines that only the old text has
	Hunks   []Hunk `json:"hunks"`         // in order; never nil, empty for equal texts
}

// A Hunk is a run of lines around changes that are near each other. Its place
// in each text is given as in a unified diff: the first line, counted from 1,
// and how many there are. Where there are none, the first line is the one
// before the place, 0 at the top.
type Hunk struct {
	OldStart int        `json:"old_start"`
	OldLines int        `json:"old_lines"`
	NewStart int        `json:"new_start"`
	NewLines int        `json:"new_lines"`
	Lines    []HunkLine `json:"lines"`
}

// A HunkLine is a line of a hunk: in both texts, removed, or added.
type HunkLine struct {
	Op   LineOp `json:"op"`
	Text string `json:"text"`
}

// A LineOp says in which of two texts a line is.
type LineOp string

const (
	LineKept    LineOp = " "
	LineRemoved LineOp = "-"
	LineAdded   LineOp = "+"
)

// A Merge is the outcome of merging two texts that come from the same base:
// what a document has become meanwhile, its head, and what somebody wants to
// write, yours.
type Merge struct {
	Clean     bool       `json:"clean"`
	Binary    bool       `json:"binary"`         // a content is not text; nothing was merged
	Text      string     `json:"text,omitempty"` // the merged text, with conflict markers unless it is clean
	Conflicts []Conflict `json:"conflicts"`      // in order; never nil
}

// A Conflict is a place where head and yours changed the base differently.
type Conflict struct {
	Base  ConflictSide `json:"base"`
	Head  ConflictSide `json:"head"`
	Yours ConflictSide `json:"yours"`
}

// A ConflictSide is what a text has at the place of a conflict. Its lines begin
// at Line, counted from 1; where there are none, they would.
type ConflictSide struct {
	Line  int      `json:"line"`
	Lines []string `json:"lines"` // with their line endings; never nil
}

// A VersionComparison says in which lines two versions of a document differ.
type VersionComparison struct {
	From     int    `json:"from"`
	To       int    `json:"to"`
	OldLabel string `json:"old_label"`
	NewLabel string `json:"new_label"`
	Comparison
}
