package config

import (
	"strings"

	"github.com/spf13/pflag"
)

// fileFlag names the configuration file.
const fileFlag = "config"

// BindFlags adds a flag for every setting, and --config for the file, to fs.
// The flags keep what they were given as text: [Load] checks it, so that a bad
// flag is reported together with every other bad value.
func BindFlags(fs *pflag.FlagSet) {
	fs.String(fileFlag, "", "configuration file (default sheaf.yaml, if there is one)")
	defaults := Default()
	for _, s := range settings() {
		field := s.value(&defaults)
		for _, name := range s.flagNames() {
			flag := fs.VarPF(&flagText{kind: field.kind, text: field.show()}, name, "", s.help)
			flag.Hidden = name != s.flagNames()[0] // --help shows each setting once
			if field.kind == boolKind {
				flag.NoOptDefVal = "true"
			}
		}
	}
}

// flagText is a flag's value as it was given.
type flagText struct {
	kind string
	text string
	set  bool
}

// Set implements [pflag.Value]. A list may be given piece by piece.
func (f *flagText) Set(s string) error {
	if f.kind == listKind && f.set {
		s = f.text + "," + s
	}
	f.text, f.set = s, true
	return nil
}

// String implements [pflag.Value].
func (f *flagText) String() string { return f.text }

// Type implements [pflag.Value]: the placeholder in a command's help.
func (f *flagText) Type() string {
	switch {
	case f.kind == boolKind:
		return "bool" // for which pflag shows no placeholder
	case strings.Contains(f.kind, ","):
		return strings.ReplaceAll(f.kind, ", ", "|")
	}
	return f.kind
}
