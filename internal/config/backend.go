package config

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sheaf-dev/sheaf"
)

// Kinds of backends.
const (
	BackendFS  = "fs"  // files below a directory
	BackendMem = "mem" // memory, gone with the process
	BackendS3  = "s3"  // a bucket of a service that speaks the protocol of Amazon S3

	BackendSupabase = "supabase" // a bucket of Supabase Storage, by its REST API
)

var backendKinds = []string{BackendFS, BackendMem, BackendS3, BackendSupabase}

// A Backend is a place for blobs.
type Backend struct {
	Kind     string
	Dir      string   // of an fs backend; relative to Storage.Dir
	Bucket   string   // of an s3 or supabase backend
	Encrypt  bool     // seal what is new, by a master key
	S3       S3       // of an s3 backend
	Supabase Supabase // of a supabase backend
}

// IsRemote reports whether the backend is reached over a network, which has bad
// days.
func (b Backend) IsRemote() bool { return b.Kind != BackendFS && b.Kind != BackendMem }

// S3 says where the bucket of an s3 backend is, and who asks for it.
type S3 struct {
	Endpoint     string // URL without a slash at its end; empty: that of AWS in the region
	Region       string
	Prefix       string // of all names in the bucket; may be empty
	AccessKey    string
	SecretKey    Secret
	SessionToken Secret // may be empty
	VirtualHost  bool   // the bucket is in the host name of URLs, not in their path
}

// Supabase says which project the bucket of a supabase backend is of.
type Supabase struct {
	URL        string // without a slash at its end
	ServiceKey Secret
}

// BackendDir returns the directory of an fs backend.
func (s Storage) BackendDir(b Backend) string {
	if filepath.IsAbs(b.Dir) {
		return b.Dir
	}
	return filepath.Join(s.Dir, b.Dir)
}

// A backendField is one value of a backend and all its names.
type backendField struct {
	key      string   // below the backend's name in sheaf.yaml
	help     string   // for the reference
	kinds    []string // of the backends that have it; nil: all
	optional bool
	value    func(*Backend) value
}

// isOf reports whether backends of a kind have the field.
func (f backendField) isOf(kind string) bool { return f.kinds == nil || slices.Contains(f.kinds, kind) }

// backendFields returns the table of what backends have beside their kind, in
// the order of the reference.
func backendFields() []backendField {
	return []backendField{
		{
			key: "dir", kinds: []string{BackendFS},
			help:  "directory of the files; a relative one is below storage.dir",
			value: func(b *Backend) value { return text(&b.Dir) },
		}, {
			key: "endpoint", kinds: []string{BackendS3}, optional: true,
			help:  "URL of the service; that of AWS in the region unless given",
			value: func(b *Backend) value { return webURL(&b.S3.Endpoint) },
		}, {
			key: "region", kinds: []string{BackendS3},
			help:  "region of the bucket; auto for Cloudflare R2",
			value: func(b *Backend) value { return text(&b.S3.Region) },
		}, {
			key: "bucket", kinds: []string{BackendS3, BackendSupabase},
			help:  "bucket, which has to be there",
			value: func(b *Backend) value { return text(&b.Bucket) },
		}, {
			key: "prefix", kinds: []string{BackendS3}, optional: true,
			help:  "what all names in the bucket begin with, so that others can use it too",
			value: func(b *Backend) value { return text(&b.S3.Prefix) },
		}, {
			key: "access_key", kinds: []string{BackendS3},
			help:  "id of the access key",
			value: func(b *Backend) value { return text(&b.S3.AccessKey) },
		}, {
			key: "secret_key", kinds: []string{BackendS3},
			help:  "secret of the access key",
			value: func(b *Backend) value { return secret(&b.S3.SecretKey) },
		}, {
			key: "session_token", kinds: []string{BackendS3}, optional: true,
			help:  "session token of temporary credentials, or the JWT of a user of Supabase",
			value: func(b *Backend) value { return secret(&b.S3.SessionToken) },
		}, {
			key: "path_style", kinds: []string{BackendS3}, optional: true,
			help:  "whether the bucket is in the path of URLs (true unless given) or in their host name",
			value: func(b *Backend) value { return negated(&b.S3.VirtualHost) },
		}, {
			key: "url", kinds: []string{BackendSupabase},
			help:  "URL of the project",
			value: func(b *Backend) value { return webURL(&b.Supabase.URL) },
		}, {
			key: "service_key", kinds: []string{BackendSupabase},
			help:  "key of the project's service role",
			value: func(b *Backend) value { return secret(&b.Supabase.ServiceKey) },
		}, {
			key: "encrypt", optional: true,
			help:  "whether what is stored from then on is sealed, by a master key",
			value: func(b *Backend) value { return boolean(&b.Encrypt) },
		},
	}
}

// backendsOfVariables are the backends that variables of their own define, with
// nothing else: each by the names that whoever sold the storage gave them.
var backendsOfVariables = []struct {
	name      string
	kind      string
	variables []struct{ name, key string } // all of which are needed
	complete  func(*Backend)               // what follows from them; nil: nothing
}{
	{
		name: "r2", kind: BackendS3,
		variables: []struct{ name, key string }{
			{"R2_ACCESS_KEY_ID", "access_key"}, {"R2_SECRET_ACCESS_KEY", "secret_key"},
			{"R2_ENDPOINT", "endpoint"}, {"R2_BUCKET", "bucket"},
		},
		complete: func(b *Backend) {
			b.S3.Region = "auto"
			// The endpoint that Cloudflare shows for a bucket ends with its name.
			b.S3.Endpoint = strings.TrimSuffix(b.S3.Endpoint, "/"+b.Bucket)
		},
	},
	{
		name: "supabase", kind: BackendSupabase,
		variables: []struct{ name, key string }{
			{"SUPABASE_URL", "url"}, {"SUPABASE_SERVICE_KEY", "service_key"}, {"SUPABASE_BUCKET", "bucket"},
		},
	},
}

var backendName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// setBackends replaces the default backends by those of the file.
func (f fileLoader) setBackends(node *yaml.Node) {
	f.config.Storage.Backends = make(map[string]Backend)
	for key, node := range f.entries(node, backendsKey) {
		name := strings.TrimPrefix(key, backendsKey+".")
		if !backendName.MatchString(name) {
			f.reject(f.name(node, key), "is not a name of lowercase letters, digits and single hyphens")
			continue
		}
		f.config.Storage.Backends[name] = f.backend(key, node)
		f.origins[key] = f.name(node, key)
	}
}

// backend reads what a file says of one backend. Whether that is enough shows
// when the variables have been read, too.
func (f fileLoader) backend(key string, node *yaml.Node) Backend {
	var backend Backend
	for entry, node := range f.entries(node, key) {
		if field := strings.TrimPrefix(entry, key+"."); field == "kind" {
			if err := choice(&backend.Kind, backendKinds...).set(node.Value); err != nil {
				f.reject(f.name(node, entry), err.Error())
			}
		} else {
			f.origins[entry] = f.name(node, entry)
			f.applyToBackend(&backend, field, f.name(node, entry), node.Value)
		}
	}
	return backend
}

// applyToBackend sets a field of a backend to the text that was given under the
// name.
func (l *loader) applyToBackend(b *Backend, key, name, text string) {
	var keys []string
	for _, field := range backendFields() {
		if field.key == key {
			if err := field.value(b).set(text); err != nil {
				l.reject(name, err.Error())
			}
			return
		}
		keys = append(keys, field.key)
	}
	l.reject(name, "is not a setting of a backend, which has kind, "+strings.Join(keys, ", ")+didYouMean(key, keys))
}

// onlyBackend returns the backend of a file that has but one; "" if it has several.
func (l *loader) onlyBackend() string {
	if len(l.config.Storage.Backends) == 1 {
		for name := range l.config.Storage.Backends {
			return name
		}
	}
	return ""
}

// settleBackends completes the backends by the variables, and checks them.
func (l *loader) settleBackends() {
	backends := l.config.Storage.Backends
	for name, b := range backends {
		for _, field := range backendFields() {
			variable := backendVariable(name, field.key)
			if text := l.environ[variable]; text != "" {
				l.origins[backendsKey+"."+name+"."+field.key] = variable
				l.applyToBackend(&b, field.key, variable, text)
			}
		}
		backends[name] = b
	}
	for _, name := range slices.Sorted(maps.Keys(backends)) {
		l.checkBackend(name, backends[name])
	}
	l.addBackendsOfVariables()
}

// backendVariable returns the variable of a field of a backend.
func backendVariable(name, key string) string {
	return "SHEAF_STORAGE_BACKENDS_" + strings.ToUpper(strings.ReplaceAll(name+"_"+key, "-", "_"))
}

// checkBackend rejects a backend that lacks what its kind needs, or has what is
// of another kind.
func (l *loader) checkBackend(name string, b Backend) {
	key := backendsKey + "." + name
	what := cmp.Or(l.origins[key], key)
	if b.Kind == "" {
		l.reject(what, "has no valid kind, which is one of "+strings.Join(backendKinds, ", "))
		return
	}
	for _, field := range backendFields() {
		given := l.origins[key+"."+field.key]
		switch {
		case field.isOf(b.Kind) && !field.optional && given == "" && field.value(&b).show() == "":
			l.reject(what, fmt.Sprintf("has no %s: %s", field.key, field.help))
		case !field.isOf(b.Kind) && given != "":
			l.reject(given, fmt.Sprintf("is a setting of %s backends, and this one is of the kind %s", strings.Join(field.kinds, " and "), b.Kind))
		}
	}
}

// addBackendsOfVariables adds the backends that variables define. They replace
// those of the file.
func (l *loader) addBackendsOfVariables() {
	for _, defined := range backendsOfVariables {
		// What replaces an encrypted backend must not turn that off.
		b := Backend{Kind: defined.kind, Encrypt: l.config.Storage.Backends[defined.name].Encrypt}
		var given, missing []string
		for _, variable := range defined.variables {
			if text := l.environ[variable.name]; text != "" {
				given = append(given, variable.name)
				l.applyToBackend(&b, variable.key, variable.name, text)
			} else {
				missing = append(missing, variable.name)
			}
		}
		switch {
		case len(given) == 0:
			continue
		case len(missing) > 0:
			l.wrong = append(l.wrong, sheaf.FieldError{
				Field:   strings.Join(missing, ", "),
				Message: fmt.Sprintf("is missing: the backend %s needs it beside %s", defined.name, strings.Join(given, ", ")),
			})
		}
		if defined.complete != nil {
			defined.complete(&b)
		}
		for _, field := range backendFields() { // what they do not say
			variable := backendVariable(defined.name, field.key)
			if text := l.environ[variable]; text != "" && field.isOf(defined.kind) {
				l.applyToBackend(&b, field.key, variable, text)
			}
		}
		l.config.Storage.Backends[defined.name] = b
	}
}
