package agentconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/durable"
)

// maxFile is how many bytes a configuration may have. Claude Code keeps more
// than settings in its own.
const maxFile = 64 << 20

// An Outcome says what became of a file.
type Outcome struct {
	Changed bool
	Backup  string // where it is as it was; empty if there was none, or it is as it was
}

// Update changes the file at path by a function from what it holds, which is
// nothing if there is none, to what it is to hold. It appears whole or not at
// all, with the mode that it had, and what it was stays beside it under another
// name. A symbolic link stays one: the file it leads to is changed.
func Update(path string, edit func([]byte) ([]byte, error)) (Outcome, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	} else if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return Outcome{}, sheaf.Errorf(sheaf.ErrInvalid, "%s is a symbolic link that leads nowhere", path).WithHint("remove it, or make the file it names")
	}
	before, mode, err := read(path)
	if err != nil {
		return Outcome{}, err
	}
	after, err := edit(before)
	if err != nil {
		return Outcome{}, inFile(path, err)
	}
	if bytes.Equal(before, after) {
		return Outcome{}, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return Outcome{}, err
	}
	temporary, err := write(path, after, mode)
	if err != nil {
		return Outcome{}, err
	}
	defer os.Remove(temporary) // gone already if all went well
	outcome := Outcome{Changed: true}
	if before != nil {
		if outcome.Backup, err = backup(path, before, mode); err != nil {
			return Outcome{}, err
		}
	}
	// The agent itself writes some of these files while it runs.
	if now, _, err := read(path); err != nil || !bytes.Equal(now, before) {
		return Outcome{}, sheaf.Errorf(sheaf.ErrConflict, "%s has been changed by another program at this moment", path).WithHint("run the command again")
	}
	if err := os.Rename(temporary, path); err != nil {
		return Outcome{}, err
	}
	return outcome, durable.SyncDir(filepath.Dir(path))
}

// read returns what a file holds, nil if there is none, and its mode.
func read(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0o600, nil
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, sheaf.Errorf(sheaf.ErrInvalid, "%s is not a file", path)
	case info.Size() > maxFile:
		return nil, 0, sheaf.Errorf(sheaf.ErrTooLarge, "%s has %d bytes, more than any configuration", path, info.Size())
	}
	content, err := os.ReadFile(path)
	if content == nil {
		content = []byte{}
	}
	return content, info.Mode().Perm(), err
}

// write writes a file beside path and returns its name.
func write(path string, content []byte, mode fs.FileMode) (name string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".sheaf-*.tmp")
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

// backup keeps content beside path, under a name that nothing has.
func backup(path string, content []byte, mode fs.FileMode) (string, error) {
	for try := 0; ; try++ {
		name := path + time.Now().Format(".20060102-150405")
		if try > 0 {
			name += fmt.Sprintf("-%d", try)
		}
		name += ".bak"
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = file.Write(content)
		return name, errors.Join(err, file.Sync(), file.Close())
	}
}

// inFile says in which file something is wrong.
func inFile(path string, err error) error {
	var e *sheaf.Error
	if !errors.As(err, &e) || e.Kind != sheaf.ErrInvalid || len(e.Fields) > 0 {
		return err
	}
	hint := e.Hint
	if hint == "" {
		hint = "correct the file, or change it by hand: without --write the entry is printed"
	}
	return sheaf.Errorf(e.Kind, "%s cannot be changed: %w", path, err).WithHint(hint)
}
