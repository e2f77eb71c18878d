package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type catOptions struct {
	*options
	version int
	at      string
	lines   string
}

func newCatCommand(shared *options) *cobra.Command {
	o := &catOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "cat <document-id>",
		Short: "Write a document's content to standard output",
		Long: `Write a document's content to standard output, or some lines of it.

With --json, the text comes with its version and its SHA-256, which a later write
can name as what it replaces. There a long text is cut: more says that it goes on.`,
		Example: `  sheaf cat doc_0123456789ab
  sheaf cat doc_0123456789ab --version 2
  sheaf cat doc_0123456789ab --lines 100-150 --json`,
		Args: exactly(documentIDArgument),
		RunE: func(cmd *cobra.Command, args []string) error { return runCat(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.IntVar(&o.version, "version", 0, "version to read (default the current one)")
	flags.StringVar(&o.at, "at", "", "read what it was at a revision, or a time such as 2026-01-31 or 2026-01-31T12:00:00Z")
	flags.StringVar(&o.lines, "lines", "", "only these lines, such as 10-20, 10- or 10")
	return cmd
}

func runCat(cmd *cobra.Command, o *catOptions, args []string) (err error) {
	id, err := oneDocument(args)
	if err != nil {
		return err
	}
	at, err := client.ParseMoment(o.at)
	if err != nil {
		return err
	}
	switch {
	case o.version < 0:
		return usageError(cmd, "versions are numbers from 1")
	case o.version > 0 && o.at != "":
		return usageError(cmd, "--version and --at name two contents")
	}
	first, last, err := parseLines(o.lines)
	if err != nil {
		return err
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	out := cmd.OutOrStdout()
	switch {
	case o.json:
		excerpt, err := store.Excerpt(cmd.Context(), id, client.ExcerptInput{FirstLine: first, LastLine: last, Version: o.version, At: at})
		if err != nil {
			return err
		}
		return printJSON(out, struct {
			ID sheaf.DocumentID `json:"document_id"`
			client.Excerpt
		}{id, excerpt})
	case o.lines != "":
		out = &lineWriter{w: out, first: first, last: last, line: 1}
	}
	err = writeContent(cmd.Context(), out, store, id, client.OfVersion(o.version), client.AsOf(at))
	if errors.Is(err, errBehindLines) {
		err = nil
	}
	return err
}

// parseLines reads lines as 10-20, 10- or 10; none is all of them.
func parseLines(text string) (first, last int, err error) {
	if text == "" {
		return 1, 0, nil
	}
	begin, end, isRange := strings.Cut(text, "-")
	first, err = strconv.Atoi(begin)
	switch {
	case !isRange:
		last = first
	case end != "" && err == nil:
		last, err = strconv.Atoi(end)
	}
	if err != nil || first < 1 || last != 0 && last < first {
		return 0, 0, sheaf.Invalid("lines", fmt.Sprintf("--lines is such as 10-20, 10- or 10, counted from 1; %q is not", text))
	}
	return first, last, nil
}

// errBehindLines ends the reading of a content of which no more is wanted.
var errBehindLines = errors.New("the rest is behind the lines that are wanted")

// A lineWriter writes some of the lines written to it, byte for byte, and fails
// with errBehindLines when there can be no more of them.
type lineWriter struct {
	w           io.Writer
	first, last int // last is 0 for the text's
	line        int // that the next byte is in
}

// Write implements [io.Writer].
func (l *lineWriter) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if l.last != 0 && l.line > l.last {
			return n, errBehindLines
		}
		end := len(p)
		if feed := bytes.IndexByte(p[n:], '\n'); feed >= 0 {
			end = n + feed + 1
		}
		if l.line >= l.first {
			if _, err := l.w.Write(p[n:end]); err != nil {
				return n, err
			}
		}
		if p[end-1] == '\n' {
			l.line++
		}
		n = end
	}
	return n, nil
}

// writeContent writes a document's content to w. What was written of a content
// that turns out damaged is followed by an error.
func writeContent(ctx context.Context, w io.Writer, store *connection, id sheaf.DocumentID, options ...client.PullOption) error {
	download, err := store.Pull(ctx, id, options...)
	if err != nil {
		return err
	}
	defer download.Body.Close()
	_, err = io.Copy(w, download.Body)
	return err
}
