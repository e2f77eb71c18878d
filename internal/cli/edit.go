package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type editOptions struct {
	*options
	file     string
	fileHash string
	message  string
	dryRun   bool
	merge    bool
	noMerge  bool
	edits    editFlags
}

func newEditCommand(shared *options) *cobra.Command {
	o := &editOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "edit <document-id>",
		Short: "Change a document's content in an editor",
		Long: `Change a document's content in the editor that VISUAL or EDITOR names, or with
--file by what a file contains.

When somebody else wrote meanwhile, both changes are kept if they touch other
lines. If not, nothing is stored: the text with both sides of every conflict is
left in a file, together with what you wrote, and edit says how to go on. The same
holds for --file with --file-hash, the SHA-256 of the content that the file was
made from; without --file-hash the file replaces whatever there is.

Edits change some places and leave the rest alone, all of them or none, each on the
text as the ones before it have left it. --replace, --lines, --insert-after and
--section are each followed by --with and the new text; an empty one deletes. A
text is taken as it stands, @FILE is what a file contains, @- standard input, and
@@ begins a text with @. With --file-hash nothing is edited if the document has
another content by now, unless --merge can merge both; --dry-run shows the diff.`,
		Example: `  sheaf edit doc_0123456789ab
  sheaf edit doc_0123456789ab --file notes.md --file-hash 2c26b46b68ffc68f…
  sheaf edit doc_0123456789ab --replace colour --with color --all --dry-run
  sheaf edit doc_0123456789ab --lines 10-12 --with @new.txt --append "the end"
  sheaf edit doc_0123456789ab --section "## Install" --with @install.md`,
		Args: exactly(documentIDArgument),
		RunE: func(cmd *cobra.Command, args []string) error { return runEdit(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.file, "file", "", "file to take the content from, instead of an editor; - for standard input")
	flags.StringVar(&o.fileHash, "file-hash", "", "SHA-256 of the content that --file or the edits were made for")
	flags.BoolVar(&o.noMerge, "no-merge", false, "store nothing if somebody else wrote meanwhile, though both could be kept")
	flags.BoolVar(&o.merge, "merge", false, "merge edits with what somebody else wrote since --file-hash")
	flags.BoolVar(&o.dryRun, "dry-run", false, "show what edits would change, and store nothing")
	o.edits.bind(flags)
	flags.StringVarP(&o.message, "message", "m", "", "why, for the history")
	return cmd
}

func runEdit(cmd *cobra.Command, o *editOptions, args []string) error {
	id, err := oneDocument(args)
	if err != nil {
		return err
	}
	switch {
	case o.edits.given() && o.file != "":
		return usageError(cmd, "--file replaces the whole content: edits are not for it")
	case o.edits.given():
		return o.applyEdits(cmd, id)
	case o.dryRun || o.merge:
		return usageError(cmd, "--dry-run and --merge are for edits, such as --replace")
	case o.file != "":
		return o.writeFile(cmd, id)
	case o.fileHash != "":
		return usageError(cmd, "--file-hash is for --file and for edits")
	}
	return o.editCopy(cmd, id)
}

// writeFile writes the file of --file into the document.
func (o *editOptions) writeFile(cmd *cobra.Command, id sheaf.DocumentID) error {
	read, err := o.readHash()
	if err != nil {
		return err
	}
	content, name := cmd.InOrStdin(), string(id)
	if o.file != stdinArgument {
		file, err := os.Open(o.file)
		if err != nil {
			return about(o.file, missing(err))
		}
		defer file.Close()
		content, name = file, filepath.Base(o.file)
	}
	err = o.put(cmd, id, content, read)
	conflict := textConflict(err)
	if conflict == nil {
		return err
	}
	dir, dirErr := os.MkdirTemp("", "sheaf-edit-")
	if dirErr != nil {
		return errors.Join(err, dirErr)
	}
	return leaveConflict(filepath.Join(dir, conflictName(name)), id, conflict)
}

// readHash returns the digest of --file-hash, nil if it is not given.
func (o *editOptions) readHash() (*sheaf.Digest, error) {
	if o.fileHash == "" {
		return nil, nil
	}
	digest, err := sheaf.ParseDigest(o.fileHash)
	return &digest, err
}

// editCopy lets the user edit a copy of the document and writes it back. The
// store is not held open meanwhile: others may use it, which is what merging is
// for. What the user wrote is deleted only when it is stored.
func (o *editOptions) editCopy(cmd *cobra.Command, id sheaf.DocumentID) error {
	if err := checkEditor(cmd); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sheaf-edit-")
	if err != nil {
		return err
	}
	path, before, err := o.fetch(cmd, id, dir)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	editErr := runEditor(cmd, path)
	after, err := os.ReadFile(path)
	switch {
	case err != nil:
		return errors.Join(editErr, err)
	case sheaf.DigestOf(after) == before:
		if editErr == nil {
			o.note(cmd, "nothing was changed")
		}
		return errors.Join(editErr, os.RemoveAll(dir))
	case editErr != nil:
		tellCopy(cmd, path)
		return editErr
	}
	err = o.put(cmd, id, bytes.NewReader(after), &before)
	if err == nil {
		return os.RemoveAll(dir)
	}
	tellCopy(cmd, path)
	if conflict := textConflict(err); conflict != nil {
		return leaveConflict(filepath.Join(dir, conflictName(filepath.Base(path))), id, conflict)
	}
	return err
}

// tellCopy says where the user's work is that was not stored, even if --quiet.
func tellCopy(cmd *cobra.Command, path string) {
	fmt.Fprintf(cmd.ErrOrStderr(), "what you wrote is in %s\n", printable(path))
}

// fetch saves the document's content in dir under its own filename, by which
// editors tell what it is.
func (o *editOptions) fetch(cmd *cobra.Command, id sheaf.DocumentID, dir string) (path string, digest sheaf.Digest, err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return "", digest, err
	}
	defer closeInto(&err, store)
	download, err := store.Pull(cmd.Context(), id)
	if err != nil {
		return "", digest, err
	}
	defer download.Body.Close()
	path = filepath.Join(dir, safeFilename(download.Filename, id))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", digest, err
	}
	text := &textWriter{file: file}
	_, err = io.Copy(text, download.Body)
	return path, download.Digest, errors.Join(err, file.Close())
}

// textWriter refuses what is no text.
type textWriter struct{ file *os.File }

// Write implements [io.Writer].
func (w *textWriter) Write(p []byte) (int, error) {
	if bytes.IndexByte(p, 0) >= 0 {
		return 0, sheaf.Errorf(sheaf.ErrUnsupported, "the document is not a text").
			WithHint("fetch it with `sheaf pull`, and write it back with `sheaf edit --file`")
	}
	return w.file.Write(p)
}

// put writes a content, merging it with what somebody else wrote, and tells of it.
func (o *editOptions) put(cmd *cobra.Command, id sheaf.DocumentID, content io.Reader, read *sheaf.Digest) error {
	in := client.ContentInput{Body: content, FileHash: read, Message: o.message, OnConflict: client.ConflictMerges}
	if o.noMerge {
		in.OnConflict = client.ConflictFails
	}
	return o.changeOne(cmd, func(ctx context.Context, store *connection) (changed, error) {
		change, err := store.PutContent(ctx, id, in)
		if err == nil && change.Mode == sheaf.ModeMerged {
			o.note(cmd, "somebody else wrote meanwhile; version %d has both changes", change.Version)
		}
		return wholly(change, err)
	})
}

// textConflict returns the conflict that kept a text from being written, nil if
// it was something else or the two cannot be put into one text.
func textConflict(err error) *sheaf.WriteConflict {
	var e *sheaf.Error
	if !errors.As(err, &e) || e.Conflict == nil || e.Conflict.Merge == nil || e.Conflict.Merge.Binary {
		return nil
	}
	return e.Conflict
}

// conflictName returns the name of the merged text beside a file, with the same
// extension.
func conflictName(name string) string {
	extension := filepath.Ext(name)
	if extension == name {
		extension = "" // a dotfile has none
	}
	return strings.TrimSuffix(name, extension) + ".conflict" + extension
}

// leaveConflict writes the text with both sides of every conflict to a file and
// returns the error that says what to do.
func leaveConflict(path string, id sheaf.DocumentID, conflict *sheaf.WriteConflict) error {
	if err := os.WriteFile(path, []byte(conflict.Merge.Text), 0o600); err != nil {
		return err
	}
	sides := plural(len(conflict.Merge.Conflicts), "conflict")
	return sheaf.Errorf(sheaf.ErrConflict, "%s wrote version %d meanwhile, and it has %s with yours; nothing was stored",
		by(conflict.CurrentAuthor, conflict.CurrentLabel), conflict.CurrentVersion, sides).
		WithHint(fmt.Sprintf("resolve what is between <<<<<<< and >>>>>>> in %s, then run `sheaf edit %s --file %s --file-hash %s`",
			path, id, path, conflict.CurrentHash))
}
