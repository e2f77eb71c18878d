package rest

import (
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// batchRoutes are the operations on many documents at once.
func batchRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/documents/batch", id: "createDocuments", group: "Documents",
			summary: "Upload many documents",
			description: "Files and fields may come in any order. Each file succeeds or fails on its own, and the answer says which; " +
				"with atomic=true all of them are stored as one change, or none, and an error names the files that are wrong.",
			access: needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{
				headerParam("Idempotency-Key", "A batch repeated with the same key within 24 hours makes only those documents that it has not made before, and answers the same of the others"),
			},
			body: batchBody,
			success: map[string]*huma.Response{"200": {
				Description: "What became of each file",
				Content:     jsonContent(batchAnswerRef),
			}},
			errors: []sheaf.ErrorKind{
				sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrTimeout, sheaf.ErrArchived, sheaf.ErrTooLarge, sheaf.ErrUnsupported,
				sheaf.ErrRateLimited, sheaf.ErrUnavailable, sheaf.ErrDiskFull,
			},
			serve: streaming((*server).createDocuments),
		},
	}
}

const batchAnswerRef = schemaPrefix + "BatchAnswer"

// batchBody describes the body that createDocuments reads.
func batchBody(m *mounting) *huma.RequestBody {
	form := formSchema(batchFields(m.limits))
	form.Properties[fileField] = &huma.Schema{
		Type:  huma.TypeArray,
		Items: &huma.Schema{Type: huma.TypeString, Format: "binary"},
		Description: fmt.Sprintf("The contents, each in a part of its own with a filename; at most %d, with %d bytes together and %d each",
			m.limits.BatchFiles, m.limits.BatchBytes, m.limits.Content),
	}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: form}}}
}
