package cli

import (
	"path/filepath"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
)

// maxFilename is the most bytes that file systems allow in one name.
const maxFilename = 255

// safeFilename returns what to call a document's file here. A filename comes
// from whoever pushed the document, so that nothing of it may act: it is no
// path, has no control characters and names no device. What is left of nothing
// is the id.
func safeFilename(filename string, id sheaf.DocumentID) string {
	filename = filename[strings.LastIndexAny(filename, `/\`)+1:]
	var b strings.Builder
	for _, r := range filename {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || runtime.GOOS == "windows" && strings.ContainsRune(`<>:"|?*`, r) {
			r = '_'
		}
		if b.Len()+utf8.RuneLen(r) > maxFilename {
			break
		}
		b.WriteRune(r)
	}
	safe := b.String()
	if runtime.GOOS == "windows" {
		safe = strings.TrimRight(safe, ". ") // Windows drops them silently
	}
	switch {
	case safe == "" || safe == "." || safe == "..":
		return string(id)
	case !filepath.IsLocal(safe):
		return "_" + safe // a device of Windows, such as CON or NUL.txt
	}
	return safe
}

// treePath returns the local path, below some directory, of a document that is
// named by a path, as `sheaf push` names the files of a directory.
func treePath(name string) (string, error) {
	local, err := filepath.Localize(name)
	if err != nil || local == "." {
		return "", sheaf.Errorf(sheaf.ErrInvalid, "the name %q is no relative path that a file can have here", name).
			WithHint("leave out --names to use the original filename")
	}
	return local, nil
}
