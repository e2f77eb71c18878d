package library

import (
	"fmt"

	"github.com/sheaf-dev/sheaf"
)

// maxPatterns is how many patterns a book's layout may have.
const maxPatterns = 100

// checkPatterns checks the patterns of a layout.
func checkPatterns(layout sheaf.BookLayout, patterns []string) error {
	if layout != sheaf.LayoutPatterns {
		if len(patterns) > 0 {
			return sheaf.Invalid("patterns", fmt.Sprintf("patterns are of the layout %s only", sheaf.LayoutPatterns))
		}
		return nil
	}
	if len(patterns) == 0 || len(patterns) > maxPatterns {
		return sheaf.Invalid("patterns", fmt.Sprintf("the layout %s has 1 to %d patterns", sheaf.LayoutPatterns, maxPatterns))
	}
	return nil
}
