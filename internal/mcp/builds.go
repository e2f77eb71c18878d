package mcp

import (
	"context"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// planned is how many files a plan shows unless an agent asks for more or less.
const planned = 500

// buildTools are the tools for those who build something of a book.
func buildTools(limits sheaf.Limits) []tool {
	return []tool{
		newTool(definition{
			name: "plan_build", title: "Plan a build", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Says which files of a book were added, changed or removed since the build with a manifest_hash. The manifest_hash in the answer is for the next time.",
		}, []field{
			bookField(),
			identifier("manifest_hash", "From the last build; without it everything is added").like(digestPattern),
			number("limit", "", 1, limits.Page),
			cursorField(),
		}, planBuild),
	}
}

type planBuildInput struct {
	BookID       string        `json:"book_id"`
	ManifestHash *sheaf.Digest `json:"manifest_hash"`
	Limit        int           `json:"limit"`
	Cursor       string        `json:"cursor"`
}

type planBuildAnswer struct {
	sheaf.BuildPlan
	Cursor string `json:"cursor,omitempty"`
	Note   string `json:"note,omitempty"`
}

func planBuild(ctx context.Context, session *library.Session, in planBuildInput) (planBuildAnswer, error) {
	if in.Limit == 0 {
		in.Limit = planned
	}
	page, err := session.PlanBuild(ctx, library.BuildQuery{
		Book: in.BookID, Since: in.ManifestHash, Limit: in.Limit, Cursor: in.Cursor,
	})
	answer := planBuildAnswer{BuildPlan: page.BuildPlan, Cursor: page.Next}
	if err == nil && in.ManifestHash != nil && !page.SinceKnown {
		answer.Note = "this manifest_hash is not known: build everything, and forget what you had built"
	}
	return answer, err
}
