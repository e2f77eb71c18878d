package library

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// Backends describes all backends, by name.
func (s *Session) Backends(_ context.Context) ([]sheaf.BackendInfo, error) {
	s.begin("backend.list")
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return nil, err
	}
	stored := make(map[string]int)
	for _, collection := range s.library.catalog.AllCollections() {
		stored[collection.Backend]++
		if collection.Second != "" {
			stored[collection.Second]++
		}
	}
	described := make([]sheaf.BackendInfo, 0, len(s.library.backends))
	for _, name := range s.library.backendNames() {
		described = append(described, sheaf.BackendInfo{
			Name: name, Kind: s.library.backends[name], Default: name == s.library.defaultBackend,
			Presigns: s.library.blobs.Presigns(name), Collections: stored[name],
		})
	}
	return described, nil
}

// TestBackend tries all that a backend has to do, with an object of its own.
// What is wrong with the backend is in the answer, and is no error.
func (s *Session) TestBackend(ctx context.Context, name string) (sheaf.BackendTest, error) {
	s.begin("backend.test")
	test := sheaf.BackendTest{Name: name, Kind: s.library.backends[name], OK: true}
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return test, err
	}
	if test.Kind == "" {
		return test, sheaf.Errorf(sheaf.ErrNotFound, "%s", s.library.noBackend(name))
	}
	var err error
	test.Steps, err = s.library.blobs.Probe(ctx, name)
	for _, step := range test.Steps {
		test.OK = test.OK && step.Status != sheaf.StepFailed
	}
	return test, err
}

// parseBackend returns the backend that a caller names for a new collection.
func (l *Library) parseBackend(name string) (string, error) {
	name = cmp.Or(strings.TrimSpace(name), l.defaultBackend)
	if _, ok := l.backends[name]; !ok {
		return "", sheaf.Invalid("storage_backend", l.noBackend(name))
	}
	return name, nil
}

func (l *Library) noBackend(name string) string {
	return fmt.Sprintf("no storage backend is named %q; there are %s", sheaf.Clip(name), strings.Join(l.backendNames(), ", "))
}

func (l *Library) backendNames() []string { return slices.Sorted(maps.Keys(l.backends)) }
