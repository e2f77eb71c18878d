package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type pushOptions struct {
	*options
	name        string
	tags        string
	description string
	collection  string
	message     string
	jobs        int
	atomic      bool
	chosen      globs
}

// defaultJobs is how many transfers run at once.
const defaultJobs = 4

func newPushCommand(shared *options) *cobra.Command {
	o := &pushOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "push <file>...",
		Short: "Store files as documents",
		Long: `Store files as documents.

Of a directory, all regular files below it are stored; each is named by its path,
which begins with the directory's own name. Hidden files are stored too; symbolic
links are not followed. "-" stores standard input and needs --name.

With --include and --exclude some of a directory's files are chosen. A glob without
a slash is for a name at any depth, one with a slash for the path from the directory
on, in which ** stands for any number of directories. An excluded directory is left
out with all that is in it.

A failure does not keep the other files from being stored, unless it is the store
that fails again and again; the exit code is that of the first. With --atomic all
files are stored as one change, or none.`,
		Example: `  sheaf push architecture.md --name "System Architecture" --tags design,docs
  sheaf push notes/ --tags notes --include '*.md' --exclude 'drafts/**' --exclude '.*'
  sheaf push --atomic plan.md schedule.md --message "Agreed today"
  make report | sheaf push - --name report.txt`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd, "push needs a file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runPush(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.name, "name", "", "what to call the document (default the filename); for a single file")
	flags.StringVar(&o.tags, "tags", "", "tags, separated by commas")
	flags.StringVar(&o.description, "description", "", "what the document is about")
	flags.StringVar(&o.collection, "collection", "", "collection to store in (default "+string(sheaf.DefaultCollection)+")")
	flags.StringVarP(&o.message, "message", "m", "", "why, for the history")
	flags.IntVar(&o.jobs, "jobs", defaultJobs, "files to send at once; with 1 they are stored in the order of the arguments")
	flags.BoolVar(&o.atomic, "atomic", false, "store all files or none")
	o.chosen.bind(flags)
	return cmd
}

func runPush(cmd *cobra.Command, o *pushOptions, args []string) (err error) {
	single := len(args) == 1 && !isDirectory(args[0])
	if err := o.check(cmd, args, single); err != nil {
		return err
	}
	store, err := o.connect(cmd, true)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	if o.collection != "" && !single { // or each file would say so
		if _, err := store.Collection(cmd.Context(), o.collection); sheaf.KindOf(err) == sheaf.ErrNotFound {
			return err
		}
	}

	bar := o.showProgress(cmd, "file")
	defer bar.stop()
	if bar != nil {
		go bar.measure(sources(args, nil, o.chosen, func(string, string) {}))
	}
	skipped := 0
	files := sources(args, cmd.InOrStdin(), o.chosen, func(path, why string) {
		skipped++
		o.note(cmd, "skipped %s: %s", path, why)
	})
	if o.atomic {
		return o.pushTogether(cmd, store, files, bar, single)
	}
	ctx := cmd.Context()
	trying, giveUp := context.WithCancel(ctx)
	defer giveUp()
	outcome := tally{giveUp: giveUp}
	together := bundleFiles
	if o.jobs == 1 {
		together = 1
	}
	all := inOrder(trying, o.jobs, bundles(files, together),
		func(bundle []source) []pushed { return o.pushBundle(ctx, store, bundle, bar) },
		func(bundle []source, results []pushed) {
			for i, p := range results {
				if p.err != nil {
					outcome.fail(cmd, bundle[i].path, p.err)
					continue
				}
				outcome.succeed(p.doc.Size)
				if err := o.report(cmd.OutOrStdout(), bundle[i], p.doc, single); err != nil {
					outcome.fail(cmd, "standard output", err)
				}
			}
		})
	bar.stop()
	if !single && ctx.Err() == nil {
		if !all {
			o.note(cmd, "gave up: the other files were not tried")
		}
		o.note(cmd, "pushed %s", &outcome)
		if outcome.done+outcome.failed == 0 && skipped == 0 {
			o.note(cmd, "there are no files in %s%s", strings.Join(args, ", "), o.chosen.note())
		}
	}
	return outcome.err(ctx)
}

// check finds what is wrong with the command line.
func (o *pushOptions) check(cmd *cobra.Command, args []string, single bool) error {
	stdins := 0
	for _, arg := range args {
		if arg == stdinArgument {
			stdins++
		}
	}
	switch {
	case o.jobs < 1:
		return usageError(cmd, "--jobs is at least 1")
	case stdins > 1:
		return usageError(cmd, "standard input can be pushed only once")
	case o.name != "" && !single:
		return usageError(cmd, "--name is for a single file; files of directories are named by their paths")
	case stdins == 1 && o.name == "":
		return usageError(cmd, "standard input has no filename: give it a --name, and push it alone")
	}
	return o.chosen.check(cmd)
}

type pushed struct {
	doc sheaf.Document
	err error
}

func (o *pushOptions) push(ctx context.Context, store *connection, file source, bar *progress) pushed {
	defer bar.did()
	if file.err != nil {
		return pushed{err: file.err}
	}
	content, err := file.open()
	if err != nil {
		return pushed{err: err}
	}
	defer content.Close()
	in := o.input(file, bar.count(content))
	in.Collection, in.Message = o.collection, o.message
	doc, err := store.Push(ctx, in)
	return pushed{doc, err}
}

// input returns what is pushed of a file.
func (o *pushOptions) input(file source, content io.Reader) client.PushInput {
	in := client.PushInput{
		Filename:    file.filename,
		Body:        content,
		Name:        file.name,
		Description: o.description,
		Tags:        sheaf.SplitTags(o.tags),
	}
	if o.name != "" {
		in.Name = o.name
	}
	if in.Filename == "" {
		in.Filename = in.Name // standard input has no other
	}
	return in
}

// report prints a stored document.
func (o *pushOptions) report(out io.Writer, file source, doc sheaf.Document, single bool) error {
	if o.json {
		return printJSONLine(out, struct {
			sheaf.Document
			LocalPath string `json:"local_path"`
		}{doc, file.path})
	}
	text := fmt.Sprintf("%s  %s\n", doc.ID, printable(doc.Name))
	if single {
		tags := ""
		if len(doc.Tags) > 0 {
			tags = "Tags: " + printable(strings.Join(doc.Tags, ", ")) + "\n"
		}
		text = "Document pushed successfully!\n" +
			"Document ID: " + string(doc.ID) + "\n" +
			"Name: " + printable(doc.Name) + "\n" +
			tags +
			"URL: " + printable(doc.URL) + "\n"
	}
	_, err := io.WriteString(out, text)
	return err
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
