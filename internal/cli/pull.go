package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type pullOptions struct {
	*options
	output     string
	overwrite  bool
	names      bool
	collection string
	zip        string
	at         string
	jobs       int
}

func newPullCommand(shared *options) *cobra.Command {
	o := &pullOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "pull <document-id>...",
		Short: "Fetch documents as files",
		Long: `Fetch documents as files.

One document is saved under its original filename in the working directory, or as
--output says; --output - writes it to standard output. Several documents are
saved in the directory --output, which is made if need be; with --names each has
the path that its name is, so that a directory that was pushed comes back.
"-" reads ids from standard input, the first word of each line.

--collection fetches all documents of a collection instead: each under its
filename, or at the path that its name is, made unique and safe; those without
content are left out. --zip saves the documents as one ZIP file. --at fetches what
there was at a revision of the collection or at a time.

A file appears only when its content has arrived whole and has the right SHA-256.
A file that exists is kept unless --overwrite is given.`,
		Example: `  sheaf pull doc_0123456789ab --output ./architecture.md
  sheaf pull --collection field-notes --output notes
  sheaf pull --collection field-notes --zip notes.zip --at 2026-01-31T12:00:00Z
  sheaf query --tags notes --all --json | jq -r '.[].document_id' | sheaf pull - --names --output restored`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && o.collection == "":
				return usageError(cmd, "pull needs a document id, or --collection")
			case len(args) > 0 && o.collection != "":
				return usageError(cmd, "name documents or a --collection, not both")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runPull(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "file to write; of several documents, the directory; - for standard output")
	flags.BoolVar(&o.overwrite, "overwrite", false, "replace files that exist")
	flags.BoolVar(&o.names, "names", false, "save documents below --output at the paths that are their names")
	flags.StringVar(&o.collection, "collection", "", "fetch all documents of this collection")
	flags.StringVar(&o.zip, "zip", "", "ZIP file to write; - for standard output")
	flags.StringVar(&o.at, "at", "", "fetch what there was at a revision, or a time such as 2026-01-31 or 2026-01-31T12:00:00Z")
	flags.IntVar(&o.jobs, "jobs", defaultJobs, "documents to fetch at once")
	return cmd
}

func runPull(cmd *cobra.Command, o *pullOptions, args []string) (err error) {
	if o.jobs < 1 {
		return usageError(cmd, "--jobs is at least 1")
	}
	ids, err := documentIDs(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	at, err := client.ParseMoment(o.at)
	if err != nil {
		return err
	}
	several := o.collection != "" || len(args) > 1 || slices.Contains(args, stdinArgument)
	switch {
	case o.zip != "" && (o.output != "" || o.names):
		return usageError(cmd, "--zip says where to save; --output and --names are for files")
	case o.output == stdinArgument && (several || o.names):
		return usageError(cmd, "standard output takes one document, or a ZIP file with --zip -")
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)

	ctx := cmd.Context()
	switch {
	case o.zip != "":
		return o.pullArchive(cmd, store, client.ArchiveSelection{IDs: ids, Filter: client.Filter{Collection: o.collection, At: at}}, len(args) > 0)
	case o.output == stdinArgument:
		return writeContent(ctx, cmd.OutOrStdout(), store, ids[0], client.AsOf(at))
	}
	bar := o.showProgress(cmd, "document")
	defer bar.stop()
	to, name, err := o.destination(several)
	if err != nil {
		return err
	}
	defer to.Close()
	wanted := make([]pulling, len(ids))
	for i, id := range ids {
		wanted[i] = pulling{id: id, name: name, content: client.AsOf(at)}
	}
	if o.collection != "" {
		if wanted, err = o.collectionPulls(cmd, store, at); err != nil {
			return err
		}
	}

	bar.expect(len(wanted), 0)

	trying, giveUp := context.WithCancel(ctx)
	defer giveUp()
	outcome := tally{giveUp: giveUp}
	taken := &claims{by: map[string]sheaf.DocumentID{}}
	all := inOrder(trying, o.jobs, slices.Values(wanted),
		func(p pulling) pulled {
			defer bar.did()
			return o.pull(ctx, store, p, to, taken, bar)
		},
		func(wanted pulling, p pulled) {
			if p.err != nil {
				outcome.fail(cmd, string(wanted.id), p.err)
				return
			}
			outcome.succeed(p.size)
			if err := o.report(cmd.OutOrStdout(), p, several); err != nil {
				outcome.fail(cmd, "standard output", err)
			}
		})
	bar.stop()
	if several && ctx.Err() == nil {
		if !all {
			o.note(cmd, "gave up: the other documents were not tried")
		}
		o.note(cmd, "pulled %s", &outcome)
	}
	return outcome.err(ctx)
}

// documentIDs reads the arguments of pull.
func documentIDs(args []string, stdin io.Reader) ([]sheaf.DocumentID, error) {
	var ids []sheaf.DocumentID
	var wrong []error
	add := func(text string) {
		id, err := sheaf.ParseDocumentID(text)
		wrong = append(wrong, err)
		ids = append(ids, id)
	}
	for _, arg := range args {
		if arg != stdinArgument {
			add(arg)
			continue
		}
		lines := bufio.NewScanner(stdin)
		for lines.Scan() {
			if words := strings.Fields(lines.Text()); len(words) > 0 {
				add(words[0])
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("read ids from standard input: %w", err)
		}
	}
	return ids, sheaf.InvalidFields(wrong...)
}

// destination returns the directory to save in and, if the user has said it, the
// name of the one file there.
func (o *pullOptions) destination(several bool) (to *landing, name string, err error) {
	dir := o.output
	switch {
	case dir == "":
		dir = "."
	case several || o.names:
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, "", err
		}
	case os.IsPathSeparator(dir[len(dir)-1]) || isDirectory(dir):
	default:
		dir, name = filepath.Split(dir)
		if dir == "" {
			dir = "."
		}
	}
	to, err = openLanding(dir, o.overwrite)
	return to, name, err
}

// A pulling is a document to fetch.
type pulling struct {
	id      sheaf.DocumentID
	name    string // of its file; empty: that follows from the document
	content client.PullOption
}

type pulled struct {
	*client.Download
	path string // as the user would write it
	size int64
	err  error
}

// pull fetches a document into the landing. Its file's name is the one given,
// else follows from the document.
func (o *pullOptions) pull(ctx context.Context, store *connection, p pulling, to *landing, taken *claims, bar *progress) pulled {
	id, name := p.id, p.name
	download, err := store.Pull(ctx, id, p.content)
	if err != nil {
		return pulled{err: err}
	}
	defer download.Body.Close()
	switch {
	case name != "":
	case o.names:
		if name, err = treePath(download.Name); err != nil {
			return pulled{err: err}
		}
	default:
		name = safeFilename(download.Filename, id)
	}
	path := to.shown(name)
	if o.output != "" && path == filepath.Clean(o.output) {
		path = o.output // ./notes.md stays as it was written
	}
	if err := taken.claim(name, id); err != nil {
		return pulled{err: err}
	}
	if err := to.check(name); err != nil {
		return pulled{err: err}
	}
	if bar.isForOne() {
		bar.expect(1, max(download.Size, 0))
	}
	size, err := to.put(ctx, name, bar.count(download.Body))
	if err != nil {
		return pulled{err: err}
	}
	return pulled{Download: download, path: path, size: size}
}

// claims keeps documents of one run from overwriting each other.
type claims struct {
	mu sync.Mutex
	by map[string]sheaf.DocumentID // guarded by mu
}

func (c *claims) claim(name string, id sheaf.DocumentID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, taken := c.by[name]; taken {
		return sheaf.Errorf(sheaf.ErrExists, "the file %s is already that of %s", name, other).
			WithHint("pull one of them alone, with a name of its own in --output")
	}
	c.by[name] = id
	return nil
}

// report prints a document that was saved.
func (o *pullOptions) report(out io.Writer, p pulled, several bool) error {
	if o.json {
		return printJSONLine(out, struct {
			ID       sheaf.DocumentID `json:"document_id"`
			Name     string           `json:"name"`
			Filename string           `json:"original_filename"`
			Size     int64            `json:"size_bytes"`
			Checksum string           `json:"checksum"`
			Path     string           `json:"local_path"`
		}{p.ID, p.Name, p.Filename, p.size, checksum(p.Digest), p.path})
	}
	text := fmt.Sprintf("%s  %s\n", p.ID, printable(p.path))
	if !several {
		text = "Downloaded: " + printable(p.Name) + "\n" +
			"Saved to: " + printable(p.path) + "\n" +
			"Size: " + formatSize(p.size) + "\n"
	}
	_, err := io.WriteString(out, text)
	return err
}
