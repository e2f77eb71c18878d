package rest

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// A route is one operation: what the mux serves, the OpenAPI document and the
// docs page describe, and the permission matrix lists.
type route struct {
	method, path string
	id           string // operationId
	group        string // heading on the docs page
	summary      string // one line
	description  string
	access       access
	hidden       bool // not in the OpenAPI document

	parameters []*huma.Param
	body       func(*mounting) *huma.RequestBody // nil: none
	success    map[string]*huma.Response         // what is not derived from the answer's type
	errors     []sheaf.ErrorKind                 // beside those that every operation has

	serve mounter
}

// An access says who may call an operation. The library enforces it; here it
// is documented.
type access struct {
	public bool // probes and documentation: no key is asked for
	scope  sheaf.Scope
}

func (a access) String() string {
	if a.public {
		return "public"
	}
	return a.scope.String()
}

var public = access{public: true}

func needs(scope sheaf.Scope) access { return access{scope: scope} }

// routes returns the table of all operations.
func routes() []route {
	return slices.Concat(
		documentRoutes(),
		batchRoutes(),
		bulkRoutes(),
		contentRoutes(),
		historyRoutes(),
		trashRoutes(),
		relationRoutes(),
		collectionRoutes(),
		backendMoveRoutes(),
		bookRoutes(),
		bookContentRoutes(),
		searchRoutes(),
		assetRoutes(),
		summaryRoutes(),
		manifestRoutes(),
		archiveRoutes(),
		bookArchiveRoutes(),
		auditRoutes(),
		backendRoutes(),
		serverRoutes(),
		encryptionRoutes(),
	)
}

// A Permission says what a caller needs to be allowed for an operation.
type Permission struct {
	Method, Path string
	Operation    string // the operationId
	Public       bool   // anyone; Scope says nothing then
	Scope        sheaf.Scope
}

// Permissions returns the permission matrix, in the order of the documentation.
func Permissions() []Permission {
	var permissions []Permission
	for _, r := range routes() {
		permissions = append(permissions, Permission{r.method, r.path, r.id, r.access.public, r.access.scope})
	}
	return permissions
}
