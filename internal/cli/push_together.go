package cli

import (
	"errors"
	"iter"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// pushTogether pushes all files or none.
func (o *pushOptions) pushTogether(cmd *cobra.Command, store *connection, files iter.Seq[source], bar *progress, single bool) error {
	var all []source
	in := client.BatchInput{Atomic: true, Collection: o.collection, Message: o.message}
	defer func() {
		for _, file := range in.Files {
			file.Body.(*lateFile).Close()
		}
	}()
	for file := range files {
		if file.err != nil {
			return about(file.path, file.err)
		}
		all = append(all, file)
		in.Files = append(in.Files, o.input(file, &lateFile{source: file, bar: bar}))
	}
	if len(all) == 0 {
		return sheaf.Errorf(sheaf.ErrInvalid, "there are no files to push%s", o.chosen.note())
	}
	results, err := store.PushBatch(cmd.Context(), in)
	bar.stop()
	if err != nil {
		return nameFiles(err, all)
	}
	outcome := tally{giveUp: func() {}}
	for i, result := range results {
		if result.Err != nil { // it was stored, and is not what was sent
			outcome.fail(cmd, all[i].path, result.Err)
			continue
		}
		outcome.succeed(result.Document.Size)
		if err := o.report(cmd.OutOrStdout(), all[i], result.Document, single); err != nil {
			outcome.fail(cmd, "standard output", err)
		}
	}
	if !single {
		o.note(cmd, "pushed %s", &outcome)
	}
	return outcome.err(cmd.Context())
}

var batchFile = regexp.MustCompile(`files\[(\d+)\]`)

// nameFiles returns the error of a batch with the paths of files in the place of
// their indexes.
func nameFiles(err error, files []source) error {
	var e *sheaf.Error
	if !errors.As(err, &e) {
		return err
	}
	name := func(text string) string {
		return batchFile.ReplaceAllStringFunc(text, func(indexed string) string {
			if i, err := strconv.Atoi(batchFile.FindStringSubmatch(indexed)[1]); err == nil && i < len(files) {
				return files[i].path
			}
			return indexed
		})
	}
	named := *e
	named.Message, named.Fields = name(e.Message), nil
	for _, field := range e.Fields {
		// "notes.md.name: name is empty" would be one name too many.
		named.Fields = append(named.Fields, sheaf.FieldError{Field: name(batchFile.FindString(field.Field)), Message: field.Message})
	}
	if len(named.Fields) == 1 {
		named.Fields = nil // the message names it
	}
	return &named
}
