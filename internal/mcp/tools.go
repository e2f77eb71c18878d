package mcp

import (
	"slices"

	"github.com/sheaf-dev/sheaf"
)

// tools returns every tool, in the order in which they are listed.
func tools(limits sheaf.Limits) []tool {
	return slices.Concat(
		bookTools(limits),
		assetTools(limits),
		summaryTools(limits),
		buildTools(limits),
		bookSearchTools(limits),
		documentTools(limits),
		searchTools(limits),
		archiveTools(),
		auditTools(),
	)
}
