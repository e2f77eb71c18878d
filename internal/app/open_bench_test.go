package app_test

import (
	"log/slog"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

func BenchmarkOpenNew(b *testing.B) {
	for b.Loop() {
		a, err := app.Open(b.Context(), sheaftest.Config(b), slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenAgain(b *testing.B) {
	c := sheaftest.Config(b)
	for b.Loop() {
		a, err := app.Open(b.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
