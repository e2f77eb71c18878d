package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestGlobs(t *testing.T) {
	paths := []string{"a.md", "b.txt", ".hidden", "docs/a.md", "docs/deep/c.md", "node_modules/x.md", "docs/node_modules/y.md", "docs/[odd].md"}
	for _, test := range []struct {
		include, exclude string
		want             string
	}{
		{"", "", strings.Join(paths, " ")},
		{"*.md", "", "a.md docs/a.md docs/deep/c.md node_modules/x.md docs/node_modules/y.md docs/[odd].md"},
		{"*.md", "node_modules", "a.md docs/a.md docs/deep/c.md docs/[odd].md"},
		{"", "/never .* node_modules", "a.md b.txt docs/a.md docs/deep/c.md docs/[odd].md"},
		{"docs/**", "", "docs/a.md docs/deep/c.md docs/node_modules/y.md docs/[odd].md"},
		{"docs/*.md", "", "docs/a.md docs/[odd].md"},
		{"**/c.md ./b.txt", "", "b.txt docs/deep/c.md"},
		{"*.{md,txt}", "docs/**", "a.md b.txt node_modules/x.md"},
		{`\[odd\].md`, "", "docs/[odd].md"},
	} {
		chosen := globs{include: strings.Fields(test.include), exclude: strings.Fields(test.exclude)}
		var taken []string
		for _, path := range paths {
			// As the walk does: an excluded directory is not entered.
			entered := true
			for i, r := range path {
				entered = entered && (r != '/' || chosen.takes(path[:i], true))
			}
			if entered && chosen.takes(path, false) {
				taken = append(taken, path)
			}
		}
		if got := strings.Join(taken, " "); got != test.want {
			t.Errorf("include %q, exclude %q take %s, want %s", test.include, test.exclude, got, test.want)
		}
	}
}

func TestPushOfSomeFiles(t *testing.T) {
	workIn(t)
	for _, path := range []string{"tree/a.md", "tree/b.txt", "tree/.git/config.md", "tree/docs/c.md"} {
		write(t, path, path)
	}
	run(t, "", "sheaf", "push", "tree", "--data-dir", "store", "--include", "*.md", "--exclude", ".git").
		want(t, 0, "tree/docs/c.md", "pushed 2 documents")
	run(t, "", "sheaf", "push", "tree", "--data-dir", "store", "--include", "*.go").
		want(t, 0, "", "there are no files in tree that --include and --exclude choose")
	// A file that is named is wanted, whatever it is called.
	run(t, "", "sheaf", "push", "tree/b.txt", "--data-dir", "store", "--include", "*.go").want(t, 0, "Document ID", "")
	run(t, "", "sheaf", "push", "tree", "--data-dir", "store", "--exclude", "[a").want(t, 2, "", `"[a" is not a glob`)
}

func TestPushTogether(t *testing.T) {
	workIn(t)
	var args []string
	for i := range 300 { // more at once than may be open
		path := fmt.Sprintf("tree/%03d.txt", i)
		write(t, path, strings.Repeat(path, i))
		args = append(args, path)
	}
	r := run(t, "", append([]string{"sheaf", "push", "--atomic", "--data-dir", "store", "--message", "at once"}, args...)...)
	r.want(t, 0, "000.txt\n", "pushed 300 documents")
	if names := listed(t, "--data-dir", "store"); len(names) != 300 || !slices.Contains(names, "299.txt") {
		t.Errorf("%d documents, want 300", len(names))
	}
	run(t, "", "sheaf", "log", "--data-dir", "store").want(t, 0, "document.create_batch", "")

	// One wrong file keeps all from being stored, and is named.
	write(t, "tree/bad\x1bname", "x")
	run(t, "", "sheaf", "push", "--atomic", "--data-dir", "store", "tree").want(t, 2, "", `bad\x1bname`)
	run(t, "", "sheaf", "push", "--atomic", "--data-dir", "store", "tree/001.txt", "missing").want(t, 4, "", "missing: there is no such file")
	run(t, "", "sheaf", "push", "--atomic", "--data-dir", "store", "--tags", strings.Repeat("t", 100), "tree/001.txt", "tree/002.txt").
		want(t, 2, "", "tree/002.txt: the tag")
	if names := listed(t, "--data-dir", "store"); len(names) != 300 {
		t.Errorf("%d documents, want still 300", len(names))
	}
}

// Files of one request are stored side by side; whoever asks for one job wants
// them one after the other.
func TestPushInOrder(t *testing.T) {
	workIn(t)
	args := []string{"sheaf", "push", "--data-dir", "store", "--jobs", "1"}
	var want []string
	for i := range 20 {
		name := fmt.Sprintf("%02d.txt", (i*7)%20)
		write(t, name, name)
		args, want = append(args, name), append(want, name)
	}
	run(t, "", args...).want(t, 0, want[0], "pushed 20 documents")
	got := run(t, "", "sheaf", "log", "--data-dir", "store", "--json").out
	slices.Reverse(want) // the log begins with the latest
	at := 0
	for _, name := range want {
		next := strings.Index(got[at:], name)
		if next < 0 {
			t.Fatalf("%s is not where it should be in the log; want the order %v", name, want)
		}
		at += next
	}
}
