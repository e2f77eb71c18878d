package cli

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// pullArchive saves documents as the ZIP file --zip. Named says that they were
// named one by one, though perhaps none at all.
func (o *pullOptions) pullArchive(cmd *cobra.Command, store *connection, selection client.ArchiveSelection, named bool) error {
	if named && len(selection.IDs) == 0 {
		return sheaf.Invalid("document_ids", "there is no document id")
	}
	ctx := cmd.Context()
	put := func(content io.Reader) (int64, error) { return io.Copy(cmd.OutOrStdout(), content) }
	toFile := o.zip != stdinArgument
	if toFile {
		dir, name := filepath.Split(o.zip)
		if name == "" || isDirectory(o.zip) {
			return usageError(cmd, "--zip needs the name of a file, and %s is a directory", o.zip)
		}
		to, err := openLanding(filepath.Clean(dir), o.overwrite)
		if err != nil {
			return err
		}
		defer to.Close()
		if err := to.check(name); err != nil {
			return err
		}
		put = func(content io.Reader) (int64, error) { return to.put(ctx, name, content) }
	}
	archive, err := store.Archive(ctx, selection)
	if err != nil {
		return err
	}
	defer archive.Body.Close()
	size, err := put(archive.Body)
	if err != nil {
		return err
	}
	if toFile {
		if err := o.reportArchive(cmd.OutOrStdout(), archive, size); err != nil {
			return err
		}
	}
	if archive.Errors > 0 {
		return sheaf.Errorf(sheaf.ErrDamaged, "%s not in the archive, because the server cannot read the contents", areMany(archive.Errors)).
			WithHint("ERRORS.txt in the archive says which")
	}
	return nil
}

func areMany(documents int) string {
	if documents == 1 {
		return "1 document is"
	}
	return plural(documents, "document") + " are"
}

// reportArchive prints an archive that was saved.
func (o *pullOptions) reportArchive(out io.Writer, archive *client.Archive, size int64) error {
	if o.json {
		return printJSONLine(out, struct {
			Path      string `json:"local_path"`
			Size      int64  `json:"size_bytes"`
			Documents int    `json:"documents"`
			Errors    int    `json:"errors"`
			ETag      string `json:"etag"`
		}{o.zip, size, archive.Documents, archive.Errors, archive.ETag})
	}
	_, err := fmt.Fprintf(out, "Saved to: %s\nDocuments: %d\nSize: %s\n", printable(o.zip), archive.Documents, formatSize(size))
	return err
}
