package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Supabase says which bucket of which project a backend of kind supabase is.
type Supabase struct {
	URL        string // of the project
	ServiceKey Secret
	Bucket     string
}

// A Secret is a text that shows itself to nobody who prints it.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// supabaseName is the backend that the variables of Supabase define.
const supabaseName = "supabase"

// A backendField is a text that some kind of backend has, by its name in
// sheaf.yaml and by the variable that stands in for it.
type backendField struct {
	name, env string
	text      *string
}

func (s *Supabase) fields() []backendField {
	return []backendField{
		{"url", "SUPABASE_URL", &s.URL},
		{"service_key", "SUPABASE_SERVICE_KEY", (*string)(&s.ServiceKey)},
		{"bucket", "SUPABASE_BUCKET", &s.Bucket},
	}
}

// loadSupabase takes what the file does not say of a supabase backend from the
// variables. Where it has none, they define one.
func (l *loader) loadSupabase() {
	backends := l.config.Storage.Backends
	used := false
	for _, name := range slices.Sorted(maps.Keys(backends)) {
		if backend := backends[name]; backend.Kind == BackendSupabase {
			used = true
			if missing := l.fillIn(backend.Supabase.fields()); len(missing) > 0 {
				l.reject(backendsKey+"."+name, "has neither a value nor a variable for "+strings.Join(missing, ", "))
			}
			backends[name] = backend
		}
	}
	if used {
		return
	}
	backend := Backend{Kind: BackendSupabase}
	fields := backend.Supabase.fields()
	missing := l.fillIn(fields)
	switch {
	case len(missing) == len(fields):
		return
	case len(missing) > 0:
		l.reject("SUPABASE_URL, SUPABASE_SERVICE_KEY, SUPABASE_BUCKET",
			"define a backend together: not set is "+strings.Join(missing, ", "))
		return
	}
	if _, taken := backends[supabaseName]; taken {
		l.reject("SUPABASE_URL", fmt.Sprintf("defines the backend %q, which the file says is of another kind", supabaseName))
		return
	}
	backends[supabaseName] = backend
}

// fillIn gives fields without a value that of their variable, and returns those
// that have none, as whoever configures knows them.
func (l *loader) fillIn(fields []backendField) (missing []string) {
	for _, field := range fields {
		if *field.text == "" {
			*field.text = strings.TrimSpace(l.environ[field.env])
		}
		if *field.text == "" {
			missing = append(missing, field.name+" ("+field.env+")")
		}
	}
	return missing
}
