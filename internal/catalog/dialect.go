package catalog

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/sheaf-dev/sheaf"
)

// driverName is the driver that modernc.org/sqlite registers.
const driverName = "sqlite"

// forever is rev_to of a state that is current.
const forever = 1<<63 - 1

// dataSource returns the name under which the driver opens the database file.
// The writer keeps a larger page cache; checkpoints run on its connection, after
// checkpointPages pages of log.
func dataSource(path string, readOnly bool) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	pragmas := []string{
		"busy_timeout(10000)",
		"temp_store(memory)",
	}
	if readOnly {
		pragmas = append(pragmas, "query_only(1)", "cache_size(-4096)")
	} else {
		pragmas = append(pragmas,
			"journal_mode(wal)",
			"synchronous(full)",
			"cache_size(-32768)",
			fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages),
			fmt.Sprintf("journal_size_limit(%d)", 64<<20),
		)
	}
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return source.String(), nil
}

// checkpointPages is after how many pages the write-ahead log is folded into the
// database. Larger logs mean fewer writes of the same page and a longer pause.
const checkpointPages = 4096

// backupStatement copies the database into a new file, whole and consistent.
const backupStatement = `vacuum into $1`

// What a connection waits for when it commits: after laxStatement for nothing,
// and a loss of power undoes the last commits, but leaves no half of one; after
// strictStatement, as a connection begins, until all commits are on disk.
// https://www.sqlite.org/pragma.html#pragma_synchronous
const (
	laxStatement    = `pragma synchronous = normal`
	strictStatement = `pragma synchronous = full`
)

// integrityStatement returns one row "ok", or a row for each problem.
func integrityStatement(full bool) string {
	if full {
		return `pragma integrity_check`
	}
	return `pragma quick_check`
}

// translate turns an error of the engine that a caller can act on into a sheaf.Error.
func translate(err error) error {
	var engine *sqlite.Error
	if err == nil || errors.Is(err, sql.ErrNoRows) || !errors.As(err, &engine) {
		return err
	}
	switch engine.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return diskFull(err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		return sheaf.Errorf(sheaf.ErrUnavailable, "the catalog cannot be read or written: %w", err).
			WithHint("check the disk of the data directory; nothing was changed by this request")
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return sheaf.Errorf(sheaf.ErrDamaged, "the catalog is damaged: %w", err).
			WithHint("stop writing, run sheaf admin fsck, and restore documents.db from a backup")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return sheaf.Errorf(sheaf.ErrUnavailable, "the catalog is locked by another program: %w", err).
			WithHint("close other programs that have documents.db open")
	}
	return err
}

func diskFull(err error) error {
	return sheaf.Errorf(sheaf.ErrDiskFull, "the disk of the data directory is full: %w", err).
		WithHint("free space and try again; nothing was changed by this request")
}
