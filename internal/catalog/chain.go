package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sheaf-dev/sheaf"
)

// VerifyChains recomputes the chain of every stream from its first entry, and
// calls problem for every entry that is not what was written or not where it was.
// It works on one moment of the log; one check or verification runs at a time.
func (c *Catalog) VerifyChains(ctx context.Context, problem func(e sheaf.LogEntry, message string)) (streams int, entries int64, err error) {
	err = c.longSnapshot(ctx, func(v *View) (err error) {
		streams, entries, err = v.walkChains(ctx, problem)
		return err
	})
	return streams, entries, err
}

func (v *View) walkChains(ctx context.Context, problem func(e sheaf.LogEntry, message string)) (streams int, entries int64, err error) {
	type tail struct {
		streamHead
		at int64
	}
	tails := make(map[string]tail)
	err = v.Log(0, func(e sheaf.LogEntry) error {
		entries++
		last := tails[e.Stream]
		if e.Rev != last.rev+1 {
			problem(e, fmt.Sprintf("it follows revision %d", last.rev))
		} else if e.Prev != last.hash {
			problem(e, "it does not name the hash of the entry before it")
		}
		if e.Hash != sheaf.ChainHash(e.Stream, e.Rev, e.Prev, e.Payload) {
			problem(e, "its hash is not that of its content")
		}
		var payload sheaf.LogPayload
		switch err := json.Unmarshal(e.Payload, &payload); {
		case err != nil:
			problem(e, "its payload is not JSON")
		case payload.At != millis(e.At) || payload.Principal != e.Principal || payload.Label != e.Label ||
			payload.Operation != e.Operation || payload.Status != e.Status:
			problem(e, "its columns are not what its payload says")
		}
		if millis(e.At) < last.at {
			problem(e, "it is older than the entry before it")
		}
		tails[e.Stream] = tail{streamHead{e.Rev, e.Hash}, millis(e.At)}
		return ctx.Err()
	})
	return len(tails), entries, err
}
