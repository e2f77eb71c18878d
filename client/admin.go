package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sheaf-dev/sheaf"
)

// Check has the server check its store: the catalog, the chain of the log, the
// blobs and the views of the registry. A full check reads every blob. However long
// it takes, it is waited for: end it with ctx.
func (c *Client) Check(ctx context.Context, full bool) (sheaf.CheckReport, error) {
	return c.check(ctx, url.Values{"full": {strconv.FormatBool(full)}})
}

// Repair checks as [Client.Check] does, and makes whole what can be.
func (c *Client) Repair(ctx context.Context, full bool) (sheaf.CheckReport, error) {
	return c.check(ctx, url.Values{"full": {strconv.FormatBool(full)}, "repair": {"true"}})
}

func (c *Client) check(ctx context.Context, query url.Values) (sheaf.CheckReport, error) {
	var report sheaf.CheckReport
	req, err := c.request(ctx, http.MethodPost, "admin/fsck", query, nil)
	if err != nil {
		return report, err
	}
	_, err = c.patient().getJSON(req, &report)
	return report, err
}

// PlanGarbage returns what a garbage collection would reclaim now. It changes
// nothing. Every stored object is listed: however long that takes, it is waited
// for, as by [Client.Check].
func (c *Client) PlanGarbage(ctx context.Context) (sheaf.GarbagePlan, error) {
	var plan sheaf.GarbagePlan
	req, err := c.request(ctx, http.MethodGet, "admin/gc", nil, nil)
	if err != nil {
		return plan, err
	}
	_, err = c.patient().getJSON(req, &plan)
	return plan, err
}

// CollectGarbage applies the retention of every collection and reclaims what
// nothing has referred to for the time of grace, or, with now, at all. However
// long it takes, it is waited for, as by [Client.Check].
func (c *Client) CollectGarbage(ctx context.Context, now bool) (sheaf.GarbageReport, error) {
	var report sheaf.GarbageReport
	query := url.Values{"now": {strconv.FormatBool(now)}}
	req, err := c.request(ctx, http.MethodPost, "admin/gc", query, nil)
	if err != nil {
		return report, err
	}
	_, err = c.patient().getJSON(req, &report)
	return report, err
}

// patient returns a client that waits for the server however long it is silent.
func (c *Client) patient() *Client {
	patient := *c
	patient.timeout = 0
	return &patient
}
