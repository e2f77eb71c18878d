package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf/client"
)

// exitCodes says what a command's exit code means; error.go decides which it is.
var exitCodes = []struct {
	code    int
	meaning string
}{
	{0, "done"},
	{1, "an error of no particular kind"},
	{2, "the command line, or what it asks for, is not valid"},
	{3, "not allowed"},
	{4, "not found, or gone for good"},
	{5, "it exists, somebody else wrote meanwhile, or the collection is archived"},
	{6, "too large, or no space"},
	{7, "the store does not answer, or not in time: worth another try"},
	{8, "a fault of the store, or damaged contents"},
	{exitInterrupted, "interrupted"},
}

// environment says which variables the commands read that use a store.
var environment = []struct{ name, meaning string }{
	{urlVariable, "The server to use; without it " + client.DefaultURL + "."},
	{timeoutVariable, "How long it may be silent, such as 30 (seconds) or 2m."},
	{"DOCUMENT_STORAGE_DIR", "The data directory of a store to use without a server."},
}

func newManCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man",
		Short: "Write the manual pages",
		Long: `Write the manual pages of sheaf, its commands, doc-push, doc-pull and doc-query
into a directory, where man looks for them if it is one such as
/usr/local/share/man/man1.`,
		Example: `  sheaf man --dir ~/.local/share/man/man1
  man sheaf-push`,
		Args: noArguments("name the directory with --dir"),
		RunE: func(cmd *cobra.Command, _ []string) error { return runMan(cmd, dir) },
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory to write to; made if need be")
	return cmd
}

func runMan(cmd *cobra.Command, dir string) error {
	if dir == "" {
		return usageError(cmd, "man needs --dir, the directory to write to")
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name, text := range manual() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// manual returns all manual pages by their filenames. They say nothing that
// changes from build to build.
func manual() map[string]string {
	pages := map[string]string{}
	for _, program := range []string{"sheaf", "doc-push", "doc-pull", "doc-query"} {
		root := newRoot(program)
		var walk func(*cobra.Command)
		walk = func(cmd *cobra.Command) {
			pages[pageName(cmd)+".1"] = manualPage(root, cmd)
			for _, below := range cmd.Commands() {
				walk(below)
			}
		}
		walk(root)
	}
	return pages
}

// pageName returns the name of a command's page, such as sheaf-push.
func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manualPage returns the page of a command in the language of man(7).
func manualPage(root, cmd *cobra.Command) string {
	var p page
	p.line(".TH %q 1 \"\" Sheaf \"Sheaf Manual\"", strings.ToUpper(pageName(cmd)))
	p.section("Name")
	p.text(pageName(cmd) + " - " + cmd.Short)
	p.section("Synopsis")
	p.line(".B %s", escapeRoff(cmd.CommandPath()))
	p.text(strings.TrimSpace(strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())))
	p.section("Description")
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	p.text(long)
	if commands := cmd.Commands(); len(commands) > 0 {
		p.section("Commands")
		for _, below := range commands {
			p.item(below.Name(), "", below.Short+".")
		}
	}
	p.flags("Options", cmd.NonInheritedFlags(), root.PersistentFlags())
	if cmd.Name() != "serve" {
		p.flags("Options of every command", root.PersistentFlags(), nil)
	}
	p.section("Exit status")
	for _, exit := range exitCodes {
		p.item(fmt.Sprint(exit.code), "", exit.meaning)
	}
	if cmd.Name() != "serve" {
		p.section("Environment")
		for _, variable := range environment {
			p.item(variable.name, "", variable.meaning)
		}
	}
	if cmd.Example != "" {
		p.section("Examples")
		p.line(".nf")
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			p.line("%s", escapeRoff(strings.TrimPrefix(line, "  ")))
		}
		p.line(".fi")
	}
	p.seeAlso(cmd)
	return p.String()
}

// A page is a manual page that is being written.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) section(title string) { p.line(".SH %q", strings.ToUpper(title)) }

// text writes paragraphs, which blank lines separate.
func (p *page) text(text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			p.line(".PP")
		}
		for line := range strings.SplitSeq(paragraph, "\n") {
			p.line("%s", escapeRoff(line))
		}
	}
}

// item writes a term and what it means.
func (p *page) item(term, argument, meaning string) {
	p.line(".TP")
	term = `\fB` + escapeRoff(term) + `\fR`
	if argument != "" {
		term += ` \fI` + escapeRoff(argument) + `\fR`
	}
	p.line("%s", term)
	p.text(meaning)
}

// flags writes a section of flags, without those in except.
func (p *page) flags(title string, flags, except *pflag.FlagSet) {
	begun := false
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || except != nil && except.Lookup(f.Name) != nil {
			return
		}
		if !begun {
			p.section(title)
			begun = true
		}
		argument, usage := pflag.UnquoteUsage(f)
		term := "--" + f.Name
		if f.Shorthand != "" {
			term = "-" + f.Shorthand + ", " + term
		}
		p.item(term, argument, usage)
	})
}

// seeAlso names the pages around a command's.
func (p *page) seeAlso(cmd *cobra.Command) {
	var names []string
	if cmd.HasParent() {
		names = append(names, pageName(cmd.Parent()))
	}
	for _, below := range cmd.Commands() {
		names = append(names, pageName(below))
	}
	if !cmd.HasParent() && len(names) == 0 {
		names = append(names, "sheaf-"+strings.TrimPrefix(cmd.Name(), "doc-"))
	}
	p.section("See also")
	for i, name := range names {
		comma := ","
		if i == len(names)-1 {
			comma = ""
		}
		p.line(".BR %s (1)%s", escapeRoff(name), comma)
	}
}

// escapeRoff returns a line that stands for itself.
func escapeRoff(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(line)
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	return line
}
