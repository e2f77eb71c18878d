package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// exampleServer starts a server with an empty store for an example. A program
// uses one that is there: client.New(client.DefaultURL).
func exampleServer() (url string, stop func()) {
	dir, err := os.MkdirTemp("", "sheaf-example-")
	if err != nil {
		log.Fatal(err)
	}
	cfg := config.Default()
	cfg.Storage.Dir = dir
	store, err := app.Open(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(store.Handler())
	return server.URL, func() {
		server.Close()
		store.Close()
		os.RemoveAll(dir)
	}
}

func exampleClient() (c *client.Client, stop func()) {
	url, stopServer := exampleServer()
	c, err := client.New(url)
	if err != nil {
		log.Fatal(err)
	}
	return c, func() { c.Close(); stopServer() }
}

func push(c *client.Client, filename, text string, tags ...string) sheaf.Document {
	doc, err := c.Push(context.Background(), client.PushInput{Filename: filename, Body: strings.NewReader(text), Tags: tags})
	if err != nil {
		log.Fatal(err)
	}
	return doc
}

func Example() {
	url, stop := exampleServer()
	defer stop()
	ctx := context.Background()

	c, err := client.New(url)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	doc, err := c.Push(ctx, client.PushInput{
		Filename: "notes.md",
		Body:     strings.NewReader("# Notes\n"),
		Name:     "Meeting notes",
		Tags:     []string{"notes"},
	})
	if err != nil {
		log.Fatal(err)
	}
	download, err := c.Pull(ctx, doc.ID)
	if err != nil {
		log.Fatal(err)
	}
	defer download.Body.Close()
	content, err := io.ReadAll(download.Body) // fails unless it is what was stored
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, version %d: %s", download.Name, doc.Version, content)
	// Output: Meeting notes, version 1: # Notes
}

func ExampleClient_Query() {
	c, stop := exampleClient()
	defer stop()
	push(c, "plan.md", "…", "design", "v2")
	push(c, "sketch.md", "…", "design")
	push(c, "minutes.md", "…", "notes")

	for doc, err := range c.Query(context.Background(), client.Filter{Tags: []string{"design"}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(doc.Name, doc.Tags)
	}
	// Output:
	// sketch.md [design]
	// plan.md [design v2]
}

// Whoever says which content they had read overwrites nobody.
func ExampleClient_PutContent() {
	c, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	doc := push(c, "list.txt", "apples\nbread\ncheese\n")

	write := func(text string, onConflict client.OnConflict) (sheaf.Change, error) {
		return c.PutContent(ctx, doc.ID, client.ContentInput{
			Body:       strings.NewReader(text),
			FileHash:   &doc.Digest,
			OnConflict: onConflict,
		})
	}
	if _, err := write("apples\nbread\ncheese\ndates\n", client.ConflictFails); err != nil {
		log.Fatal(err)
	}

	_, err := write("avocados\nbread\ncheese\n", client.ConflictFails)
	var refused *sheaf.Error
	if errors.As(err, &refused) && refused.Kind == sheaf.ErrConflict {
		fmt.Printf("version %d came first; a merge would be clean: %t\n", refused.Conflict.CurrentVersion, refused.Conflict.Merge.Clean)
	}

	change, err := write("avocados\nbread\ncheese\n", client.ConflictMerges)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(change.Mode, "as version", change.Version)
	// Output:
	// version 2 came first; a merge would be clean: true
	// merged as version 3
}

func ExampleClient_Edit() {
	c, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	doc := push(c, "hello.txt", "hello, world\n")

	old, new := "world", "sheaf"
	in := client.EditInput{Edits: []sheaf.Edit{{OldString: &old, NewString: &new}}, DryRun: true}
	edited, err := c.Edit(ctx, doc.ID, in)
	if err != nil {
		log.Fatal(err)
	}
	for _, hunk := range edited.Diff.Hunks {
		for _, line := range hunk.Lines {
			fmt.Print(line.Op, line.Text)
		}
	}

	in.DryRun = false
	if edited, err = c.Edit(ctx, doc.ID, in); err != nil {
		log.Fatal(err)
	}
	fmt.Println(edited.Mode, "as version", edited.Version)
	// Output:
	// -hello, world
	// +hello, sheaf
	// updated as version 2
}

func ExampleClient_Restore() {
	c, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	doc := push(c, "plan.txt", "first\n")
	if _, err := c.PutContent(ctx, doc.ID, client.ContentInput{Body: strings.NewReader("second\n"), Message: "a better idea"}); err != nil {
		log.Fatal(err)
	}

	for version, err := range c.Versions(ctx, doc.ID) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("version %d, %d bytes\n", version.Number, version.Size)
	}
	change, err := c.Restore(ctx, doc.ID, client.RestoreInput{Version: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(change.Mode, "version", change.Version, "as revision", change.Revision)
	// Output:
	// version 2, 7 bytes
	// version 1, 6 bytes
	// restored version 1 as revision 4
}

func ExampleClient_PushBatch() {
	c, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	files := func() []client.PushInput {
		return []client.PushInput{
			{Filename: "a.txt", Body: strings.NewReader("a")},
			{Filename: "b.txt", Body: strings.NewReader("b"), Name: " "},
		}
	}

	results, err := c.PushBatch(ctx, client.BatchInput{Files: files()})
	if err != nil {
		log.Fatal(err)
	}
	for i, result := range results {
		fmt.Println(i, result.Document.Name, result.Err)
	}

	_, err = c.PushBatch(ctx, client.BatchInput{Files: files(), Atomic: true})
	fmt.Println("all or nothing:", err)
	// Output:
	// 0 a.txt <nil>
	// 1  name is empty
	// all or nothing: files[1]: name is empty: files[1].name: name is empty
}
