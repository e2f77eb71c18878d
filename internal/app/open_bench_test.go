package app_test

import (
	"log/slog"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// BenchmarkOpen is what every command without a server waits for, and `sheaf mcp`.
func BenchmarkOpen(b *testing.B) {
	open := func(b *testing.B, c config.Config) {
		a, err := app.Open(b.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			open(b, sheaftest.Config(b))
		}
	})
	b.Run("again", func(b *testing.B) {
		c := sheaftest.Config(b)
		for b.Loop() {
			open(b, c)
		}
	})
}
