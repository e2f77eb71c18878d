package bundle

import (
	"path"
	"strings"
)

// SummarySuffix ends the path of every summary. Before it stands what the lesson
// beside it is called, or nothing in a summary of the directory.
const SummarySuffix = ".summary.md"

// IsSummary reports whether what is at a path sums up what is beside it.
func IsSummary(p string) bool { return strings.HasSuffix(strings.ToLower(p), SummarySuffix) }

// IsLesson reports whether what is at a path counts as a lesson: Markdown that is
// neither a summary nor an asset.
func IsLesson(p string) bool {
	extension := strings.ToLower(path.Ext(p))
	return (extension == ".md" || extension == ".mdx") && !IsSummary(p) && !IsAsset(p)
}

// IsAsset reports whether what is at a path counts as an asset.
func IsAsset(p string) bool {
	return strings.HasPrefix(p, "assets/") || strings.HasPrefix(p, "static/")
}
