package lineartest

import (
	"fmt"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// A fakeT notes whether a check has failed.
type fakeT struct {
	testing.TB
	failed bool
}

func (t *fakeT) Helper()               {}
func (t *fakeT) Errorf(string, ...any) { t.failed = true }

// The check tells histories that make sense from those that do not.
func TestCheck(t *testing.T) {
	digest := func(content string) sheaf.Digest { return sheaf.DigestOf([]byte(content)) }
	doc := sheaf.Document{ID: "doc_0123456789ab", Version: 1, Digest: digest("a")}
	read := Call{Document: doc.ID, Op: Read}
	write := func(content string, over ...string) Call {
		c := Call{Document: doc.ID, Op: Write, Written: digest(content)}
		if len(over) > 0 {
			c.Expected = digest(over[0])
		}
		return c
	}
	remove, restore := Call{Document: doc.ID, Op: Delete}, Call{Document: doc.ID, Op: Restore}
	lost := fmt.Errorf("the connection broke")
	none := sheaf.Errorf(sheaf.ErrNotFound, "Document not found")
	type done struct {
		call    Call
		version int
		digest  sheaf.Digest
		err     error
	}
	for name, test := range map[string]struct {
		calls []done // one after the other
		want  bool
	}{
		"nothing":                  {nil, true},
		"as it was":                {[]done{{read, 1, digest("a"), nil}}, true},
		"told of the version only": {[]done{{read, 1, sheaf.Digest{}, nil}}, true},
		"another version":          {[]done{{read, 2, sheaf.Digest{}, nil}}, false},
		"told of the digest only":  {[]done{{read, 0, digest("a"), nil}}, true},
		"another content":          {[]done{{read, 1, digest("b"), nil}}, false},
		"a write is seen":          {[]done{{write("b"), 2, digest("b"), nil}, {read, 2, digest("b"), nil}}, true},
		"a write is not seen":      {[]done{{write("b"), 2, digest("b"), nil}, {read, 1, digest("a"), nil}}, false},
		"a number twice":           {[]done{{write("b"), 2, digest("b"), nil}, {write("c"), 2, digest("c"), nil}}, false},
		"the same bytes":           {[]done{{write("a"), 1, digest("a"), nil}, {write("b"), 2, digest("b"), nil}}, true},
		"a lost update":            {[]done{{write("b", "a"), 2, digest("b"), nil}, {write("c", "a"), 3, digest("c"), nil}}, false},
		"deleted":                  {[]done{{remove, 1, digest("a"), nil}, {read, 0, sheaf.Digest{}, none}, {restore, 1, digest("a"), nil}, {read, 1, digest("a"), nil}}, true},
		"deleted and still there":  {[]done{{remove, 1, digest("a"), nil}, {read, 1, digest("a"), nil}}, false},
		"a lost answer, happened":  {[]done{{write("b"), 0, sheaf.Digest{}, lost}, {read, 2, digest("b"), nil}}, true},
		"a lost answer, did not":   {[]done{{write("b"), 0, sheaf.Digest{}, lost}, {read, 1, digest("a"), nil}}, true},
		"a lost answer, and other": {[]done{{write("b"), 0, sheaf.Digest{}, lost}, {read, 2, digest("c"), nil}}, false},
		"a lost answer comes late": {[]done{{write("b"), 0, sheaf.Digest{}, lost}, {read, 1, digest("a"), nil}, {read, 2, digest("b"), nil}}, false},
		"a conflict": {[]done{{write("b", "c"), 0, sheaf.Digest{}, &sheaf.Error{Kind: sheaf.ErrConflict,
			Conflict: &sheaf.WriteConflict{CurrentHash: digest("a"), CurrentVersion: 1}}}}, true},
		"a conflict with nothing": {[]done{{write("b", "a"), 0, sheaf.Digest{}, &sheaf.Error{Kind: sheaf.ErrConflict,
			Conflict: &sheaf.WriteConflict{CurrentHash: digest("a"), CurrentVersion: 1}}}}, false},
	} {
		r := NewRecorder(doc)
		for _, d := range test.calls {
			err := r.Do(0, d.call, func() (int, sheaf.Digest, error) { return d.version, d.digest, d.err })
			if (err != nil) != (d.err == lost) {
				t.Errorf("%s: recording %s returned %v", name, d.call, err)
			}
			if err != nil {
				r.Settle()
			}
		}
		fake := &fakeT{TB: t}
		if r.Check(fake); fake.failed == test.want {
			t.Errorf("the history %q is taken for linearizable: %t, want %t", name, !fake.failed, test.want)
		}
	}
}
