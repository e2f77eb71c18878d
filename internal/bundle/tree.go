package bundle

import "strings"

// A Dir is a directory of a tree of files. Directories are only what paths say:
// there is none without a file below it, but for the root of an empty tree.
type Dir struct {
	Name  string `json:"name"` // the last segment of its path; empty for the root
	Count int    `json:"file_count"`
	Size  int64  `json:"size"`            // bytes of all files in it and below
	Dirs  []*Dir `json:"dirs,omitempty"`  // sorted as their paths with a slash
	Files []File `json:"files,omitempty"` // those that are in it itself, sorted by path
}

// NewTree returns the root of the tree of files.
func NewTree(files []File) *Dir {
	root := &Dir{}
	for _, f := range sortedFiles(files) {
		dir := root
		dir.count(f)
		segments := strings.Split(f.Path, "/")
		for _, name := range segments[:len(segments)-1] {
			dir = dir.last(name)
			dir.count(f)
		}
		dir.Files = append(dir.Files, f)
	}
	return root
}

// Find returns the directory at a path, without a slash at its end, below d; nil
// when there is none. The empty path is d itself.
func (d *Dir) Find(path string) *Dir {
	if path == "" {
		return d
	}
	name, rest, _ := strings.Cut(path, "/")
	for _, dir := range d.Dirs {
		if dir.Name == name {
			return dir.Find(rest)
		}
	}
	return nil
}

// last returns the directory called name in d. Paths that begin alike stand
// together when sorted, so that it is the last there is, or new.
func (d *Dir) last(name string) *Dir {
	if n := len(d.Dirs); n > 0 && d.Dirs[n-1].Name == name {
		return d.Dirs[n-1]
	}
	dir := &Dir{Name: name}
	d.Dirs = append(d.Dirs, dir)
	return dir
}

func (d *Dir) count(f File) {
	d.Count++
	d.Size += f.Size
}
