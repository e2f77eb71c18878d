package library_test

import (
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A summary has nearly the name of its lesson. Whoever mistypes the lesson's wants
// the lesson.
func TestSummariesAreNotSuggested(t *testing.T) {
	s := open(t)
	for _, p := range []string{"content/01-a/.summary.md", "content/01-a/01-intro.md", "content/01-a/01-intro.summary.md", "only/.summary.md"} {
		s.mustPut(p, "text")
	}
	for asked, want := range map[string]string{
		"content/01-a/01-intr.md":         "did you mean content/01-a/01-intro.md?",
		"content/01-a":                    "it is a directory, with content/01-a/01-intro.md",
		"only":                            "it is a directory",
		"content/01-a/01-intr.summary.md": "01-intro.summary.md",
	} {
		_, err := s.OpenAtPath(t.Context(), library.Place{Book: "book", Path: asked}, library.Moment{})
		hint := hintOf(err)
		if !strings.Contains(hint, want) || !strings.Contains(asked, "summary") && strings.Contains(hint, "summary") {
			t.Errorf("%s: %q, want %q", asked, hint, want)
		}
	}
}

// Agents have no command line, and are told what they can do themselves.
func TestHintsOfArchivedCollections(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", "a")
	s.setStatus("book", sheaf.StatusArchived)
	_, err := s.put("a.md", "b")
	if hint := hintOf(err); !strings.Contains(hint, "write elsewhere") || !strings.Contains(hint, "`sheaf collections unarchive book`") {
		t.Errorf("writing to an archived book: %v (%s)", err, hint)
	}
}
