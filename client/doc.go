// Package client talks to a Sheaf server over its REST interface, in the types
// and errors of package sheaf.
//
//	c, err := client.New("http://127.0.0.1:8766")
//	doc, err := c.Push(ctx, client.PushInput{Filename: "notes.md", Body: file})
//	for doc, err := range c.Query(ctx, client.Filter{Tags: []string{"design"}}) { … }
//
// Contents stream in both directions: nothing of the size of a document is held
// in memory. What arrives is checked against its SHA-256, and a download whose
// connection breaks goes on where it was. What fails for a reason that may pass is
// repeated by itself where that is safe; see [WithRetries].
//
// Errors that the server reports are [*sheaf.Error]s, the same that the
// operation returned inside the server; so are those of the connection, with
// the kinds unavailable and timeout.
package client
