package app

import (
	"io"
	"log/slog"

	"github.com/sheaf-dev/sheaf/internal/config"
)

// NewLogger returns a logger that writes to w as the configuration says.
func NewLogger(c config.Log, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
