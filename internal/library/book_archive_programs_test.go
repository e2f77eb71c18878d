package library_test

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// multiply makes copies of the one file of a book, at other paths, as if they had
// been written with it.
const multiply = `
with recursive copies (n) as (select 1 union all select n + 1 from copies where n < %d)
insert into documents (pk, id, collection, path, path_key, name, filename, description, tags, metadata, version, digest, size, mime,
	created_at, updated_at, rev, deleted)
select pk + n, printf('doc_%%012x', n), collection, printf('content/%%02d/%%06d-größe.md', n / 1000, n), printf('content/%%02d/%%06d-größe.md', n / 1000, n),
	name, filename, description, tags, metadata, version, digest, size, mime, created_at, updated_at, rev, deleted
from documents, copies where path = 'first.md';
insert into versions (document, n, digest, size, mime, author, label, message, at)
select d.pk, v.n, v.digest, v.size, v.mime, v.author, v.label, v.message, v.at
from documents d, versions v join documents f on f.pk = v.document and f.path = 'first.md' where d.path <> 'first.md';
insert into states (document, layer, stay, rev_from, rev_to, collection, version, path, path_key, name, filename, description, tags, metadata, deleted)
select d.pk, s.layer, s.stay, s.rev_from, s.rev_to, d.collection, s.version, d.path, d.path_key, s.name, s.filename, s.description, s.tags, s.metadata, s.deleted
from documents d, states s join documents f on f.pk = s.document and f.path = 'first.md' where d.path <> 'first.md';
`

// counting counts the entries of a ZIP file that have a content, after reading all.
const counting = `
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
print(sum(archive.read(name) == b"x" for name in archive.namelist()), archive.namelist()[-2])
`

// The archive of a book of more files than the ZIP format had room for at first,
// read by programs of others, those of them that this machine has: where CI is set
// it has to have both.
func TestBookArchiveOfManyFiles(t *testing.T) {
	const copies = 70_000
	s := open(t)
	s.mustPut("first.md", "x")
	s.drain()
	if err := s.catalog.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(s.setup.dir, "documents.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(fmt.Sprintf(multiply, copies))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s = openSetup(t, s.setup)

	now := s.bookArchive()
	s.mustPut("last.md", "y") // so that the same is asked for as the past
	then := s.bookArchive(atRevision(now.Revision))
	if now.Documents != copies+1 || now.ETag() != then.ETag() {
		t.Fatalf("the archive has %d documents and the ETag %s, that of the past %d and %s", now.Documents, now.ETag(), then.Documents, then.ETag())
	}
	file := filepath.Join(t.TempDir(), "book.zip")
	if err := os.WriteFile(file, s.packed(now), 0o600); err != nil {
		t.Fatal(err)
	}
	for program, test := range map[string]struct {
		args []string
		want string
	}{
		"unzip":   {[]string{"-t", "-q", file}, "No errors detected in"},
		"python3": {[]string{"-c", counting, file}, fmt.Sprintf("%d content/%02d/%06d-größe.md", copies+1, copies/1000, copies)},
	} {
		found, err := exec.LookPath(program)
		if err != nil && os.Getenv("CI") == "" {
			t.Logf("%s is not here", program)
			continue
		}
		command := exec.Command(found, test.args...)
		command.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		if out, err := command.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), test.want) {
			t.Errorf("%s: %.500s (%v), want %s", program, out, err, test.want)
		}
	}
}
