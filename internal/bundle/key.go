package bundle

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// PathKey returns what is the same for paths that are the same file to some
// system: Windows and macOS ignore case, macOS also how accents are composed.
func PathKey(p string) string {
	for i := range len(p) {
		if p[i] >= 0x80 {
			return norm.NFC.String(cases.Fold().String(norm.NFD.String(p)))
		}
	}
	return strings.ToLower(p) // what folding makes of ASCII
}
