package library

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	// rememberFor is how long the answer to a request with an idempotency key is kept.
	rememberFor = 24 * time.Hour

	maxIdempotencyKey = 255 // bytes
)

// remembering makes a request that is sent twice happen once. A nil one does not.
type remembering struct {
	principal, route, key string
	request               sheaf.Digest
}

// rememberBy starts remembering a request by its key; the parts are all that
// distinguishes it from others.
func (s *Session) rememberBy(key, route string, parts ...any) (*remembering, error) {
	if key == "" {
		return nil, nil
	}
	if len(key) > maxIdempotencyKey {
		return nil, sheaf.Invalid("Idempotency-Key", fmt.Sprintf("the idempotency key has %d bytes, the limit is %d", len(key), maxIdempotencyKey))
	}
	for _, r := range key {
		if !unicode.IsPrint(r) {
			return nil, sheaf.Invalid("Idempotency-Key", "the idempotency key has characters that are not printable")
		}
	}
	text, err := json.Marshal(parts)
	if err != nil {
		return nil, fmt.Errorf("encode a request: %w", err)
	}
	return &remembering{principal: s.principal.ID, route: route, key: key, request: sheaf.DigestOf(text)}, nil
}

// answered fills answer if the request has been answered before. It is asked for
// requests with a large content, which goes into the backend before the commit:
// that of a request which turns out to be another one's must not stay there.
func (l *Library) answered(ctx context.Context, r *remembering, answer any, contents ...*Upload) (done bool, err error) {
	isLarge := func(content *Upload) bool { return content != nil && !content.spooled.Ref().IsInline() }
	if r == nil || !slices.ContainsFunc(contents, isLarge) {
		return false, nil
	}
	err = l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) (err error) {
		done, err = r.recall(tx, answer)
		return err
	})
	return done, err
}

// recall fills answer if the request has been answered before.
func (r *remembering) recall(tx *catalog.Tx, answer any) (done bool, err error) {
	if r == nil {
		return false, nil
	}
	have, found, err := tx.Remembered(r.principal, r.route, r.key, tx.Now().Add(-rememberFor))
	if err != nil || !found {
		return false, err
	}
	if have.Request != r.request {
		return false, sheaf.Invalid("Idempotency-Key", "this idempotency key was used for another request").
			WithHint("use a new key for a new request")
	}
	return true, json.Unmarshal(have.Answer, answer)
}

// remember stores the answer in the transaction of the change.
func (r *remembering) remember(tx *catalog.Tx, answer any) error {
	if r == nil {
		return nil
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	return tx.Remember(r.principal, r.route, r.key, catalog.Remembered{Request: r.request, Answer: text})
}
