package catalog

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// Whatever is changed behind the catalog's back, the check names it.
func TestCheckFindsTampering(t *testing.T) {
	for _, test := range []struct {
		name, statement, want string
	}{
		{"payload of an entry", `update log set payload = replace(payload, 'a.md', 'b.md') where rev = 2`, "revision 2 of default: its hash"},
		{"author of an entry", `update log set principal = 'other' where rev = 2`, "revision 2 of default: its columns"},
		{"an entry removed", `delete from log where rev = 2`, "revision 3 of default: it follows revision 1"},
		{"hash replaced", `update log set hash = prev where rev = 2`, "revision 3 of default: it does not name the hash"},
		{"version removed", `delete from versions where document = 1`, "current version is missing"},
		{"content swapped", `update versions set digest = (select digest from versions where document = 2) where document = 1`, "has another content"},
		{"name changed", `update documents set name = 'other' where pk = 1`, "current state is not what"},
		{"state removed", `delete from states where document = 1`, "current state is not what"},
		{"interval broken", `insert into states select document, layer, stay, 1, 2, collection, base, version, path, name, filename, description, tags, metadata, deleted, path_key from states where document = 2`, "leave a gap"},
		{"copy of a version that is not there", `insert into states select document, 'user:ada', stay, rev_from, rev_to, collection, base, 9, path, name, filename, description, tags, metadata, deleted, path_key from states where document = 2`, "a layer has a version of it that is not there"},
		{"copy of a purged version", `insert into states select document, 'user:ada', stay, rev_from, rev_to, collection, base, version, path, name, filename, description, tags, metadata, deleted, path_key from states where document = 2; update versions set purged = 1 where document = 2`, "a layer has a version of it that is purged"},
		{"in no layer", `update documents set deleted = 2 where pk = 2; delete from states where document = 2`, "said to be in layers only, and is not"},
		{"state without entry", `update states set rev_from = 7 where document = 2`, "has no log entry"},
		{"relation with nothing", `insert into relations values (1, 'related', 99, '', '', '', 0)`, "leads to a document that does not exist"},
		{"relation with what is purged", `insert into relations select 1, 'parent', pk, '', '', '', 0 from documents where pk = 2; update documents set deleted = 1, purged = 1 where pk = 2`, "does not exist or is purged"},
		{"its own ancestor", `insert into relations values (1, 'parent', 2, '', '', '', 0), (2, 'parent', 1, '', '', '', 0)`, "it is its own parent"},
		{"its own predecessor", `insert into relations values (1, 'predecessor', 2, '', '', '', 0), (2, 'predecessor', 1, '', '', '', 0)`, "it is its own predecessor"},
		{"blob forgotten", `delete from blobs where pk = 1`, "no live blob"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "documents.db")
			c, err := Open(t.Context(), Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			collection := addCollection(t, c, "default", sheaf.KindDocuments)
			for _, name := range []string{"a.md", "c.md"} {
				if _, err := create(t.Context(), c, collection, name, nil, []byte(name)); err != nil {
					t.Fatal(err)
				}
			}
			checkClean(t, c)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			alter(t, path, test.statement)

			c = open(t, Options{Path: path})
			var problems []string
			_, err = c.Check(t.Context(), false, func(_, message string, _ ...sheaf.DocumentID) { problems = append(problems, message) })
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(problems, "\n"), test.want) || len(problems) == 0 {
				t.Errorf("the check found %q, want a problem with %q", problems, test.want)
			}
		})
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	c, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	alter(t, path, `insert into goose_db_version (version_id, is_applied) values (99, 1)`)
	_, err = Open(t.Context(), Options{Path: path})
	if sheaf.KindOf(err) != sheaf.ErrUnsupported || !strings.Contains(err.Error(), "schema version 99") {
		t.Errorf("opening a catalog of version 99: %v, want %s", err, sheaf.ErrUnsupported)
	}
}

func TestForeignFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Path: path}); sheaf.KindOf(err) != sheaf.ErrDamaged {
		t.Errorf("opening a file that is no database: %v, want %s", err, sheaf.ErrDamaged)
	}
}

// alter changes a closed catalog's file behind its back.
func alter(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open(driverName, path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// A posting that is lost hides documents from listings, and nothing else would
// ever tell.
func TestCheckFindsALostPosting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	c, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	collection := addCollection(t, c, "default", sheaf.KindDocuments)
	if _, err := create(t.Context(), c, collection, "a.md", []string{"x"}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.IndexListing(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	checkClean(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	alter(t, path, `delete from postings where term = 'tx'`)
	c = open(t, Options{Path: path})
	var problems []string
	_, err = c.Check(t.Context(), true, func(_, message string, _ ...sheaf.DocumentID) { problems = append(problems, message) })
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) != 1 || !strings.Contains(problems[0], `lacks its term "tx"`) {
		t.Errorf("the check found %q, want the lost posting", problems)
	}
}
