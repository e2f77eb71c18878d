package mcp_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// A person attaches a lesson or a document: from the list, or by completing what
// they type.
func TestResources(t *testing.T) {
	s := sheaftest.Start(t)
	session := connect(t, s.URL+"/mcp")
	empty, err := session.ListResources(t.Context(), nil)
	if err != nil || empty.Resources == nil || len(empty.Resources) != 0 {
		t.Errorf("the resources of an empty store: %+v, %v", empty, err)
	}
	const lesson = "content/01 Start/01-été.md"
	call[bookFile](t, session, "write_content", arguments{"book_id": "ai-native", "path": lesson, "content": "# Bonjour\n"})
	pushed := call[document](t, session, "push_document", arguments{"content": "some notes", "filename": "notes.txt"})
	put := func(path, content string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL+"/books/ai-native/content/"+path, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("PUT %s: %v, %v", path, response, err)
		}
		response.Body.Close()
	}
	put("assets/images/a.png", "\x89PNG\xff")
	put("assets/large.txt", strings.Repeat("x", 4<<20+1))

	listed, err := session.ListResources(t.Context(), nil)
	if err != nil || len(listed.Resources) != 2 {
		t.Fatalf("the resources: %+v, %v", listed, err)
	}
	if listed.CacheScope != "private" {
		t.Errorf("the list may be cached for %q", listed.CacheScope)
	}
	for uri, want := range map[string]*sdk.ResourceContents{
		listed.Resources[0].URI:                       {MIMEType: "text/markdown", Text: "# Bonjour\n"},
		listed.Resources[1].URI:                       {MIMEType: "text/plain", Text: "some notes"},
		"sheaf://documents/" + pushed.DocumentID:      {MIMEType: "text/plain", Text: "some notes"},
		"sheaf://books/ai-native/assets/images/a.png": {MIMEType: "image/png", Blob: []byte("\x89PNG\xff")},
	} {
		read, err := session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil || len(read.Contents) != 1 {
			t.Errorf("%s: %+v, %v", uri, read, err)
			continue
		}
		got := read.Contents[0]
		if got.URI != uri || !strings.HasPrefix(got.MIMEType, want.MIMEType) || got.Text != want.Text || string(got.Blob) != string(want.Blob) {
			t.Errorf("%s: %+v, want %+v", uri, got, want)
		}
	}
	for uri, want := range map[string]string{
		"sheaf://books/ai-native/content/01-none.md": "Content not found",
		"sheaf://books/ai-nativ/a.md":                "did you mean ai-native",
		"sheaf://books/ai-native/assets/large.txt":   "read_content",
		"sheaf://books/ai-native/../../x":            "path",
	} {
		if read, err := session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %s", uri, read, err, want)
		}
	}

	for _, test := range []struct {
		variable, value, book string
		want                  []string
	}{
		{"book", "", "", []string{"ai-native"}},
		{"book", "Nat", "", []string{"ai-native"}},
		{"book", "x", "", []string{}},
		{"path", "", "ai-native", []string{"assets/images/a.png", "assets/large.txt", lesson}},
		{"path", "ÉTÉ", "ai-native", []string{lesson}},
		{"path", "content/01 Start/01", "ai-native", []string{lesson}},
		{"path", "nowhere/", "ai-native", []string{}},
		{"path", "", "no-such-book", []string{}},
		{"path", "", "", []string{}},
	} {
		params := &sdk.CompleteParams{
			Ref:      &sdk.CompleteReference{Type: "ref/resource", URI: "sheaf://books/{book}/{+path}"},
			Argument: sdk.CompleteParamsArgument{Name: test.variable, Value: test.value},
		}
		if test.book != "" {
			params.Context = &sdk.CompleteContext{Arguments: map[string]string{"book": test.book}}
		}
		completed, err := session.Complete(t.Context(), params)
		if err != nil || !slices.Equal(completed.Completion.Values, test.want) || completed.Completion.Values == nil {
			t.Errorf("completing %+v: %+v, %v", test, completed, err)
		}
	}

	// Who sees no books' tools sees no books.
	only, err := connect(t, s.URL+"/mcp/x/documents").ListResources(t.Context(), nil)
	if err != nil || len(only.Resources) != 1 || !strings.HasPrefix(only.Resources[0].URI, "sheaf://documents/") {
		t.Errorf("the resources of the toolset documents: %+v, %v", only, err)
	}
}
