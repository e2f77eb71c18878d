package catalog

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/pressly/goose/v3"

	"github.com/sheaf-dev/sheaf"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the schema up to date. Before it changes a catalog that holds
// anything it copies the file beside itself, named for the version it had.
func migrate(ctx context.Context, db *sql.DB, options Options) error {
	scripts, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, scripts, goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	current, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version of %s: %w", options.Path, translate(err))
	}
	switch {
	case current > newest:
		return sheaf.Errorf(sheaf.ErrUnsupported, "the catalog %s has schema version %d, this Sheaf knows versions up to %d", options.Path, current, newest).
			WithHint("use the Sheaf that wrote it, or a newer one")
	case current == newest:
		return nil
	case current > 0:
		backup := fmt.Sprintf("%s.v%d.backup", options.Path, current)
		if err := writeBackup(ctx, db, backup); err != nil {
			return fmt.Errorf("back up %s before migrating it: %w", options.Path, translate(err))
		}
		options.Log.Info("backed up the catalog before migrating it", "backup", backup, "from", current, "to", newest)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s from version %d to %d: %w", options.Path, current, newest, translate(err))
	}
	return nil
}

// writeBackup copies the database into a file, in place of one that an earlier
// attempt has left. When it returns, the file is on disk: the engine does not
// see to that. https://www.sqlite.org/lang_vacuum.html
func writeBackup(ctx context.Context, db *sql.DB, path string) error {
	// Nobody else may read it, as with the catalog itself. The engine takes an
	// empty file.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := db.ExecContext(ctx, backupStatement, path); err != nil {
		return err
	}
	return file.Sync()
}
