package cli

import (
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestTree(t *testing.T) {
	root := &treeNode{}
	for i, name := range []string{"z", "b/c/d", "a", "b", "b/a", "/etc/x", "b/c/d", "bad\x1b[2J/y"} {
		root.add(sheaf.Document{ID: sheaf.DocumentID("doc_" + string(rune('0'+i))), Name: name})
	}
	root.sort()
	var b strings.Builder
	root.write(&b, "")
	const want = `├── /
│   └── etc/
│       └── x  doc_5
├── a  doc_2
├── b/
│   ├── a  doc_4
│   └── c/
│       ├── d  doc_1
│       └── d  doc_6
├── b  doc_3
├── bad\x1b[2J/
│   └── y  doc_7
└── z  doc_0
`
	if got := b.String(); got != want {
		t.Errorf("the tree is\n%s\nwant\n%s", got, want)
	}
}
