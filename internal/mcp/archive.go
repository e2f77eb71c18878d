package mcp

import (
	"context"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// archiveTools are the tools that hand out many documents as one file.
func archiveTools() []tool {
	return []tool{
		newTool(definition{
			name: "get_book_archive", title: "Get a book as a ZIP file", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true,
			description: "Returns a URL from which anybody can download a book as a ZIP file, for an hour, as it is now. manifest_hash changes when a file does.",
		}, []field{
			bookField(),
			choice("format", "", sheaf.ArchiveFormat),
			choice("scope", "assets is what is below assets/ or static/, content the rest",
				string(sheaf.ArchiveAll), string(sheaf.ArchiveContent), string(sheaf.ArchiveAssets)),
			atField(), userField(),
		}, getBookArchive),
	}
}

type getBookArchiveInput struct {
	BookID string             `json:"book_id"`
	Format string             `json:"format"` // there is only one
	Scope  sheaf.ArchiveScope `json:"scope"`
	At     string             `json:"at"`
	UserID string             `json:"user_id"`
}

func getBookArchive(ctx context.Context, session *library.Session, in getBookArchiveInput) (sheaf.ArchiveLink, error) {
	at, err := moment(in.At)
	if err != nil {
		return sheaf.ArchiveLink{}, err
	}
	return session.LinkBookArchive(ctx, library.BookArchiveQuery{
		Book: in.BookID, Scope: in.Scope, Layer: library.UserLayer(in.UserID), At: at,
	})
}
