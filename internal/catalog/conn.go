package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// A conn is one database connection with its prepared statements. It is used by
// one goroutine at a time.
type conn struct {
	sql        *sql.Conn
	statements map[string]*sql.Stmt
}

func newConn(ctx context.Context, db *sql.DB) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{sql: c, statements: make(map[string]*sql.Stmt)}, nil
}

// prepared returns the statement for a query text, which it prepares once. Query
// texts are constants or made of few parts, so that there are not many.
func (c *conn) prepared(query string) (*sql.Stmt, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	s, err := c.sql.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	c.statements[query] = s
	return s, nil
}

// Contexts of callers never reach the connection: the driver would start a
// goroutine per statement to watch them, and an interrupted statement would end
// the transaction of others.

func (c *conn) exec(query string, args ...any) (sql.Result, error) {
	s, err := c.prepared(query)
	if err != nil {
		return nil, translate(err)
	}
	result, err := s.ExecContext(context.Background(), args...)
	return result, translate(err)
}

// row runs a query of one row; found is false when there is none.
func (c *conn) row(query string, args []any, into ...any) (found bool, err error) {
	s, err := c.prepared(query)
	if err != nil {
		return false, translate(err)
	}
	switch err := s.QueryRowContext(context.Background(), args...).Scan(into...); err {
	case nil:
		return true, nil
	case sql.ErrNoRows:
		return false, nil
	default:
		return false, translate(err)
	}
}

// rows runs a query and calls each for every row until it returns an error,
// which rows returns. Scan is only valid during the call.
func (c *conn) rows(query string, args []any, each func(scan func(...any) error) error) error {
	s, err := c.prepared(query)
	if err != nil {
		return translate(err)
	}
	rows, err := s.QueryContext(context.Background(), args...)
	if err != nil {
		return translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return translate(rows.Err())
}

func (c *conn) close() error {
	for _, s := range c.statements {
		s.Close()
	}
	return c.sql.Close()
}

// pkListSize is how many rows a statement with a pkList is about. It always has
// the same number of parameters, so that it is prepared once.
const pkListSize = 64

// pkList is the list of parameters of such a statement.
var pkList = `(` + strings.Repeat(`?,`, pkListSize-1) + `?)`

// padPKs fills a list of at most pkListSize pks up with none.
func padPKs(pks []any) []any {
	for len(pks) < pkListSize {
		pks = append(pks, nil)
	}
	return pks
}
