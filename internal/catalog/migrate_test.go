package catalog

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/sheaf-dev/sheaf"
)

// makeVersion1 makes a catalog as the first Sheaf did, with all that is in
// another and had a place in the first.
func makeVersion1(t *testing.T, path, from string) {
	t.Helper()
	db, err := sql.Open(driverName, path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	scripts, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, scripts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), 1); err != nil {
		t.Fatalf("applying the first migration: %v", err)
	}
	statements := []string{fmt.Sprintf(`attach '%s' as later`, from)}
	for _, table := range []string{"meta", "collections", "documents", "versions", "states", "log", "blobs", "inline_blobs", "idempotency", "postings", "listing_changes"} {
		var columns string
		err := db.QueryRowContext(t.Context(), `select group_concat(name) from pragma_table_info($1)`, table).Scan(&columns)
		if err != nil {
			t.Fatalf("the columns of %s: %v", table, err)
		}
		statements = append(statements, fmt.Sprintf(`insert into %s (%s) select %s from later.%s`, table, columns, columns, table))
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// A store of the first Sheaf keeps everything when it is opened by this one, and
// is still there as it was, for whoever has to go back.
func TestMigrationKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	later := filepath.Join(dir, "later.db")
	c, err := Open(t.Context(), Options{Path: later})
	if err != nil {
		t.Fatal(err)
	}
	collection := addCollection(t, c, "default", sheaf.KindDocuments)
	var ids []sheaf.DocumentID
	for i := range 20 {
		h, err := create(t.Context(), c, collection, fmt.Sprintf("note %d.md", i), []string{"t", fmt.Sprint(i % 3)}, []byte(fmt.Sprint("content ", i)))
		if err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 {
			if _, err := change(t.Context(), c, h.ID, func(h *Head) { h.Name += " (changed)"; h.Deleted = i%8 == 0 }); err != nil {
				t.Fatal(err)
			}
		}
		ids = append(ids, h.ID)
	}
	if _, err := c.IndexListing(t.Context(), 12); err != nil {
		t.Fatal(err)
	}
	want := everything(t, c, collection, ids)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "documents.db")
	makeVersion1(t, path, later)

	c, err = Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatalf("opening a catalog of the first version: %v", err)
	}
	checkClean(t, c)
	migrated, ok := c.Collection("default")
	if !ok {
		t.Fatal("the collection is not there after migrating")
	}
	if got := everything(t, c, migrated, ids); !reflect.DeepEqual(got, want) {
		t.Errorf("after migrating there is\n%+v, want\n%+v", got, want)
	}
	// It goes on with what the new schema can do.
	if _, err := change(t.Context(), c, ids[0], func(h *Head) { h.Purged = true }); err != nil {
		t.Errorf("purging a document from before: %v", err)
	}
	checkClean(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}

	backup := path + ".v1.backup"
	info, err := os.Stat(backup)
	if err != nil {
		t.Fatalf("the backup: %v", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the backup has the mode %v, want that only its owner may read it", info.Mode())
	}
	db, err := sql.Open(driverName, backup)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var version, documents, purgeable int
	err = db.QueryRowContext(t.Context(), `select (select max(version_id) from goose_db_version), (select count(*) from documents),
		(select count(*) from pragma_table_info('documents') where name = 'purged')`).Scan(&version, &documents, &purgeable)
	if err != nil || version != 1 || documents != len(ids) || purgeable != 0 {
		t.Errorf("the backup has version %d, %d documents, %d columns of the next version, %v; want version 1 with all documents", version, documents, purgeable, err)
	}

	// Once is enough, and what an attempt has left is no obstacle.
	if err := os.Remove(backup); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Path: path})
	if _, err := os.Stat(backup); !os.IsNotExist(err) {
		t.Errorf("a second backup when nothing was migrated: %v", err)
	}
	again := filepath.Join(dir, "again.db")
	makeVersion1(t, again, later)
	if err := os.WriteFile(again+".v1.backup", []byte("half a backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	checkClean(t, open(t, Options{Path: again}))
}

// everything returns what a catalog says of documents, their past and its log.
func everything(t *testing.T, c *Catalog, collection *Collection, ids []sheaf.DocumentID) (all []any) {
	t.Helper()
	all = append(all, *collection)
	err := c.Snapshot(t.Context(), func(v *View) error {
		for _, id := range ids {
			head, ref, _, found, err := v.headContent(id)
			if err != nil || !found {
				return fmt.Errorf("the head of %s: found %t, %w", id, found, err)
			}
			versions, err := v.Versions(head.PK, 0, 10)
			if err != nil {
				return err
			}
			all = append(all, head, ref, versions)
			for rev := int64(1); rev <= head.Rev; rev++ {
				past, found, err := v.HeadAtRev(head, rev)
				if err != nil {
					return err
				}
				all = append(all, past, found)
			}
		}
		return v.Log(0, func(e sheaf.LogEntry) error {
			e.Payload = append([]byte(nil), e.Payload...)
			all = append(all, e)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, filter := range []DocumentFilter{{Name: "changed"}, {Tags: []string{"t", "1"}}, {}} {
		filter.Collections = []*Collection{collection}
		all = append(all, list(t, c, filter, 7))
	}
	return all
}
