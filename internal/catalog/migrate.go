package catalog

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"

	"github.com/pressly/goose/v3"

	"github.com/sheaf-dev/sheaf"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the schema up to date. Before it changes a catalog that holds
// anything it copies the file beside itself, named for the version it had.
func migrate(ctx context.Context, db *sql.DB, options Options) error {
	scripts, err := readMigrations("migrations/sqlite")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, nil,
		goose.WithGoMigrations(scripts...), goose.WithSlog(slog.New(slog.DiscardHandler)))
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
	// A loss of power may take migrations back, whole ones and the last first,
	// for which nobody has been promised anything yet. The first commit that is
	// acknowledged makes them durable too.
	if _, err := db.ExecContext(ctx, laxStatement); err != nil {
		return translate(err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s from version %d to %d: %w", options.Path, current, newest, translate(err))
	}
	_, err = db.ExecContext(ctx, strictStatement)
	return translate(err)
}

// readMigrations returns the scripts of a directory, by the numbers that begin
// their names. Each is handed to the engine as it is: reading one statement by
// statement, as goose would, takes it longer than running them.
func readMigrations(dir string) ([]*goose.Migration, error) {
	files, err := fs.ReadDir(migrations, dir)
	if err != nil {
		return nil, err
	}
	var scripts []*goose.Migration
	for _, file := range files {
		version, err := goose.NumericComponent(file.Name())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), err)
		}
		script, err := fs.ReadFile(migrations, path.Join(dir, file.Name()))
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, goose.NewGoMigration(version, &goose.GoFunc{
			RunTx: func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, string(script))
				return err
			},
		}, nil))
	}
	return scripts, nil
}

// writeBackup copies the database into a file, in place of one that an earlier
// attempt has left. When it returns, the file is on disk: the engine does not
// see to that. https://www.sqlite.org/lang_vacuum.html
func writeBackup(ctx context.Context, db *sql.DB, name string) error {
	// Nobody else may read it, as with the catalog itself. The engine takes an
	// empty file.
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := db.ExecContext(ctx, backupStatement, name); err != nil {
		return err
	}
	return file.Sync()
}
