package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestPermissions(t *testing.T) {
	var got strings.Builder
	for _, p := range Permissions() {
		scope := "public"
		if !p.Public {
			scope = p.Scope.String()
		}
		fmt.Fprintf(&got, "%-6s %-45s %s\n", p.Method, p.Path, scope)
	}
	const want = `POST   /documents                                    write
GET    /documents                                    read
GET    /documents/{document_id}                      read
HEAD   /documents/{document_id}                      read
DELETE /documents/{document_id}                      write
PATCH  /documents/{document_id}                      write
GET    /documents/{document_id}/metadata             read
POST   /documents/batch                              write
POST   /documents/{document_id}/move                 write
POST   /documents/batch/tag                          write
POST   /documents/batch/move                         write
POST   /documents/batch/delete                       write
POST   /documents/batch/restore                      write
GET    /documents/{document_id}/content              read
HEAD   /documents/{document_id}/content              read
PUT    /documents/{document_id}/content              write
PATCH  /documents/{document_id}/content              write
GET    /documents/{document_id}/versions             read
GET    /documents/{document_id}/versions/{version}   read
GET    /documents/{document_id}/diff                 read
POST   /documents/{document_id}/restore              write
GET    /documents/{document_id}/log                  read
GET    /trash                                        read
POST   /documents/{document_id}/purge                write
GET    /documents/{document_id}/relations            read
POST   /documents/{document_id}/relations            write
DELETE /documents/{document_id}/relations/{type}/{other_id} write
GET    /collections                                  read
POST   /collections                                  create
GET    /collections/{name}                           read
PATCH  /collections/{name}                           create
DELETE /collections/{name}                           create
GET    /collections/{name}/log                       read
POST   /collections/{name}/backend                   admin
GET    /collections/{name}/backend                   read
DELETE /collections/{name}/backend                   admin
POST   /collections/{name}/backend/finish            admin
GET    /collections/{name}/backend/plan              admin
GET    /books                                        read
POST   /books                                        create
GET    /books/{book}                                 read
PATCH  /books/{book}                                 create
GET    /books/{book}/files                           read
GET    /books/{book}/content                         read
POST   /books/{book}/move                            write
GET    /books/{book}/validate                        read
GET    /books/{book}/overlays                        read
GET    /books/{book}/content/{path}                  read
HEAD   /books/{book}/content/{path}                  read
PUT    /books/{book}/content/{path}                  write
PATCH  /books/{book}/content/{path}                  write
DELETE /books/{book}/content/{path}                  write
GET    /glob                                         read
GET    /grep                                         read
GET    /books/{book}/assets                          read
GET    /books/{book}/assets/{type}/{path}            read
HEAD   /books/{book}/assets/{type}/{path}            read
PUT    /books/{book}/assets/{type}/{path}            write
GET    /books/{book}/asset-metadata/{type}/{path}    read
POST   /uploads                                      write
GET    /uploads/{upload_id}                          write
PUT    /uploads/{upload_id}                          write
DELETE /uploads/{upload_id}                          write
POST   /uploads/{upload_id}/complete                 write
GET    /books/{book}/summaries                       read
GET    /books/{book}/summaries/{path}                read
PUT    /books/{book}/summaries/{path}                write
DELETE /books/{book}/summaries/{path}                write
GET    /books/{book}/manifest                        read
GET    /collections/{name}/archive.zip               read
HEAD   /collections/{name}/archive.zip               read
GET    /documents/batch/download                     read
HEAD   /documents/batch/download                     read
POST   /documents/batch/download                     read
GET    /books/{book}/archive.zip                     read
HEAD   /books/{book}/archive.zip                     read
POST   /books/{book}/archive                         read
GET    /audit                                        read
POST   /audit/verify                                 admin
GET    /admin/backends                               admin
POST   /admin/backends/{name}/test                   admin
GET    /health                                       public
GET    /livez                                        public
GET    /readyz                                       public
POST   /admin/fsck                                   admin
GET    /admin/gc                                     admin
POST   /admin/gc                                     admin
GET    /openapi.json                                 public
GET    /openapi.yaml                                 public
GET    /docs                                         public
GET    /admin/keys                                   admin
POST   /admin/keys/rotate                            admin
`
	if got.String() != want {
		t.Errorf("the permission matrix is\n%swant\n%s", got.String(), want)
	}
}

func TestUnknownRoutes(t *testing.T) {
	s := newServer(t, Options{})
	for _, path := range []string{"/", "/nothing", "/documents/", "/documents/a/b/c", "/admin", "/schemas/Document", "/../etc"} {
		wantProblem(t, s.get(path), sheaf.ErrNotFound)
	}
	for _, test := range []struct{ method, path, allow string }{
		{http.MethodPut, "/documents", "GET, HEAD, POST"},
		{http.MethodOptions, "/documents", "GET, HEAD, POST"},
		{http.MethodPost, "/documents/doc_0123456789ab", "GET, HEAD, PATCH, DELETE"},
		{http.MethodGet, "/admin/fsck", "POST"},
		{"BREW", "/health", "GET, HEAD"},
	} {
		answer := s.do(test.method, test.path, nil)
		wantProblem(t, answer, sheaf.ErrMethodNotAllowed)
		if got := answer.Header.Get("Allow"); got != test.allow {
			t.Errorf("%s %s: Allow is %q, want %q", test.method, test.path, got, test.allow)
		}
	}
}

func TestNewChecksOptions(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("New without a library succeeds")
	}
	l, _, _ := newLibrary(t, sheaf.DefaultLimits())
	for _, base := range []string{"sheaf.example", "ftp://sheaf.example", "https://", "https://x/?q", "://"} {
		if _, err := New(Options{Library: l, BaseURL: base}); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("New with the base URL %q: %v, want invalid", base, err)
		}
	}
}
