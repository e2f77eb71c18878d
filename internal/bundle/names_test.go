package bundle_test

import (
	"path"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

func TestUniqueNames(t *testing.T) {
	long := strings.Repeat("ä", 200)
	for _, test := range []struct {
		about       string
		names, want []string
		reserved    []string
	}{
		{about: "nothing"},
		{about: "unique and safe",
			names: []string{"a.txt", "b.txt", "Notes & more (2024).md", ".gitignore", "日本語.md"},
			want:  []string{"a.txt", "b.txt", "Notes & more (2024).md", ".gitignore", "日本語.md"}},
		{about: "twice",
			names: []string{"a.txt", "a.txt", "a.txt", "b", "b", ".env", ".env"},
			want:  []string{"a.txt", "a (2).txt", "a (3).txt", "b", "b (2)", ".env", ".env (2)"}},
		{about: "a name that a number would make",
			names: []string{"a.txt", "a.txt", "a (2).txt"},
			want:  []string{"a.txt", "a (3).txt", "a (2).txt"}},
		{about: "case and accents",
			names: []string{"Straße", "STRASSE", "Résumé.pdf", norm.NFD.String("résumé.pdf")},
			want:  []string{"Straße", "STRASSE (2)", "Résumé.pdf", norm.NFD.String("résumé (2).pdf")}},
		{about: "characters that are reserved",
			names: []string{`what?.md`, `a<b>c:d"e|f*g\h`, "tab\there", "line\nbreak", "exe\u202egpj.exe", "bad\xff"},
			want:  []string{`what_.md`, `a_b_c_d_e_f_g_h`, "tab_here", "line_break", "exe_gpj.exe", "bad_"}},
		{about: "ends that Windows drops",
			names: []string{"a.", "a ", " a", "...", " ", "", "."},
			want:  []string{"a", "a (2)", "a (3)", "unnamed", "unnamed (2)", "unnamed (3)", "unnamed (4)"}},
		{about: "devices",
			names: []string{"CON", "nul.txt", "com1.tar.gz", "LPT¹", "aux .md", "console", "COM10", "Common"},
			want:  []string{"_CON", "_nul.txt", "_com1.tar.gz", "_LPT¹", "_aux .md", "console", "COM10", "Common"}},
		{about: "directories",
			names: []string{"docs/a.md", "docs/a.md", "/etc/passwd", "../../up", "a//b/./c", "x/", "con/nul/file"},
			want:  []string{"docs/a.md", "docs/a (2).md", "etc/passwd", "up", "a/b/c", "x", "_con/_nul/file"}},
		{about: "a file where a directory is",
			names: []string{"docs", "Docs/a.md", "docs/A.md"},
			want:  []string{"docs (2)", "Docs/a.md", "docs/A (2).md"}},
		{about: "reserved paths",
			names:    []string{"Manifest.json", "manifest.json/a", "a"},
			want:     []string{"Manifest (2).json", "manifest.json_/a", "a"},
			reserved: []string{"manifest.json"}},
		{about: "an extension that is none",
			names: []string{"Mr. Smith goes", "Mr. Smith goes"},
			want:  []string{"Mr. Smith goes", "Mr. Smith goes (2)"}},
		{about: "long names",
			names: []string{long + ".txt", long + ".txt", long, "a/" + long},
			want: []string{strings.Repeat("ä", 125) + ".txt", strings.Repeat("ä", 123) + " (2).txt",
				strings.Repeat("ä", 127), "a/" + strings.Repeat("ä", 127)}},
		{about: "a path that is too long",
			names: []string{strings.Repeat("directory/", 200) + "name.txt"},
			want:  []string{"name.txt"}},
	} {
		if got := bundle.UniqueNames(test.names, test.reserved...); !slices.Equal(got, test.want) {
			t.Errorf("%s: UniqueNames of %q is\n%q, want\n%q", test.about, test.names, got, test.want)
		}
	}
}

func TestUniqueNamesOfManyAlike(t *testing.T) {
	names := make([]string, 50_000)
	for i := range names {
		names[i] = "untitled.md"
	}
	paths := bundle.UniqueNames(names)
	if last := paths[len(paths)-1]; last != "untitled (50000).md" {
		t.Errorf("the last of 50,000 documents with one name is %q", last)
	}
}

// checkUniqueNames checks what UniqueNames promises for all names.
func checkUniqueNames(t failer, names, reserved []string) {
	t.Helper()
	paths := bundle.UniqueNames(names, reserved...)
	if len(paths) != len(names) {
		t.Fatalf("%d paths for %d names", len(paths), len(names))
	}
	if again := bundle.UniqueNames(paths, reserved...); !slices.Equal(again, paths) {
		t.Fatalf("the paths %q of %q are not left as they are: %q", paths, names, again)
	}
	var entries []bundle.Entry
	files, dirs := make(map[string]string), make(map[string]string)
	for _, p := range append(slices.Clone(paths), reserved...) {
		entries = append(entries, bundle.Literal(p, nil))
		key := strings.ToLower(norm.NFC.String(p))
		if other, ok := files[key]; ok {
			t.Fatalf("of %q: %q and %q are the same to some system", names, other, p)
		}
		files[key] = p
		for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
			dirs[dir] = p
		}
	}
	for dir, p := range dirs {
		if file, ok := files[dir]; ok {
			t.Fatalf("of %q: %q is a file, and a directory of %q", names, file, p)
		}
	}
	if _, err := bundle.NewArchive(entries); err != nil {
		t.Fatalf("NewArchive with the paths %q of %q: %v", paths, names, err)
	}
	for i, p := range paths {
		for segment := range strings.SplitSeq(p, "/") {
			last := segment[len(segment)-1]
			if len(segment) > 255 || last == '.' || last == ' ' || strings.ContainsAny(segment, `<>:"|?*\`) ||
				strings.ContainsFunc(segment, unicode.IsControl) || strings.ToUpper(segment) == "NUL" {
				t.Fatalf("the path %q of %q has the segment %q, which Windows cannot have", p, names[i], segment)
			}
		}
	}
}

func TestUniqueNamesAreSafe(t *testing.T) {
	hostile := rapid.StringOf(rapid.SampledFrom([]rune("aAbß/ ./.\\:.(2)é\u0301\u202e\x00Kk")))
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOf(rapid.OneOf(hostile, rapid.String(), rapid.SampledFrom([]string{
			"a", "A", "a/a", "a/A", "a (2)", "nul", "NUL.txt", "m.json", "M.JSON", "m.json/a", "m.json_/A", "..", "",
		}))).Draw(t, "names")
		checkUniqueNames(t, names, []string{"m.json"})
	})
}

func FuzzUniqueNames(f *testing.F) {
	f.Add("a.txt\na.txt\nA.TXT\na/b\n../c")
	f.Add("nul\nm.json\nm.json/a\nm.json_\nm.json_/a")
	f.Fuzz(func(t *testing.T, names string) {
		checkUniqueNames(t, strings.Split(names, "\n"), []string{"m.json"})
	})
}

func TestNameOf(t *testing.T) {
	for _, test := range []struct{ path, name, filename, want string }{
		{"ch1/intro.md", "Introduction", "intro.md", "ch1/intro.md"},
		{"", "Meeting notes", "notes.md", "notes.md"},
		{"", "tree/sub/notes.md", "notes.md", "tree/sub/notes.md"},
		{"", "about/notes", "notes.md", "notes.md"},
		{"", "footnotes.md", "notes.md", "notes.md"},
	} {
		if got := bundle.NameOf(sheaf.Document{Path: test.path, Name: test.name, Filename: test.filename}); got != test.want {
			t.Errorf("NameOf(%+v) = %q, want %q", test, got, test.want)
		}
	}
}
