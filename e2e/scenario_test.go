package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// The commands come to the same as the library and the API, which run the same
// scenario in package sheaftest.
func TestScenario(t *testing.T) {
	t.Parallel()
	sheaftest.RunScenario(t, &commands{t: t, dir: t.TempDir()})
}

// commands is a store as the commands reach it: each opens the directory "store"
// for itself.
type commands struct {
	t   *testing.T
	dir string
}

// run runs a command with --json. The error of one that fails has a kind with its
// exit code.
func (c *commands) run(stdin string, args ...string) (string, error) {
	c.t.Helper()
	args = append(args, "--data-dir", "store")
	done, err := run(c.t.Context(), c.dir, strings.NewReader(stdin), nil, "sheaf", args...)
	if err != nil {
		return "", err
	}
	if done.exit == 0 {
		return done.stdout, nil
	}
	for _, kind := range []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrConflict, sheaf.ErrTooLarge} {
		if kind.ExitCode() == done.exit {
			return "", sheaf.Errorf(kind, "%s", strings.TrimSpace(done.stderr))
		}
	}
	return "", fmt.Errorf("sheaf %s: exit code %d:\n%s", strings.Join(args, " "), done.exit, done.stderr)
}

// decoded decodes what a command with --json has printed.
func decoded[T any](printed string, err error) (value T, _ error) {
	if err != nil {
		return value, err
	}
	return value, json.Unmarshal([]byte(printed), &value)
}

// Push implements [sheaftest.Surface].
func (c *commands) Push(name, content, collection string, tags ...string) (sheaf.Document, error) {
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o600); err != nil {
		return sheaf.Document{}, err
	}
	return decoded[sheaf.Document](c.run("", "push", name, "--collection", collection, "--tags", strings.Join(tags, ","), "--json"))
}

// Read implements [sheaftest.Surface].
func (c *commands) Read(id sheaf.DocumentID, version int) (string, error) {
	if version == 0 {
		return c.run("", "cat", string(id))
	}
	return c.run("", "cat", string(id), "--version", fmt.Sprint(version))
}

// Find implements [sheaftest.Surface].
func (c *commands) Find(name string, tags ...string) ([]sheaf.Document, error) {
	return decoded[[]sheaf.Document](c.run("", "query", "--name", name, "--tags", strings.Join(tags, ","), "--json"))
}

// Write implements [sheaftest.Surface].
func (c *commands) Write(id sheaf.DocumentID, content string, read sheaf.Digest, merge bool) (sheaf.Change, error) {
	args := []string{"edit", string(id), "--file", "-", "--json"}
	if read != (sheaf.Digest{}) {
		args = append(args, "--file-hash", read.String())
	}
	if !merge {
		args = append(args, "--no-merge")
	}
	return decoded[sheaf.Change](c.run(content, args...))
}

// Replace implements [sheaftest.Surface].
func (c *commands) Replace(id sheaf.DocumentID, old, with string) (sheaf.Change, error) {
	return decoded[sheaf.Change](c.run("", "edit", string(id), "--replace", old, "--with", with, "--json"))
}

// Tag implements [sheaftest.Surface].
func (c *commands) Tag(id sheaf.DocumentID, tags ...string) (sheaf.Change, error) {
	return decoded[sheaf.Change](c.run("", "tag", string(id), "--set", strings.Join(tags, ","), "--json"))
}

// Rename implements [sheaftest.Surface].
func (c *commands) Rename(id sheaf.DocumentID, name string) (sheaf.Change, error) {
	return decoded[sheaf.Change](c.run("", "mv", string(id), name, "--json"))
}

// Delete implements [sheaftest.Surface].
func (c *commands) Delete(id sheaf.DocumentID) error {
	_, err := c.run("", "rm", string(id))
	return err
}

// Trash implements [sheaftest.Surface].
func (c *commands) Trash() ([]sheaf.Document, error) {
	return decoded[[]sheaf.Document](c.run("", "trash", "--json"))
}

// Restore implements [sheaftest.Surface].
func (c *commands) Restore(id sheaf.DocumentID, version int) (sheaf.Change, error) {
	args := []string{"restore", string(id), "--json"}
	if version > 0 {
		args = append(args, "--version", fmt.Sprint(version))
	}
	return decoded[sheaf.Change](c.run("", args...))
}

// Purge implements [sheaftest.Surface].
func (c *commands) Purge(id sheaf.DocumentID) error {
	_, err := c.run("", "trash", "purge", string(id))
	return err
}

// Diff implements [sheaftest.Surface].
func (c *commands) Diff(id sheaf.DocumentID, from, to int) (string, error) {
	return c.run("", "diff", string(id), "--from", fmt.Sprint(from), "--to", fmt.Sprint(to))
}

// Log implements [sheaftest.Surface].
func (c *commands) Log(id sheaf.DocumentID) ([]string, error) {
	entries, err := decoded[[]struct{ Operation string }](c.run("", "log", string(id), "--json"))
	var operations []string
	for _, entry := range entries {
		operations = append(operations, entry.Operation)
	}
	return operations, err
}

// CreateCollection implements [sheaftest.Surface].
func (c *commands) CreateCollection(name string, policy sheaf.WritePolicy, most int64) error {
	_, err := c.run("", "collections", "create", name, "--write-policy", string(policy), "--max-documents", fmt.Sprint(most))
	return err
}

// Archive implements [sheaftest.Surface].
func (c *commands) Archive(collection string) error {
	_, err := c.run("", "collections", "archive", collection)
	return err
}

// DeleteCollection implements [sheaftest.Surface].
func (c *commands) DeleteCollection(name string) error {
	_, err := c.run("", "collections", "delete", name, "--with-documents", "--confirm", name)
	return err
}

// PushAll implements [sheaftest.Surface].
func (c *commands) PushAll(collection string, names ...string) (documents []sheaf.Document, err error) {
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(name), 0o600); err != nil {
			return nil, err
		}
	}
	printed, err := c.run("", append([]string{"push", "--atomic", "--collection", collection, "--json"}, names...)...)
	if err != nil {
		return nil, err
	}
	return decodeLines[sheaf.Document](c.t, printed), nil
}

// TagAll implements [sheaftest.Surface].
func (c *commands) TagAll(with, add string, dryRun bool) (sheaf.BulkChange, error) {
	how := "--yes"
	if dryRun {
		how = "--dry-run"
	}
	return decoded[sheaf.BulkChange](c.run("", "tag", "--tags", with, "--add", add, how, "--json"))
}

// MoveTo implements [sheaftest.Surface].
func (c *commands) MoveTo(collection string, ids ...sheaf.DocumentID) (sheaf.BulkChange, error) {
	args := []string{"mv", "--to", collection, "--json"}
	for _, id := range ids {
		args = append(args, string(id))
	}
	return decoded[sheaf.BulkChange](c.run("", args...))
}

// Download implements [sheaftest.Surface].
func (c *commands) Download(collection string) ([]byte, error) {
	archive, err := c.run("", "pull", "--collection", collection, "--zip", "-")
	return []byte(archive), err
}

// Relate implements [sheaftest.Surface].
func (c *commands) Relate(id sheaf.DocumentID, is sheaf.RelationType, other sheaf.DocumentID) error {
	_, err := c.run("", "relate", string(id), "--"+string(is), string(other))
	return err
}

// Related implements [sheaftest.Surface].
func (c *commands) Related(id sheaf.DocumentID) ([]sheaf.Relation, error) {
	return decoded[[]sheaf.Relation](c.run("", "relations", string(id), "--json"))
}

// DeleteWithChildren implements [sheaftest.Surface].
func (c *commands) DeleteWithChildren(id sheaf.DocumentID) error {
	_, err := c.run("", "rm", "--with-children", string(id))
	return err
}
