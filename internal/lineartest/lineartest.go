// Package lineartest checks whether concurrent calls on documents behave as if
// they happened one after the other, each at some moment between its beginning
// and its end: tests record what they call and what they are told, and then ask
// for an order in which all of it makes sense.
package lineartest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/sheaf-dev/sheaf"
)

// An Op is what a call does with a document.
type Op string

const (
	Read    Op = "read"
	Write   Op = "write"
	Delete  Op = "delete"
	Restore Op = "restore" // out of the trash
)

// A Call is one call on a document.
type Call struct {
	Document sheaf.DocumentID
	Op       Op
	Written  sheaf.Digest // of a Write
	Expected sheaf.Digest // of a Write: the file_hash; zero: none
}

// A State is what a document is.
type State struct {
	Version int // the latest number, which is the current one
	Digest  sheaf.Digest
	Deleted bool
}

// An outcome is what a call was told.
type outcome struct {
	kind    sheaf.ErrorKind // of the error; empty: it succeeded
	unknown bool            // nobody knows whether the call has happened
	seen    State           // of a conflict: what was there; otherwise what is then
}

// A Recorder records calls. Its methods may be called concurrently, but for
// Settle and Check.
type Recorder struct {
	started time.Time
	initial map[sheaf.DocumentID]State

	mu      sync.Mutex
	calls   map[sheaf.DocumentID][]porcupine.Operation // guarded by mu
	pending []pending                                  // guarded by mu; of unknown outcomes
}

type pending struct {
	document sheaf.DocumentID
	index    int
}

// NewRecorder returns a recorder of calls on documents that are as given.
func NewRecorder(documents ...sheaf.Document) *Recorder {
	r := &Recorder{started: time.Now(), initial: make(map[sheaf.DocumentID]State), calls: make(map[sheaf.DocumentID][]porcupine.Operation)}
	for _, doc := range documents {
		r.initial[doc.ID] = State{Version: doc.Version, Digest: doc.Digest}
	}
	return r
}

// Do records one call of a client, counted from 0, that does one thing at a
// time. Call returns the version and the digest that it was told, zero if it was
// not. An error with a kind that no call of the model ends with leaves open
// whether it has happened, and is returned.
func (r *Recorder) Do(client int, c Call, call func() (version int, digest sheaf.Digest, err error)) error {
	began := time.Since(r.started)
	version, digest, err := call()
	ended := time.Since(r.started)

	out := outcome{kind: sheaf.KindOf(err), seen: State{Version: version, Digest: digest}}
	var e *sheaf.Error
	switch {
	case err == nil:
		out.kind = ""
	case out.kind == sheaf.ErrConflict && errors.As(err, &e) && e.Conflict != nil:
		out.seen = State{Version: e.Conflict.CurrentVersion, Digest: e.Conflict.CurrentHash}
	case out.kind != sheaf.ErrNotFound:
		out.unknown = true
	}
	if out.unknown && c.Op == Read {
		return err // as if nobody had asked
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if out.unknown {
		r.pending = append(r.pending, pending{c.Document, len(r.calls[c.Document])})
	}
	r.calls[c.Document] = append(r.calls[c.Document], porcupine.Operation{
		ClientId: client, Input: c, Call: int64(began), Output: out, Return: int64(ended),
	})
	if out.unknown {
		return err
	}
	return nil
}

// Settle says that no call whose outcome is unknown can happen from now on,
// because the server it was sent to is gone.
func (r *Recorder) Settle() {
	now := int64(time.Since(r.started))
	for _, p := range r.pending {
		r.calls[p.document][p.index].Return = now
	}
	r.pending = nil
}

// Check fails the test if there is no order of the calls in which they make sense.
func (r *Recorder) Check(t testing.TB) {
	t.Helper()
	r.Settle()
	for id, calls := range r.calls {
		model := porcupine.NondeterministicModel{
			Init: func() []any { return []any{r.initial[id]} },
			Step: func(state, input, output any) []any { return step(state.(State), input.(Call), output.(outcome)) },
		}
		switch porcupine.CheckOperationsTimeout(model.ToModel(), calls, time.Minute) {
		case porcupine.Illegal:
			t.Errorf("the calls on %s are not linearizable; it began as %s:\n%s", id, r.initial[id], describe(calls))
		case porcupine.Unknown:
			t.Errorf("a minute is too short to tell whether %d calls on %s are linearizable", len(calls), id)
		}
	}
}

// Calls returns how many calls were recorded.
func (r *Recorder) Calls() (n int) {
	for _, calls := range r.calls {
		n += len(calls)
	}
	return n
}

// step returns the states that a document may be in after a call with an outcome;
// none if the call cannot have ended so.
func step(before State, c Call, out outcome) []any {
	after, want := apply(before, c)
	switch {
	case out.unknown:
		return []any{before, after}
	case out.kind != want.kind:
		return nil
	case out.kind != sheaf.ErrNotFound && !out.seen.agreesWith(want.seen):
		return nil
	}
	return []any{after}
}

// agreesWith reports whether a caller who was told s can have been told of want:
// not every call is told the version, or the digest.
func (s State) agreesWith(want State) bool {
	return (s.Version == 0 || s.Version == want.Version) && (s.Digest.IsZero() || s.Digest == want.Digest)
}

// apply does what a call has to do with a document that nobody else touches.
func apply(before State, c Call) (after State, out outcome) {
	after = before
	switch {
	case before.Deleted && c.Op == Restore:
		after.Deleted = false
	case before.Deleted:
		return before, outcome{kind: sheaf.ErrNotFound}
	case c.Op == Delete:
		after.Deleted = true
	case c.Op == Write && !c.Expected.IsZero() && c.Expected != before.Digest:
		return before, outcome{kind: sheaf.ErrConflict, seen: before}
	case c.Op == Write && c.Written != before.Digest:
		after = State{Version: before.Version + 1, Digest: c.Written}
	}
	return after, outcome{seen: State{Version: after.Version, Digest: after.Digest}}
}

// describe tells of calls in the order in which they began.
func describe(calls []porcupine.Operation) string {
	calls = slices.SortedFunc(slices.Values(calls), func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, call := range calls {
		fmt.Fprintf(&b, "\t%12v to %12v client %d %s: %s\n", time.Duration(call.Call), time.Duration(call.Return), call.ClientId, call.Input, call.Output)
	}
	return b.String()
}

func (s State) String() string {
	if s.Deleted {
		return fmt.Sprintf("version %d %.8s in the trash", s.Version, s.Digest)
	}
	return fmt.Sprintf("version %d %.8s", s.Version, s.Digest)
}

func (c Call) String() string {
	switch {
	case c.Op != Write:
		return string(c.Op)
	case c.Expected.IsZero():
		return fmt.Sprintf("write %.8s", c.Written)
	}
	return fmt.Sprintf("write %.8s over %.8s", c.Written, c.Expected)
}

func (o outcome) String() string {
	switch {
	case o.unknown:
		return "unknown"
	case o.kind == "":
		return o.seen.String()
	case o.kind == sheaf.ErrNotFound:
		return string(o.kind)
	}
	return fmt.Sprintf("%s with %s", o.kind, o.seen)
}
