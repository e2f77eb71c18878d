package library

import (
	"io"
	"strings"

	"github.com/sheaf-dev/sheaf/internal/markup"
)

// FrontMatter reads what a Markdown text says of itself at its top. Other
// contents have none. What Reader has returned before is not usable afterwards.
func (c *Content) FrontMatter() (markup.FrontMatter, error) {
	if !strings.HasPrefix(c.Document.MIME, "text/markdown") && !strings.HasPrefix(c.Document.MIME, "text/mdx") {
		return markup.ParseFrontMatter(""), nil
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
	return markup.ParseFrontMatter(top.String()), nil
}
