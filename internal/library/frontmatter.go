package library

import (
	"io"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// FrontMatter reads what a Markdown text says of itself at its top. Other
// contents have none. What Reader has returned before is not usable afterwards.
func (c *Content) FrontMatter() (markup.FrontMatter, error) {
	if !isMarkdown(c.Document) {
		return frontMatter(c.Document, ""), nil
	}
	reader, err := c.Reader()
	if err != nil {
		return markup.FrontMatter{}, err
	}
	const fences = 64 // bytes enough for the lines that enclose it
	var top strings.Builder
	top.Grow(int(min(c.Document.Size, markup.MaxFrontMatter+fences)))
	if _, err := io.CopyN(&top, reader, markup.MaxFrontMatter+fences); err != nil && err != io.EOF {
		return markup.FrontMatter{}, err
	}
	return frontMatter(c.Document, top.String()), nil
}

// frontMatter returns the front matter of a document's text, of which the
// beginning is enough.
func frontMatter(d sheaf.Document, text string) markup.FrontMatter {
	if !isMarkdown(d) { // YAML begins in the same way
		text = ""
	}
	return markup.ParseFrontMatter(text)
}

func isMarkdown(d sheaf.Document) bool {
	return strings.HasPrefix(d.MIME, "text/markdown") || strings.HasPrefix(d.MIME, "text/mdx")
}
