package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/sheaf-dev/sheaf"
)

// Manifest says which files a book has, or had at a moment.
func (c *Client) Manifest(ctx context.Context, book string, at Moment) (sheaf.Manifest, error) {
	query := url.Values{}
	at.set(query)
	var manifest sheaf.Manifest
	err := c.getManifest(ctx, book, query, &manifest)
	return manifest, err
}

// PlanBuild says how the manifest of a book, now or at a moment, differs from the
// one with a hash.
func (c *Client) PlanBuild(ctx context.Context, book string, since sheaf.Digest, at Moment) (sheaf.BuildPlan, error) {
	query := url.Values{"since": {since.String()}}
	at.set(query)
	var answer struct {
		sheaf.ManifestSummary
		Changes sheaf.BuildChanges `json:"changes"`
	}
	err := c.getManifest(ctx, book, query, &answer)
	return sheaf.BuildPlan{ManifestSummary: answer.ManifestSummary, BuildChanges: answer.Changes}, err
}

func (c *Client) getManifest(ctx context.Context, book string, query url.Values, into any) error {
	req, err := c.request(ctx, http.MethodGet, bookPath(book)+"/manifest", query, nil)
	if err != nil {
		return err
	}
	_, err = c.getJSON(req, into)
	return err
}
