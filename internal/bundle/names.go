package bundle

import (
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/sheaf-dev/sheaf"
)

const (
	maxSegment   = 255  // bytes of a name that every file system allows
	maxNamePath  = 1024 // bytes of a path that is made of a name
	maxExtension = 16   // bytes of what is taken for a filename's extension
	unnamed      = "unnamed"
)

// UniqueNames makes paths of the names of free documents: the i-th path is for
// the i-th name. They can be extracted on Linux, macOS and Windows side by side,
// and are accepted by [NewArchive].
//
// A slash separates directories. Characters that a system reserves become "_",
// and of names that a system takes for the same (they differ in case, or in how
// accents are composed) all but the first get a number: "name (2).ext". A name
// stays as it is where it can. No path is one of reserved, which are paths of
// other entries of the archive. The result depends on nothing but the arguments,
// and names that are unique and safe already are returned unchanged.
func UniqueNames(names []string, reserved ...string) []string {
	t := takenNames{
		reserved: make(map[string]bool, len(reserved)),
		taken:    make(map[string]bool, len(names)),
		next:     make(map[string]int),
	}
	for _, name := range reserved {
		t.reserved[PathKey(name)] = true
	}
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = t.safePath(name)
	}
	// A file cannot be where a directory is, and a name as it was given comes
	// before one that would get a number only by chance: so these two first.
	for _, p := range paths {
		t.takeDirs(p)
	}
	var again []int
	for i, p := range paths {
		if !t.take(p) {
			again = append(again, i)
		}
	}
	for _, i := range again {
		paths[i] = t.takeNumbered(paths[i])
	}
	return paths
}

// takenNames are the paths that are used, by their keys: paths with the same key
// are the same file to some system.
type takenNames struct {
	reserved map[string]bool // paths of other entries
	taken    map[string]bool // paths of files and directories
	next     map[string]int  // the number to try for the next file that wants the path
}

// take takes a path for a file unless it is taken.
func (t *takenNames) take(p string) bool {
	key := PathKey(p)
	if t.taken[key] || t.reserved[key] {
		return false
	}
	t.taken[key] = true
	return true
}

// takeDirs takes the paths of the directories that p is in.
func (t *takenNames) takeDirs(p string) {
	for i := range len(p) {
		if p[i] == '/' {
			t.taken[PathKey(p[:i])] = true
		}
	}
}

// takeNumbered takes the first path like p, with a number, that is free.
func (t *takenNames) takeNumbered(p string) string {
	dir, name := path.Split(p)
	key := PathKey(p)
	for n := max(t.next[key], 2); ; n++ {
		if numbered := dir + withSuffix(name, " ("+strconv.Itoa(n)+")"); t.take(numbered) {
			t.next[key] = n + 1
			return numbered
		}
	}
}

// safePath returns a path like name that can be extracted anywhere, were it the
// only one. No directory of it is a reserved path.
func (t *takenNames) safePath(name string) string {
	var p string
	for segment := range strings.SplitSeq(name, "/") {
		if segment = safeSegment(segment); segment == "" {
			continue
		}
		if p == "" {
			p = segment
			continue
		}
		for t.reserved[PathKey(p)] {
			p += "_"
		}
		p += "/" + segment
	}
	switch {
	case p == "":
		return unnamed
	case len(p) > maxNamePath:
		return path.Base(p)
	}
	return p
}

// safeSegment returns a name like segment that every file system allows, empty
// if nothing is left of it.
func safeSegment(segment string) string {
	segment = strings.Map(func(r rune) rune {
		if isUnsafe(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(segment, "_"))
	segment = trim(segment)
	if isDevice(segment) {
		segment = "_" + segment
	}
	if len(segment) > maxSegment {
		segment = trim(withSuffix(segment, ""))
	}
	return segment
}

// isUnsafe reports whether a name should not have the character: Windows
// reserves it, it is not for printing, or it makes a name read backwards, so
// that "gpj.exe" shows as "exe.jpg".
func isUnsafe(r rune) bool {
	return strings.ContainsRune(`<>:"|?*\`, r) || breaksLine(r) || unicode.Is(unicode.Bidi_Control, r)
}

// trim takes off what Windows drops from the end of a name, and white space
// that nobody sees.
func trim(segment string) string {
	segment = strings.TrimLeftFunc(segment, unicode.IsSpace)
	return strings.TrimRightFunc(segment, func(r rune) bool { return r == '.' || unicode.IsSpace(r) })
}

// isDevice reports whether Windows takes a name for a device, which it does
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
	return isPort && len([]rune(port)) == 1 && strings.Contains("0123456789¹²³", port)
}

// withSuffix puts a suffix between a filename and its extension, and shortens
// the former so that all is at most maxSegment bytes.
func withSuffix(name, suffix string) string {
	extension := path.Ext(name)
	stem := name[:len(name)-len(extension)]
	if stem == "" || len(extension) > maxExtension || strings.ContainsRune(extension, ' ') {
		stem, extension = name, ""
	}
	room := maxSegment - len(suffix) - len(extension)
	if len(stem) > room {
		stem = strings.ToValidUTF8(stem[:room], "")
	}
	return stem + suffix + extension
}

// NameOf returns the name that a document should have among others, for
// [UniqueNames]: its path in a book; else its name if that is a path to a file of
// its filename, as those of a directory that was pushed are; else its filename,
// whose extension says to programs what the file is.
func NameOf(d sheaf.Document) string {
	switch {
	case d.Path != "":
		return d.Path
	case strings.HasSuffix(d.Name, "/"+d.Filename):
		return d.Name
	}
	return d.Filename
}
