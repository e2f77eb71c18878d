package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

func encryptionRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/admin/keys", id: "encryption", group: "Administration",
			summary:     "Say what is encrypted, and by which master keys",
			description: "Of each backend: whether new contents are sealed, how many are sealed by which master key, and how many are not. Master keys are named by ids, which tell nothing about them.",
			access:      needs(sheaf.ScopeAdmin),
			success:     map[string]*huma.Response{"200": {Description: "What is sealed"}},
			errors:      []sheaf.ErrorKind{sheaf.ErrUnavailable},
			serve:       answering((*server).encryption),
		},
		{
			method: http.MethodPost, path: "/admin/keys/rotate", id: "rotateKeys", group: "Administration",
			summary:     "Rotate to the current master key",
			description: "Wraps data keys that an older master key wraps by the current one, for about two seconds; contents are not rewritten. Ask again as long as `rewrapped` is not 0 and something remains. The older master keys are needed until nothing remains.",
			access:      needs(sheaf.ScopeAdmin),
			success:     map[string]*huma.Response{"200": {Description: "What was done, and what remains"}},
			errors:      []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrUnavailable},
			serve:       answering((*server).rotateKeys),
		},
	}
}
