package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"

	"github.com/sheaf-dev/sheaf"
)

// stdinArgument stands for standard input among files, and for standard output.
const stdinArgument = "-"

// A source is something to push.
type source struct {
	path     string // where it is, as the user would write it
	name     string // of the document; empty: its filename
	filename string
	size     int64 // in bytes, -1 when it is known only once it was read
	open     func() (io.ReadCloser, error)
	err      error // why it cannot be pushed; then only path is set beside it
}

// sources yields what the arguments of push stand for: a file for itself, "-"
// for stdin, a directory for the regular files below it that chosen takes, in
// lexical order. A
// file found in a directory is named by its slash-separated path from there, the
// directory's own name first, as tar names it. What a directory holds besides
// files is not followed; skip is told of it.
func sources(arguments []string, stdin io.Reader, chosen globs, skip func(path, why string)) iter.Seq[source] {
	return func(yield func(source) bool) {
		for _, argument := range arguments {
			if argument == stdinArgument {
				open := func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil }
				if !yield(source{path: argument, size: -1, open: open}) {
					return
				}
				continue
			}
			info, err := os.Stat(argument)
			switch {
			case err != nil:
				if !yield(source{path: argument, err: missing(err)}) {
					return
				}
			case info.IsDir():
				if !walk(argument, chosen, skip, yield) {
					return
				}
			default:
				if !yield(fileSource(argument, argument, "", info)) {
					return
				}
			}
		}
	}
}

// fileSource is the file at real, which the user knows as shown.
func fileSource(real, shown, name string, info fs.FileInfo) source {
	size := int64(-1)
	if info.Mode().IsRegular() {
		size = info.Size()
	}
	return source{
		path:     shown,
		name:     name,
		filename: filepath.Base(real),
		size:     size,
		open:     func() (io.ReadCloser, error) { return os.Open(real) },
	}
}

// missing words the error of a file that cannot be looked at.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return sheaf.Errorf(sheaf.ErrNotFound, "there is no such file")
	}
	return err
}

// walk yields the files below dir and reports whether to go on.
func walk(dir string, chosen globs, skip func(path, why string), yield func(source) bool) bool {
	// A symlink that was named is followed, as everywhere; those found are not.
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return yield(source{path: dir, err: err})
	}
	named, err := filepath.Abs(dir) // "." and ".." have a name too
	if err != nil {
		return yield(source{path: dir, err: err})
	}
	goOn := true
	filepath.WalkDir(root, func(real string, entry fs.DirEntry, err error) error {
		relative, relErr := filepath.Rel(root, real)
		if relErr != nil {
			return relErr // cannot happen: real begins with root
		}
		shown := filepath.Join(dir, relative)
		switch {
		case err != nil:
			goOn = yield(source{path: shown, err: err})
		case relative != "." && !chosen.takes(filepath.ToSlash(relative), entry.IsDir()):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.IsDir():
			if isStore(real) {
				skip(shown, "the data directory of a store")
				return fs.SkipDir
			}
		case !entry.Type().IsRegular():
			skip(shown, kindOf(entry.Type()))
		default:
			info, err := entry.Info()
			if err != nil {
				goOn = yield(source{path: shown, err: missing(err)})
				break
			}
			goOn = yield(fileSource(real, shown, path.Join(filepath.Base(named), filepath.ToSlash(relative)), info))
		}
		if !goOn {
			return fs.SkipAll
		}
		return nil
	})
	return goOn
}

// isStore reports whether dir is a data directory: pushing a store into itself
// would never end well.
func isStore(dir string) bool {
	for _, name := range []string{"documents.db", "blobs"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// kindOf says what a file is that is not a regular one.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return fmt.Sprintf("not a regular file (%s)", mode)
}
