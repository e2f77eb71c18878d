package app

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/fsblob"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
	"github.com/sheaf-dev/sheaf/internal/blob/resilient"
	"github.com/sheaf-dev/sheaf/internal/blob/s3blob"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// openBackends opens the backends and returns them, and their kinds, by name. When
// ending ends they have little patience left.
func openBackends(ending context.Context, storage config.Storage) (backends map[string]blob.Backend, kinds map[string]string, err error) {
	backends, kinds = make(map[string]blob.Backend), make(map[string]string)
	for name, b := range storage.Backends {
		kinds[name] = b.Kind
		switch b.Kind {
		case config.BackendFS:
			if backends[name], err = fsblob.New(storage.BackendDir(b)); err != nil {
				return nil, nil, fmt.Errorf("open the backend %s: %w", name, err)
			}
		case config.BackendMem:
			backends[name] = memblob.New()
		case config.BackendS3:
			if backends[name], err = s3blob.New(s3Options(storage, b)); err != nil {
				return nil, nil, misconfigured(name, err)
			}
		case config.BackendSupabase:
			if backends[name], err = supablob.New(supabaseOptions(b)); err != nil {
				return nil, nil, misconfigured(name, err)
			}
		default:
			return nil, nil, fmt.Errorf("open the backend %s: there is no kind %q", name, b.Kind)
		}
		if b.IsRemote() {
			backends[name] = resilient.Wrap(backends[name], resilientOptions(ending, storage, name))
		}
	}
	return backends, kinds, nil
}

// OpenNames returns the files that others have put, or are to get, below a prefix of
// a backend's bucket, for commands that have the configuration of the server.
func OpenNames(storage config.Storage, backend, prefix string) (blob.Names, error) {
	b, ok := storage.Backends[backend]
	if !ok {
		return nil, sheaf.Invalid("backend", fmt.Sprintf("no storage backend is named %q in the configuration of this command", sheaf.Clip(backend))).
			WithHint("run it where the server's sheaf.yaml is, or name that file with SHEAF_CONFIG")
	}
	var bucket blob.Named
	var err error
	switch b.Kind {
	case config.BackendS3:
		options := s3Options(storage, b)
		options.SpoolDir = "" // the data directory is the server's, or is not here
		bucket, err = s3blob.New(options)
	case config.BackendSupabase:
		bucket, err = supablob.New(supabaseOptions(b))
	default:
		return nil, sheaf.Invalid("backend", fmt.Sprintf("the backend %s is of the kind %s; only those of the kinds %s and %s have a bucket whose objects have names",
			backend, b.Kind, config.BackendS3, config.BackendSupabase)).WithHint("name its directory instead")
	}
	if err != nil {
		return nil, misconfigured(backend, err)
	}
	names, err := bucket.Names(prefix)
	if err != nil {
		return nil, err
	}
	return resilient.WrapNames(bucket, names, resilientOptions(context.Background(), storage, backend)), nil
}

// misconfigured returns what to say of a backend whose driver cannot work with
// what it was given.
func misconfigured(name string, err error) error {
	return sheaf.Errorf(sheaf.ErrInvalid, "the backend %s: %w", name, err).
		WithHint("correct it in sheaf.yaml or its variables; docs/configuration.md lists what it has")
}

func resilientOptions(ending context.Context, storage config.Storage, name string) resilient.Options {
	return resilient.Options{Name: name, Idle: storage.BackendIdleTimeout, RetryPause: storage.BackendRetryPause, Ending: ending}
}

func supabaseOptions(b config.Backend) supablob.Options {
	return supablob.Options{URL: b.Supabase.URL, ServiceKey: b.Supabase.ServiceKey.Reveal(), Bucket: b.Bucket}
}

func s3Options(storage config.Storage, b config.Backend) s3blob.Options {
	return s3blob.Options{
		Endpoint: b.S3.Endpoint, Region: b.S3.Region, Bucket: b.Bucket, Prefix: b.S3.Prefix, VirtualHost: b.S3.VirtualHost,
		AccessKey: b.S3.AccessKey, SecretKey: b.S3.SecretKey.Reveal(), SessionToken: b.S3.SessionToken.Reveal(),
		SpoolDir: filepath.Join(storage.Dir, spoolName),
	}
}
