package app

import (
	"fmt"
	"strings"

	"github.com/sheaf-dev/sheaf/client"
)

// Greeting returns what a server says to the person who started it: where the
// data lives and where the API and its documentation are, and on the first start
// what to try. It is for after Listen.
func (a *App) Greeting() string {
	var b strings.Builder
	fmt.Fprintf(&b, "data  %s\n", a.config.Storage.Dir)
	fmt.Fprintf(&b, "API   %s\n", a.URL())
	fmt.Fprintf(&b, "docs  %s/docs\n", a.URL())
	if !a.fresh {
		return b.String()
	}
	server := ""
	if a.URL() != client.DefaultURL {
		server = "DOCUMENT_SERVER_URL=" + a.URL() + " "
	}
	fmt.Fprintf(&b, `
The store is new. Try it from another terminal:

  echo 'hello, sheaf' > hello.txt
  curl -F file=@hello.txt -F tags=first %[1]s/documents
  %[2]sdoc-push hello.txt --tags first
  %[2]ssheaf push hello.txt --tags first    # the same

`, a.URL(), server)
	return b.String()
}
