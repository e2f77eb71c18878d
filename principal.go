package sheaf

import (
	"strings"
	"unicode"
)

// A Principal is who is calling: a person or an agent. It comes from the key or
// token of a call, never from what the request says about itself.
type Principal struct {
	ID     string   // stable, such as "local" or "agent:reviewer"
	Label  string   // what the caller calls itself (X-Agent-Id, an MCP client's name); recorded, never trusted
	Scopes ScopeSet // what it may do
}

// A Scope is a kind of thing that a principal may be allowed to do.
type Scope uint8

const (
	ScopeRead   Scope = iota // read, list and search documents
	ScopeWrite               // create, change and delete documents
	ScopeCreate              // create collections
	ScopeAdmin               // check, repair and reclaim the store
)

var scopeNames = [...]string{ScopeRead: "read", ScopeWrite: "write", ScopeCreate: "create", ScopeAdmin: "admin"}

// String returns the name of the scope, as it is shown in keys and errors.
func (s Scope) String() string { return scopeNames[s] }

// A ScopeSet is a set of scopes.
type ScopeSet uint64

// Scopes returns the set of the scopes given.
func Scopes(scopes ...Scope) (set ScopeSet) {
	for _, s := range scopes {
		set |= 1 << s
	}
	return set
}

// Has reports whether s is in the set.
func (set ScopeSet) Has(s Scope) bool { return set&(1<<s) != 0 }

// Local is the principal of a store without keys, which only listens where
// whoever can connect is trusted: on loopback and on its socket.
func Local(label string) Principal {
	return Principal{ID: "local", Label: label, Scopes: Scopes(ScopeRead, ScopeWrite, ScopeCreate, ScopeAdmin)}
}

// maxLabel is how many characters of a label are kept.
const maxLabel = 128

// CleanLabel cleans what a caller calls itself: printable characters only, and
// at most 128. The label is recorded and shown, never trusted, so that a bad one
// is no reason to refuse the call.
func CleanLabel(s string) string {
	if s == "" {
		return ""
	}
	var label strings.Builder
	n := 0
	for _, c := range strings.TrimSpace(s) {
		if c == unicode.ReplacementChar || !unicode.IsPrint(c) {
			continue
		}
		if n++; n > maxLabel {
			break
		}
		label.WriteRune(c)
	}
	return label.String()
}
