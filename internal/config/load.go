package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf"
)

const (
	fileEnv     = "SHEAF_CONFIG"
	defaultFile = "sheaf.yaml"
)

// Sources are where [Load] looks for values.
type Sources struct {
	File    string         // a YAML file; empty: what --config or SHEAF_CONFIG names, else sheaf.yaml if it exists
	Environ []string       // as of [os.Environ]; an empty variable counts as absent
	Flags   *pflag.FlagSet // with the flags of [BindFlags], parsed; may be nil
}

// Load returns the configuration that the sources make. All that is wrong with
// it is in one error of kind invalid, each value by the name it was given with.
func Load(from Sources) (Config, error) {
	l := loader{
		config:   Default(),
		settings: settings(),
		origins:  make(map[string]string),
		environ:  environment(from.Environ),
	}
	if err := l.loadFile(l.file(from)); err != nil {
		return Config{}, err
	}
	for _, s := range l.settings {
		for _, name := range s.envNames() {
			if text := l.environ[name]; text != "" {
				l.apply(s, name, text)
			}
		}
		if from.Flags == nil {
			continue
		}
		for _, name := range s.flagNames() {
			if flag := from.Flags.Lookup(name); flag != nil && flag.Changed {
				l.apply(s, "--"+name, flag.Value.String())
			}
		}
	}
	only := l.onlyBackend()
	l.settleBackends()
	l.checkPlaces()
	l.settleDefaultBackend(only)
	l.settleMasterKeys()
	return l.config, l.err()
}

// A loader collects values and what is wrong with them.
type loader struct {
	config   Config
	settings []setting
	origins  map[string]string // from a key to the name its value was given with
	environ  map[string]string
	wrong    []sheaf.FieldError
}

// file returns the file to read and whether somebody asked for it.
func (l *loader) file(from Sources) (path string, required bool) {
	if from.File != "" {
		return from.File, true
	}
	if from.Flags != nil {
		if flag := from.Flags.Lookup(fileFlag); flag != nil && flag.Changed {
			return flag.Value.String(), true
		}
	}
	if path = l.environ[fileEnv]; path != "" {
		return path, true
	}
	return defaultFile, false
}

func (l *loader) loadFile(path string, required bool) error {
	content, err := os.ReadFile(path)
	switch {
	case err == nil:
		return l.parse(path, content)
	case errors.Is(err, fs.ErrNotExist) && !required:
		return nil
	}
	return sheaf.Errorf(sheaf.ErrInvalid, "cannot read the configuration file: %w", err).
		WithHint("name a YAML file with --config or " + fileEnv + ", or leave both out")
}

// apply sets a setting to the text that was given under the name.
func (l *loader) apply(s setting, name, text string) {
	l.origins[s.key] = name
	if err := s.value(&l.config).set(text); err != nil {
		l.reject(name, err.Error())
	}
}

func (l *loader) reject(name, message string) {
	l.wrong = append(l.wrong, sheaf.FieldError{Field: name, Message: message})
}

// settleDefaultBackend checks that the default backend exists. The only one of
// a file that names no default is it, whatever variables add.
func (l *loader) settleDefaultBackend(only string) {
	const key = "storage.default_backend"
	storage := &l.config.Storage
	names := slices.Sorted(maps.Keys(storage.Backends))
	name, given := l.origins[key]
	if !given && only != "" {
		storage.DefaultBackend = only
	}
	switch {
	case len(names) == 0:
		l.reject(cmp.Or(name, key), fmt.Sprintf("there is no backend %q: storage.backends names none", storage.DefaultBackend))
	case !slices.Contains(names, storage.DefaultBackend):
		l.reject(cmp.Or(name, key), fmt.Sprintf("%q is not one of the backends: %s",
			storage.DefaultBackend, strings.Join(names, ", ")))
	}
}

func (l *loader) err() error {
	if len(l.wrong) == 0 {
		return nil
	}
	return &sheaf.Error{
		Kind:    sheaf.ErrInvalid,
		Message: "the configuration is invalid",
		Hint:    "docs/configuration.md lists every setting with its names",
		Fields:  l.wrong,
	}
}

func environment(environ []string) map[string]string {
	variables := make(map[string]string, len(environ))
	for _, variable := range environ {
		name, text, _ := strings.Cut(variable, "=")
		variables[name] = text
	}
	return variables
}
