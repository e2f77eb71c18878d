package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

func newBookManifestCommand(shared *options) *cobra.Command {
	o := &bookOptions{options: shared}
	var since string
	cmd := &cobra.Command{
		Use:   "manifest <book>",
		Short: "Say which contents are in a book, or what has changed since",
		Long: `Say which contents are in a book, each line a SHA-256 and a path, as sha256sum writes
them. The hash of the manifest is the SHA-256 of the lines path:sha256, sorted and joined
by newlines; it is told on standard error. With --since only what has changed is listed:
+ added, ~ changed, - removed.`,
		Example: `  sheaf book manifest ai-native > SHA256SUMS
  sheaf book manifest ai-native --since 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03`,
		Args: exactly(bookArgument),
		RunE: func(cmd *cobra.Command, args []string) error { return runBookManifest(cmd, o, args, since) },
	}
	cmd.Flags().StringVar(&since, "since", "", "the hash of the manifest that was built last")
	cmd.Flags().StringVar(&o.at, "at", "", "as it was at a revision of the book or an RFC 3339 time")
	return cmd
}

func runBookManifest(cmd *cobra.Command, o *bookOptions, args []string, since string) error {
	at, err := client.ParseMoment(o.at)
	if err != nil {
		return err
	}
	var hash *sheaf.Digest
	if since != "" {
		digest, err := sheaf.ParseDigest(since)
		if err != nil {
			return sheaf.Invalid("--since", err.Error())
		}
		hash = &digest
	}
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		out := cmd.OutOrStdout()
		if hash == nil {
			manifest, err := store.Manifest(ctx, args[0], at)
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(out, manifest)
			}
			o.note(cmd, "%s, manifest %s", plural(manifest.Count, "file"), manifest.Hash)
			return writeFiles(out, "", manifest.Files)
		}
		plan, err := store.PlanBuild(ctx, args[0], *hash, at)
		if err != nil {
			return err
		}
		if o.json {
			return printJSON(out, plan)
		}
		switch {
		case plan.Unchanged:
			o.note(cmd, "nothing has changed")
		case !plan.SinceKnown:
			o.note(cmd, "the manifest %s is not known, so that every file counts as added; manifest %s now", since, plan.Hash)
		default:
			o.note(cmd, "manifest %s now", plan.Hash)
		}
		for _, part := range []struct {
			sign  string
			files []sheaf.ManifestFile
		}{{"+ ", plan.Added}, {"~ ", plan.Changed}, {"- ", plan.Removed}} {
			if err := writeFiles(out, part.sign, part.files); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeFiles writes files for people and for sha256sum, each on a line.
func writeFiles(out io.Writer, sign string, files []sheaf.ManifestFile) error {
	for _, f := range files {
		if _, err := fmt.Fprintf(out, "%s%s  %s\n", sign, f.Digest, printable(f.Path)); err != nil {
			return err
		}
	}
	return nil
}
