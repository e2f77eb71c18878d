package library

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sheaf-dev/sheaf/internal/auditfile"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	exportBatch    = 1000 // entries of one piece of the export
	exportInterval = time.Second

	// sealDelay is how long after midnight, UTC, the file of a day is sealed, even
	// if nothing has happened since.
	sealDelay = time.Minute
)

// An exporter writes the audit to files of a day each. It is used by one
// goroutine at a time.
type exporter struct {
	catalog *catalog.Catalog
	dir     string
	clock   func() time.Time
	files   *auditfile.Writer // nil until the first run, and after an error
}

// run exports a batch. It reports whether there is more.
func (e *exporter) run(ctx context.Context) (more bool, err error) {
	if e.files == nil {
		if e.files, err = auditfile.Open(e.dir); err != nil {
			return false, err
		}
	}
	if more, err = e.export(ctx); err != nil {
		_ = e.close() // what is not durable will be written again
	}
	return more, err
}

func (e *exporter) export(ctx context.Context) (more bool, err error) {
	var rows []catalog.AuditRow
	// Both tables at one moment: an id that is skipped is never looked for again.
	err = e.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		rows, err = v.AuditAfter(e.files.Last(), exportBatch)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		entry, err := auditEntry(row, nil)
		if err != nil {
			return false, err
		}
		text, err := json.Marshal(entry)
		if err != nil {
			return false, fmt.Errorf("encode entry %d of the audit: %w", row.ID, err)
		}
		if err := e.files.Append(dayOf(row.At), row.ID, text); err != nil {
			return false, err
		}
	}
	more = len(rows) == exportBatch
	if today := dayOf(e.clock().Add(-sealDelay)); !more && e.files.Day() != "" && e.files.Day() < today {
		if err := e.files.Begin(today); err != nil {
			return false, err
		}
	}
	return more, e.files.Sync()
}

// close closes the files. The next run opens them again.
func (e *exporter) close() error {
	if e.files == nil {
		return nil
	}
	err := e.files.Close()
	e.files = nil
	return err
}
