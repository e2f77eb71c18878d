package cli

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// globs choose among the files below a directory. A pattern without a slash is
// for a name, at any depth; one with a slash for the path from the directory on.
type globs struct {
	include, exclude []string
}

func (g *globs) bind(flags *pflag.FlagSet) {
	flags.StringArrayVar(&g.include, "include", nil, "of directories, take only files that match `glob`, such as '*.md' or 'docs/**' (repeatable)")
	flags.StringArrayVar(&g.exclude, "exclude", nil, "of directories, leave out files and directories that match `glob` (repeatable; wins)")
}

// check finds patterns that are none.
func (g *globs) check(cmd *cobra.Command) error {
	for _, pattern := range append(g.include[:len(g.include):len(g.include)], g.exclude...) {
		if pattern == "" || !doublestar.ValidatePattern(pattern) {
			return usageError(cmd, "%q is not a glob", pattern)
		}
	}
	return nil
}

// takes reports whether the file at a slash-separated path is chosen, or whether
// the directory there may have files that are.
func (g *globs) takes(relative string, isDir bool) bool {
	switch {
	case matchesAny(g.exclude, relative):
		return false
	case isDir || len(g.include) == 0:
		return true
	}
	return matchesAny(g.include, relative)
}

// note says for an empty result that files were chosen, if they were.
func (g *globs) note() string {
	if len(g.include)+len(g.exclude) > 0 {
		return " that --include and --exclude choose"
	}
	return ""
}

func matchesAny(patterns []string, relative string) bool {
	for _, pattern := range patterns {
		name := relative
		if !strings.Contains(pattern, "/") {
			name = path.Base(relative)
		}
		if doublestar.MatchUnvalidated(strings.TrimPrefix(pattern, "./"), name) {
			return true
		}
	}
	return false
}
