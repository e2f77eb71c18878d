package supatest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// A failure is an error as Supabase tells it: with HTTP status 400, and the real
// one in the body.
type failure struct {
	status  int
	code    string
	error   string
	message string
}

func (f *failure) Error() string { return f.message }

var (
	errNoObject = &failure{http.StatusNotFound, "NoSuchKey", "not_found", "Object not found"}
	errNoBucket = &failure{http.StatusNotFound, "NoSuchBucket", "Bucket not found", "Bucket not found"}
	errExists   = &failure{http.StatusConflict, "KeyAlreadyExists", "Duplicate", "The resource already exists"}
	errRange    = &failure{http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "InvalidRange", "The requested range is not satisfiable"}
)

func errInvalidKey(key string) error {
	return &failure{http.StatusBadRequest, "InvalidKey", "InvalidKey", fmt.Sprintf("Invalid key: %s", key)}
}

func errToken(message string) error {
	return &failure{http.StatusBadRequest, "InvalidJWT", "InvalidJWT", message}
}

// writeError answers with an error. The answer to HEAD loses its body on the
// way, so that nobody learns what was wrong.
func writeError(w http.ResponseWriter, err error) {
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{http.StatusInternalServerError, "InternalError", "Internal", err.Error()}
	}
	status := http.StatusBadRequest
	if f.status >= http.StatusInternalServerError {
		status = f.status
	}
	body, err := json.Marshal(map[string]string{
		"statusCode": strconv.Itoa(f.status), "code": f.code, "error": f.error, "message": f.message,
	})
	if err != nil {
		panic(err) // strings can always be encoded
	}
	header := w.Header()
	for _, name := range []string{"ETag", "Last-Modified", "Content-Disposition"} {
		header.Del(name)
	}
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	return json.NewEncoder(w).Encode(v)
}

func readJSON(r *http.Request, v any) error {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		return &failure{http.StatusBadRequest, "InvalidRequest", "Error", "the body is not JSON"}
	}
	return nil
}

// RefuseToken answers as the server does when the time in a token is not that of
// its clock.
func RefuseToken(w http.ResponseWriter, _ *http.Request) {
	writeError(w, &failure{http.StatusForbidden, "InvalidJWT", "Unauthorized", `"exp" claim timestamp check failed`})
}
