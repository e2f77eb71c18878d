package sheaf

// An Edit changes a text at one place. It is exactly one of these:
//
//   - old_string and new_string: replaces an exact string. It has to occur once,
//     unless replace_all says to replace it wherever it occurs.
//   - start_line, end_line and new_string: replaces whole lines.
//   - insert_line and new_string: adds lines behind a line, or at the top.
//   - append, or prepend: adds lines at the end, or at the top.
//   - section and new_string: replaces what stands under a Markdown heading.
//
// Lines are counted from 1. Of several edits each sees the text as the ones
// before it have left it, its line numbers too.
type Edit struct {
	OldString  *string `json:"old_string,omitempty" doc:"The exact text to replace; has to occur once unless replace_all is set"`
	ReplaceAll bool    `json:"replace_all,omitempty" doc:"Replace every occurrence of old_string"`
	StartLine  *int    `json:"start_line,omitempty" doc:"The first line to replace, counted from 1"`
	EndLine    *int    `json:"end_line,omitempty" doc:"The last line to replace; start_line if missing"`
	InsertLine *int    `json:"insert_line,omitempty" doc:"The line behind which new_string is inserted; 0 is the top"`
	Append     *string `json:"append,omitempty" doc:"Lines to add at the end"`
	Prepend    *string `json:"prepend,omitempty" doc:"Lines to add at the top"`
	Section    *string `json:"section,omitempty" doc:"The Markdown heading, such as Install or ## Install, under which everything is replaced, its subsections too"`
	NewString  *string `json:"new_string,omitempty" doc:"What to put there; empty to delete"`
}
