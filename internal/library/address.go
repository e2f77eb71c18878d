package library

import (
	"context"

	"github.com/sheaf-dev/sheaf"
)

// An Address says where callers reach the store over HTTP, such as
// https://sheaf.example/store, without a final slash. It may have to begin to
// listen first.
type Address func(context.Context) (string, error)

// ReachedAt says where whoever calls reaches the store. Transports say it before
// the first operation; of a call that came by no address they know nothing, and
// then it is that of the store.
func (c *Call) ReachedAt(address Address) { c.address = address }

// base returns where the caller reaches the store over HTTP, for absolute URLs.
func (s *Session) base(ctx context.Context) (string, error) {
	address := s.library.address
	if s.call != nil && s.call.address != nil {
		address = s.call.address
	}
	if address == nil {
		return "", sheaf.Errorf(sheaf.ErrUnavailable, "this store is not reached over HTTP, so that there are no URLs of it").
			WithHint("start a server with `sheaf serve`")
	}
	return address(ctx)
}
