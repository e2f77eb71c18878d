package markup

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"content/01-hello.md", "content/02-world.md", "other/deep/01-hello.md", "x.png"}
	for name, want := range map[string]string{
		"content/01-helo.md":    "content/01-hello.md",
		"Content/01-Hello.md":   "content/01-hello.md",
		"elsewhere/02-world.md": "content/02-world.md",
		"nothing/like/it":       "",
		"":                      "",
	} {
		near := Nearest(name, names, 5)
		if got := append(near, "")[0]; got != want {
			t.Errorf("near %q: %v, want %q first", name, near, want)
		}
	}
	if near := Nearest("content/01-hello.md", names, 1); len(near) != 1 {
		t.Errorf("one near name: %v", near)
	}
}
