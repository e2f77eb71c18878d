package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// absentTool returns what answers calls of a tool that is not in a view: that it
// is not, why, and what to do. The protocol has an error of its own for that, which
// many clients do not show to their models.
func (s *Server) absentTool(v view, name string) tool {
	// The audit has the names of tools, and none that a caller makes up.
	absent, err := tool{definition: definition{name: "tool.call"}}, s.errNoTool(v, name)
	if i := slices.IndexFunc(s.tools, func(t tool) bool { return t.name == name }); i >= 0 {
		absent, err = s.tools[i], s.errNotOffered(v, s.tools[i])
	}
	absent.call = func(context.Context, *library.Session, json.RawMessage, progress) (json.RawMessage, error) {
		return nil, err
	}
	return absent
}

// errNotOffered says why a tool is not in a view.
func (s *Server) errNotOffered(v view, t tool) error {
	switch {
	case v.readOnly && !t.readOnly && s.readOnly:
		return sheaf.Errorf(sheaf.ErrForbidden, "%s changes something, and this server lets agents only read", t.name).
			WithHint("tell the user: whoever runs the server can start it without mcp.read_only (--mcp-read-only, SHEAF_MCP_READ_ONLY)")
	case v.readOnly && !t.readOnly:
		return sheaf.Errorf(sheaf.ErrForbidden, "%s changes something, and this connection is for reading only", t.name).
			WithHint("tell the user: the client's configuration would have to have the URL without /readonly, no header X-MCP-Readonly, and sheaf mcp without --read-only")
	case !v.hasToolset(t.toolset):
		return sheaf.Errorf(sheaf.ErrForbidden, "%s is one of the tools for %s, which this connection does not have", t.name, t.toolset).
			WithHint(fmt.Sprintf("tell the user: the client's configuration would have to have the header X-MCP-Toolsets: %s,%s, or sheaf mcp --toolsets with the same", v.toolsets, t.toolset))
	}
	return sheaf.Errorf(sheaf.ErrForbidden, "%s needs the scope %s, which the caller does not have", t.name, t.scope).
		WithHint("tell the user: it takes a key with that scope")
}

// errNoTool says of a name that no tool has it, and which are there.
func (s *Server) errNoTool(v view, name string) error {
	var names []string
	for _, t := range s.tools {
		if v.has(t) {
			names = append(names, t.name)
		}
	}
	const most = 3
	hint := "the tools are " + strings.Join(names, ", ")
	if near := nearTools(name, names, most); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "? tools/list has them all"
	}
	return sheaf.Errorf(sheaf.ErrNotFound, "there is no tool %q", sheaf.Clip(name)).WithHint(hint)
}

// nearTools returns the names of tools that are like one: by its letters, or else
// those with most of its words in them.
func nearTools(name string, names []string, most int) []string {
	near := markup.Nearest(name, names, most)
	if len(near) > 0 {
		return near
	}
	isSeparator := func(r rune) bool { return strings.ContainsRune("_-. /:", r) }
	words := strings.FieldsFunc(strings.ToLower(sheaf.Clip(name)), isSeparator)
	common := func(other string) (n int) {
		for _, word := range strings.Split(other, "_") {
			if slices.Contains(words, word) {
				n++
			}
		}
		return n
	}
	for _, other := range names {
		if common(other) > 0 {
			near = append(near, other)
		}
	}
	slices.SortStableFunc(near, func(a, b string) int { return common(b) - common(a) })
	return near[:min(most, len(near))]
}
