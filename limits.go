package sheaf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits bound what a document may be. Every one is configurable.
type Limits struct {
	Content     int64 // bytes of a content
	Name        int   // bytes of a name or filename
	Description int   // characters
	Tags        int   // tags of one document
	Tag         int   // characters of a tag
	Metadata    int   // bytes of JSON
	Path        int   // bytes of a path
	Segment     int   // bytes of one segment of a path
	Message     int   // characters of a change's message
	Page        int   // documents of one page of a listing
	Note        int   // characters of a relation's note
	Relations   int   // relations of one document
	Tree        int   // documents that are looked at along relations: to find a cycle, or what to delete with a parent

	ArchiveIDs       int   // documents that one request for an archive names
	ArchiveDocuments int   // documents of one archive
	BatchFiles       int   // files of one batch
	BatchBytes       int64 // bytes of their contents together
	Bulk             int   // documents that one call tags, moves, deletes or restores

	Pattern      int   // bytes of a regular expression
	Matches      int   // lines that one search answers with
	ContextLines int   // lines before and behind each
	Searched     int64 // bytes of a content that is searched; larger ones are skipped

	Asset       int64 // bytes of an asset
	AssetDirect int64 // bytes from which an asset is not sent within a call of a tool, but uploaded in two steps
	Uploads     int   // uploads in two steps that one principal has open
	UploadBytes int64 // bytes of all of them together
}

// DefaultLimits are the limits of a store that configures none.
func DefaultLimits() Limits {
	return Limits{
		Content:     1 << 30,
		Name:        255,
		Description: 10_000,
		Tags:        64,
		Tag:         64,
		Metadata:    16 << 10,
		Path:        1024,
		Segment:     255,
		Message:     10_000,
		Page:        1000,
		Note:        1000,
		Relations:   1000,
		Tree:        1000,

		ArchiveIDs:       1000,
		ArchiveDocuments: 100_000,
		BatchFiles:       1000,
		BatchBytes:       1 << 30,
		Bulk:             1000,

		Pattern:      1000,
		Matches:      1000,
		ContextLines: 20,
		Searched:     4 << 20,

		Asset:       100 << 20,
		AssetDirect: 10 << 20,
		Uploads:     100,
		UploadBytes: 2 << 30,
	}
}

// CheckName checks a document's name. It is content, so that it is not trimmed;
// it has to be printable in one line all the same.
func (l Limits) CheckName(field, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return Invalid(field, field+" is empty")
	case len(name) > l.Name:
		return Invalid(field, fmt.Sprintf("%s has %d bytes, the limit is %d", field, len(name), l.Name))
	}
	return checkLine(field, name)
}

// CheckDescription checks a description, which may have several lines.
func (l Limits) CheckDescription(description string) error {
	if n := utf8.RuneCountInString(description); n > l.Description {
		return Invalid("description", fmt.Sprintf("description has %d characters, the limit is %d", n, l.Description))
	}
	return checkText("description", description)
}

// CheckMessage checks the message of a change.
func (l Limits) CheckMessage(message string) error {
	if n := utf8.RuneCountInString(message); n > l.Message {
		return Invalid("message", fmt.Sprintf("message has %d characters, the limit is %d", n, l.Message))
	}
	return checkText("message", message)
}

// CheckNote checks the note of a relation.
func (l Limits) CheckNote(note string) error {
	if n := utf8.RuneCountInString(note); n > l.Note {
		return Invalid("note", fmt.Sprintf("note has %d characters, the limit is %d", n, l.Note))
	}
	return checkText("note", note)
}

// CleanTags trims the tags, drops empty ones and keeps each once, in the order
// given. The result is never nil.
func (l Limits) CleanTags(tags []string) ([]string, error) {
	clean := make([]string, 0, len(tags))
	var errs []error
next:
	for _, tag := range tags {
		tag = strings.TrimSpace(tag)
		if tag == "" {
			continue
		}
		for _, have := range clean {
			if have == tag {
				continue next
			}
		}
		if n := utf8.RuneCountInString(tag); n > l.Tag {
			errs = append(errs, Invalid("tags", fmt.Sprintf("the tag %q has %d characters, the limit is %d", Clip(tag), n, l.Tag)))
			continue
		}
		if strings.Contains(tag, ",") {
			errs = append(errs, Invalid("tags", fmt.Sprintf("the tag %q has a comma, which separates tags", Clip(tag))))
			continue
		}
		if err := checkLine("tags", tag); err != nil {
			errs = append(errs, err)
			continue
		}
		if clean = append(clean, tag); len(clean) > l.Tags {
			errs = append(errs, Invalid("tags", fmt.Sprintf("a document has at most %d tags", l.Tags)))
			break
		}
	}
	return clean, InvalidFields(errs...)
}

// SplitTags splits tags as they stand in a form or a query: separated by commas.
func SplitTags(tags string) []string {
	if tags == "" {
		return nil
	}
	return strings.Split(tags, ",")
}

// CleanMetadata checks that metadata is a JSON object and returns it without
// insignificant white space; nothing is the empty object.
func (l Limits) CleanMetadata(metadata []byte) (json.RawMessage, error) {
	if len(bytes.TrimSpace(metadata)) == 0 {
		return json.RawMessage("{}"), nil
	}
	if len(metadata) > l.Metadata {
		return nil, Invalid("metadata", fmt.Sprintf("metadata has %d bytes, the limit is %d", len(metadata), l.Metadata))
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, metadata); err != nil || compact.Bytes()[0] != '{' {
		return nil, Invalid("metadata", `metadata is not a JSON object, such as {"status":"draft"}`)
	}
	if !utf8.Valid(compact.Bytes()) || hasEscapedNUL(compact.Bytes()) {
		return nil, Invalid("metadata", "metadata has text that is not valid UTF-8, or a NUL")
	}
	return compact.Bytes(), nil
}

// hasEscapedNUL reports whether a string in a JSON text has the character NUL.
func hasEscapedNUL(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(text[i:], []byte(`\u0000`)) {
			return true
		}
		i++ // what is escaped may be a backslash itself
	}
	return false
}

// CleanFilename takes the last element of an uploaded file's name, whichever
// separator it was written with: directories on the sender's machine are
// nobody's business here, and "../" must not mean anything.
func (l Limits) CleanFilename(filename string) (string, error) {
	filename = filename[strings.LastIndexAny(filename, `/\`)+1:]
	switch strings.TrimSpace(filename) {
	case "", ".", "..":
		return "", Invalid("file", "the file has no filename")
	}
	if len(filename) > l.Name {
		return "", Invalid("file", fmt.Sprintf("the filename has %d bytes, the limit is %d", len(filename), l.Name))
	}
	if err := checkLine("file", filename); err != nil {
		return "", Invalid("file", "the filename has control characters or is not valid UTF-8")
	}
	return filename, nil
}

// CheckPath checks a path in a book: relative, clean, with "/" between segments.
func (l Limits) CheckPath(p string) error {
	invalid := func(why string) error { return Invalid("path", fmt.Sprintf("the path %q %s", Clip(p), why)) }
	switch {
	case p == "":
		return Invalid("path", "path is empty")
	case len(p) > l.Path:
		return Invalid("path", fmt.Sprintf("the path has %d bytes, the limit is %d", len(p), l.Path))
	case strings.HasPrefix(p, "/"):
		return invalid("starts with a slash; paths are relative to the collection")
	case strings.Contains(p, `\`):
		return invalid("has a backslash; segments are separated by a slash")
	case len(p) > 1 && p[1] == ':' && unicode.IsLetter(rune(p[0])):
		return invalid("starts with the name of a drive; paths are relative to the collection")
	case path.Clean(p) != p || p == "." || p == ".." || strings.HasPrefix(p, "../"):
		return invalid("is not clean: leave out empty segments, . and ..")
	}
	for segment := range strings.SplitSeq(p, "/") {
		if len(segment) > l.Segment {
			return invalid(fmt.Sprintf("has a segment of %d bytes, the limit is %d", len(segment), l.Segment))
		}
		if segment != strings.TrimSpace(segment) {
			return invalid("has a segment that starts or ends with white space")
		}
		if isDevice(segment) {
			return invalid(fmt.Sprintf("has the segment %q, which Windows takes for a device", Clip(segment)))
		}
	}
	return checkLine("path", p)
}

// isDevice reports whether Windows takes a segment for a device, which it does
// whatever its extension.
func isDevice(segment string) bool {
	base, _, _ := strings.Cut(segment, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, isPort := strings.CutPrefix(base, "COM")
	if !isPort {
		port, isPort = strings.CutPrefix(base, "LPT")
	}
	return isPort && utf8.RuneCountInString(port) == 1 && strings.Contains("123456789¹²³", port)
}

// checkLine refuses text that is not one printable line: what would break a
// header, a log line or a terminal.
func checkLine(field, s string) error {
	if !utf8.ValidString(s) {
		return Invalid(field, field+" is not valid UTF-8")
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return Invalid(field, fmt.Sprintf("%s has the control character %U", field, r))
		}
	}
	return nil
}

// checkText refuses NUL and invalid UTF-8 in text of several lines.
func checkText(field, s string) error {
	if !utf8.ValidString(s) {
		return Invalid(field, field+" is not valid UTF-8")
	}
	if strings.ContainsRune(s, 0) {
		return Invalid(field, field+" has a NUL character")
	}
	return nil
}
