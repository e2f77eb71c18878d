package rest

import (
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A form is a multipart/form-data body with files and fields, which may come in
// any order. Values are as they were sent.
type form struct {
	files  []formFile
	values map[string]string
}

// A formFile is a file of a form.
type formFile struct {
	upload   *library.Upload // what receive made of it; the caller closes it, whatever readForm returns
	refused  error           // why there is no upload, if the form was read on nevertheless
	filename string          // with whatever path the sender wrote
}

// A formField is a field of a form beside its file.
type formField struct {
	name        string
	description string
	limit       int64  // bytes that a valid value has at most
	limitText   string // the limit in its own unit, for people

	// hold is asked for the memory of so many more bytes of the value; its error
	// ends reading. nil: all values together are small.
	hold func(bytes int) error
}

// uploadFields are the fields beside "file" that an upload may have.
func uploadFields(limits sheaf.Limits) []formField {
	return []formField{
		{name: "name", description: "What people call the document; the filename unless given", limit: int64(limits.Name), limitText: fmt.Sprintf("%d bytes", limits.Name)},
		{name: "tags", description: "Tags, separated by commas; each is kept once", limit: int64(limits.Tags * (limits.Tag + 1) * 4), limitText: fmt.Sprintf("%d tags of %d characters", limits.Tags, limits.Tag)},
		{name: "description", description: "What the document is about", limit: int64(limits.Description * 4), limitText: fmt.Sprintf("%d characters", limits.Description)},
		{name: "collection", description: "The collection to put it in; default unless given", limit: 50, limitText: "50 characters"},
		{name: "path", description: "Where in a book it belongs", limit: int64(limits.Path), limitText: fmt.Sprintf("%d bytes", limits.Path)},
		{name: "metadata", description: `A JSON object of your own, such as {"status":"draft"}`, limit: int64(limits.Metadata), limitText: fmt.Sprintf("%d bytes", limits.Metadata)},
		{name: "message", description: "Why the change is made, for the history", limit: int64(limits.Message * 4), limitText: fmt.Sprintf("%d characters", limits.Message)},
	}
}

// slack is how far over its limit a value is still read, so that the library
// can say in the limit's own unit how long it is.
const slack = 4 << 10

const (
	fileField = "file"
	// betweenParts bounds a boundary, a part's header and what is skipped
	// before them.
	betweenParts = 64 << 10
	maxBoundary  = 70 // RFC 2046
	maxFields    = 64 // parts that are no files
)

// parseBoundary returns the boundary of a multipart/form-data body.
func parseBoundary(contentType string) (string, error) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	if mediaType != "multipart/form-data" {
		return "", sheaf.Errorf(sheaf.ErrUnsupported, "the body has to be multipart/form-data, not %q", contentType).
			WithHint("for example: curl -F file=@notes.md http://127.0.0.1:8766/documents")
	}
	boundary := params["boundary"]
	if err != nil || boundary == "" || len(boundary) > maxBoundary {
		return "", sheaf.Invalid("Content-Type", fmt.Sprintf("Content-Type names no boundary of 1 to %d characters", maxBoundary)).
			WithHint("let the HTTP library set Content-Type: it knows the boundary it writes")
	}
	return boundary, nil
}

// A receiver takes in a file of a form as it streams in. An error ends reading;
// refused does not, when the file was read to its end all the same.
type receiver func(content io.Reader) (upload *library.Upload, refused, err error)

// readForm reads a whole form from body, handing its files, at least one and at
// most maxFiles, to receive. All fields that are wrong are reported at once, as
// far as the body can be read.
func readForm(body io.Reader, boundary string, fields []formField, maxFiles int, receive receiver) (form, error) {
	f := form{values: make(map[string]string, len(fields))}
	budget := &budgetReader{from: body}
	parts := multipart.NewReader(budget, boundary)
	files := 0 // those that are wrong included
	var wrong []error
	for n := 1; ; n++ {
		budget.budget = betweenParts
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err == nil && n > maxFiles+maxFields {
			err = sheaf.Invalid("body", fmt.Sprintf("the form has more than %d parts", maxFiles+maxFields))
		}
		if errors.Is(err, errOverBudget) && len(wrong) > 0 {
			break // what is skipped for a reason named already is too long to be read
		}
		if err != nil {
			return f, sheaf.InvalidFields(append(wrong, malformed(err))...)
		}
		name, filename, err := parseDisposition(part.Header)
		if err != nil {
			wrong = append(wrong, sheaf.Invalid("body", fmt.Sprintf("part %d: %v", n, err)))
			continue
		}
		if name == fileField {
			switch files++; {
			case files > maxFiles && maxFiles == 1:
				wrong = append(wrong, sheaf.Invalid(fileField, "the form has more than one file"))
				continue
			case filename == "":
				wrong = append(wrong, sheaf.Invalid(fileField, "the file has no filename"))
				continue
			}
			budget.budget = math.MaxInt64 // the library knows the limit of contents
			content := &failingReader{from: part}
			file := formFile{filename: filename}
			if file.upload, file.refused, err = receive(content); err != nil {
				if content.err != nil {
					err = malformed(content.err)
				}
				return f, err
			}
			f.files = append(f.files, file)
			continue
		}
		field := findField(fields, name)
		if field == nil {
			wrong = append(wrong, unknownField(name, fields))
			continue
		}
		if _, twice := f.values[name]; twice {
			wrong = append(wrong, sheaf.Invalid(name, name+" is given more than once"))
			continue
		}
		most := 2*field.limit + slack
		budget.budget = most + betweenParts
		value, err := io.ReadAll(&holdingReader{io.LimitReader(part, most+1), field.hold})
		if err != nil {
			return f, malformed(err)
		}
		f.values[name] = string(value)
		if int64(len(value)) > most {
			wrong = append(wrong, sheaf.Invalid(name, fmt.Sprintf("%s has more than %d bytes, the limit is %s", name, most, field.limitText)))
		}
	}
	if files == 0 && len(wrong) == 0 {
		wrong = append(wrong, sheaf.Invalid(fileField, "the form has no file"))
	}
	return f, sheaf.InvalidFields(wrong...)
}

// close closes the uploads.
func (f form) close() {
	for _, file := range f.files {
		if file.upload != nil {
			file.upload.Close()
		}
	}
}

// readEpilogue reads what follows a form, to the end of the body: net/http would
// read it otherwise, before it sends the answer, and wait for whoever announced
// more than they send.
func readEpilogue(body io.Reader) error {
	switch n, err := io.CopyN(io.Discard, body, betweenParts+1); {
	case n > betweenParts:
		return malformed(errOverBudget)
	case err != io.EOF:
		return malformed(err)
	}
	return nil
}

func findField(fields []formField, name string) *formField {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

func unknownField(name string, fields []formField) error {
	allowed := make([]string, 0, len(fields)+1)
	allowed = append(allowed, fileField)
	for _, field := range fields {
		allowed = append(allowed, field.name)
	}
	name = sheaf.Clip(name)
	return sheaf.Invalid(name, fmt.Sprintf("there is no field %q; the fields are %s", name, strings.Join(allowed, ", ")))
}

// parseDisposition returns the field's name and the file's name as they were
// sent. multipart.Part.FileName would apply filepath.Base, which knows only the
// separators of this machine.
func parseDisposition(header textproto.MIMEHeader) (name, filename string, err error) {
	disposition, params, err := mime.ParseMediaType(header.Get("Content-Disposition"))
	if err != nil || disposition != "form-data" || params["name"] == "" {
		return "", "", errors.New(`its Content-Disposition is not like form-data; name="file"; filename="notes.md"`)
	}
	return params["name"], params["filename"], nil
}

// malformed says what is wrong with a body that cannot be read to its end.
func malformed(err error) error {
	var e *sheaf.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, errOverBudget), errors.Is(err, multipart.ErrMessageTooLarge):
		return sheaf.Invalid("body", fmt.Sprintf("the multipart body has more than %d bytes outside the contents of its parts", betweenParts))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return sheaf.Invalid("body", "the multipart body is cut off before its end").
			WithHint("the upload was cut off; nothing was stored, send it again")
	}
	message, hint := "the multipart body is malformed", "let an HTTP library write it: boundaries and headers have their own rules"
	var header textproto.ProtocolError
	if errors.As(err, &header) {
		message = "a part's header has a line that is not like Name: value, or has a control character such as NUL, CR, LF or ESC"
		hint = "send another filename, which has to be one line of printable characters"
	}
	return &sheaf.Error{Kind: sheaf.ErrInvalid, Message: message, Hint: hint, Err: err,
		Fields: []sheaf.FieldError{{Field: "body", Message: message}}}
}

// A holdingReader asks for the memory of what it reads.
type holdingReader struct {
	from io.Reader
	hold func(bytes int) error // may be nil
}

// Read implements [io.Reader].
func (r *holdingReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if r.hold != nil && n > 0 {
		if err := r.hold(n); err != nil {
			return 0, err
		}
	}
	return n, err
}

// A failingReader remembers the error that ended the reader it reads from, so
// that a bad body can be told from a spool that fails.
type failingReader struct {
	from io.Reader
	err  error
}

// Read implements [io.Reader].
func (r *failingReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
