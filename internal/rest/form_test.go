package rest

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// keep reads a content into memory, as the spool would.
func keep(into *[]byte) receiver {
	return func(content io.Reader) (_ *library.Upload, _, err error) {
		*into, err = io.ReadAll(content)
		return nil, nil, err
	}
}

// The form that httpx sends, byte for byte: fields before the file.
func TestFormOfTheSeedsClient(t *testing.T) {
	const boundary = "4a3c5e0b8f8e4b9d9a0b1c2d3e4f5a6b"
	body := strings.ReplaceAll(`--BOUNDARY
Content-Disposition: form-data; name="name"

System Architecture
--BOUNDARY
Content-Disposition: form-data; name="tags"

design,docs
--BOUNDARY
Content-Disposition: form-data; name="description"


--BOUNDARY
Content-Disposition: form-data; name="file"; filename="architecture.md"
Content-Type: text/markdown

# Architecture
--BOUNDARY--
`, "BOUNDARY", boundary)
	body = strings.ReplaceAll(body, "\n", "\r\n")
	var content []byte
	f, err := readForm(strings.NewReader(body), boundary, uploadFields(sheaf.DefaultLimits()), 1, keep(&content))
	if err != nil {
		t.Fatal(err)
	}
	if f.files[0].filename != "architecture.md" || string(content) != "# Architecture" || f.values["name"] != "System Architecture" ||
		f.values["tags"] != "design,docs" || f.values["description"] != "" {
		t.Errorf("form: %+v with the content %q", f, content)
	}
}

// A spool that fails is not the sender's fault.
func TestFormWhoseFileCannotBeKept(t *testing.T) {
	body, contentType := formOf(part{"file", "f", "content"})
	boundary, err := parseBoundary(contentType)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the spool is broken")
	_, err = readForm(body, boundary, nil, 1, func(content io.Reader) (*library.Upload, error, error) {
		io.Copy(io.Discard, content)
		return nil, nil, broken
	})
	if err != broken {
		t.Errorf("readForm: %v, want the spool's error", err)
	}
}

// Programs that build forms themselves copy filenames as they are, and are told
// what was wrong with one.
func TestFormWithControlCharactersInAHeader(t *testing.T) {
	for _, filename := range []string{"a\x00b", "a\rb", "a\x1b[2Jb", "a\nb", "a\r\nb"} {
		body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + filename + "\"\r\n\r\ncontent\r\n--b--\r\n"
		var content []byte
		_, err := readForm(strings.NewReader(body), "b", uploadFields(sheaf.DefaultLimits()), 1, keep(&content))
		var e *sheaf.Error
		if !errors.As(err, &e) || e.Kind != sheaf.ErrInvalid || !strings.Contains(e.Message, "control character") || !strings.Contains(e.Hint, "filename") {
			t.Errorf("a file called %q: %v, want an error that names control characters, with a hint", filename, err)
		}
	}
}

// Whatever a form says, it is refused as invalid or read, and what is read is
// what mime/multipart finds in it. It does not hang and keeps nothing large.
func FuzzForm(f *testing.F) {
	good, contentType := formOf(part{name: "name", value: "n"}, part{"file", "f.txt", "content\r\n--"}, part{name: "tags", value: "a,b"})
	boundary, _ := parseBoundary(contentType)
	whole, _ := io.ReadAll(good)
	f.Add(whole, boundary)
	f.Add(whole[:len(whole)/2], boundary)
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''%E2%82%AC\r\n\r\nx\r\n--b--"), "b")
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=file; filename=\"a\x00\\\"b\"\r\n\r\n\r\n--b--\r\nepilogue"), "b")
	fields := uploadFields(sheaf.DefaultLimits())
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		if boundary == "" || len(boundary) > maxBoundary {
			return
		}
		var content []byte
		read, err := readForm(bytes.NewReader(body), boundary, fields, 1, keep(&content))
		if err != nil {
			if sheaf.KindOf(err) != sheaf.ErrInvalid {
				t.Errorf("%v, want invalid", err)
			}
			return
		}
		for name, value := range read.values {
			if int64(len(value)) > 2*findField(fields, name).limit+slack {
				t.Errorf("%s has %d bytes", name, len(value))
			}
		}
		parts := multipart.NewReader(bytes.NewReader(body), boundary)
		for {
			part, err := parts.NextPart()
			if err != nil {
				break
			}
			if part.FormName() == fileField {
				if want, _ := io.ReadAll(part); !bytes.Equal(want, content) {
					t.Errorf("the file is %q, want %q", content, want)
				}
			}
		}
	})
}

func FuzzBoundary(f *testing.F) {
	f.Add("multipart/form-data; boundary=b")
	f.Add(`multipart/form-data; boundary="a b"`)
	f.Add("multipart/form-data")
	f.Fuzz(func(t *testing.T, contentType string) {
		boundary, err := parseBoundary(contentType)
		if err == nil && (boundary == "" || len(boundary) > maxBoundary) {
			t.Errorf("%q: boundary %q", contentType, boundary)
		}
	})
}

func BenchmarkForm(b *testing.B) {
	body, contentType := formOf(part{name: "name", value: "n"}, part{name: "tags", value: "a,b"}, part{name: "description", value: ""}, part{"file", "f.txt", strings.Repeat("x", 10<<10)})
	whole, _ := io.ReadAll(body)
	fields := uploadFields(sheaf.DefaultLimits())
	b.SetBytes(int64(len(whole)))
	for b.Loop() {
		boundary, err := parseBoundary(contentType)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := readForm(bytes.NewReader(whole), boundary, fields, 1, func(content io.Reader) (*library.Upload, error, error) {
			_, err := io.Copy(io.Discard, content)
			return nil, nil, err
		}); err != nil {
			b.Fatal(err)
		}
	}
}
