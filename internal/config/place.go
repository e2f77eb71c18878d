package config

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// checkPlaces rejects backends that are the same place by two names. Each of
// them would take what the other stores there for garbage, and a move from one
// to the other would end with the only copy deleted.
//
// It knows places by what they are called. That two endpoints are one service, or
// two directories one, it cannot see.
func (l *loader) checkPlaces() {
	backends := l.config.Storage.Backends
	first := make(map[string]string) // by place
	for _, name := range slices.Sorted(maps.Keys(backends)) {
		place := l.config.Storage.place(backends[name])
		if place == "" {
			continue
		}
		if other, taken := first[place]; taken {
			key := backendsKey + "." + name
			l.reject(cmp.Or(l.origins[key], key), fmt.Sprintf("is where the backend %s is already: give each a place of its own, such as another directory, bucket or prefix", other))
			continue
		}
		first[place] = name
	}
}

// place says where a backend is; "" of one that is nowhere else, or is not
// described well enough.
func (s Storage) place(b Backend) string {
	switch b.Kind {
	case BackendFS:
		dir, err := filepath.Abs(s.BackendDir(b))
		if err != nil || b.Dir == "" {
			return ""
		}
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		return strings.Join([]string{b.Kind, dir}, "\n")
	case BackendS3:
		return strings.Join([]string{b.Kind, strings.ToLower(cmp.Or(b.S3.Endpoint, b.S3.Region)), b.Bucket, b.S3.Prefix}, "\n")
	case BackendSupabase:
		return strings.Join([]string{b.Kind, strings.ToLower(b.Supabase.URL), b.Bucket}, "\n")
	}
	return ""
}
