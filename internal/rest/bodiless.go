package rest

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// refuseBody refuses a request that has a body where the operation takes none.
// What it says would be ignored otherwise: somebody who sends {"dry_run":true}
// has to hear that nothing here reads it, not that all was done.
func refuseBody(w http.ResponseWriter, r *http.Request, operation *huma.Operation) error {
	if r.ContentLength == 0 || r.Body == nil {
		return nil
	}
	if r.ContentLength < 0 {
		// Of an unknown length: it may be empty all the same. The guard has
		// bounded how long that takes.
		switch n, err := io.ReadFull(r.Body, make([]byte, 1)); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return unreadBody{sheaf.Errorf(sheaf.ErrInvalid, "the body does not end").WithHint("send no body")}
		case n == 0 && err == io.EOF:
			// net/http would take a deadline for the client's leaving.
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
			return nil
		}
	}
	var parameters []string
	for _, p := range operation.Parameters {
		if p.In == "query" {
			parameters = append(parameters, p.Name)
		}
	}
	hint := "send no body; there are no parameters either"
	if len(parameters) > 0 {
		hint = "send no body; the parameters of the query are " + strings.Join(parameters, ", ")
	}
	return unreadBody{sheaf.Invalid("body", operation.Method+" "+operation.Path+" takes no body").WithHint(hint)}
}
