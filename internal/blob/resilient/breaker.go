package resilient

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

const (
	// mostFailures is how many attempts in a row may fail. A call has fewer, so
	// that one alone does not take the backend from all others.
	mostFailures = 5

	// stallWeight is as how many failures an attempt counts in which nothing
	// moved: somebody has waited long for each.
	stallWeight = 3

	// firstCooldown and maxCooldown are how long a backend is left alone, in
	// pauses before a first retry.
	firstCooldown = 10
	maxCooldown   = 300
)

// errLeftAlone says that a call was not made.
var errLeftAlone = errors.New("the backend is left alone for now")

// A breaker keeps account of how the calls of a backend end. It is closed while
// they are made, open while they are not.
type breaker struct {
	name                       string
	meanwhile                  string // ends a hint: what can be done without the backend
	firstCooldown, maxCooldown time.Duration

	mu       sync.Mutex
	inARow   int // failures since the latest success
	open     bool
	probing  bool // somebody finds out whether the backend is back
	cooldown time.Duration
	retryAt  time.Time
	failure  error // the latest; nil: none
	failedAt time.Time
	answered time.Time // the latest success
}

// admit reports whether the caller has to probe the backend first. If the
// backend is to be left alone, it fails.
func (b *breaker) admit() (probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open:
		return false, nil
	case b.probing || time.Now().Before(b.retryAt):
		return false, b.leftAlone()
	}
	b.probing = true
	return true, nil
}

// leftAlone returns the error of a call that is not made. The caller holds b.mu.
func (b *breaker) leftAlone() error {
	return &sheaf.Error{
		Kind:    sheaf.ErrBackendUnavailable,
		Message: message(b.failure),
		Hint:    "it is tried again at " + b.retryAt.UTC().Format(time.TimeOnly+" MST") + b.meanwhile,
		Err:     errLeftAlone,
	}
}

// succeeded notes that a call was answered.
func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inARow, b.cooldown, b.answered = 0, 0, time.Now()
}

// failed notes that an attempt failed, which may be one too many.
func (b *breaker) failed(err error, weight int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failure, b.failedAt = err, time.Now()
	b.inARow += weight
	if !b.open && b.inARow >= mostFailures {
		b.coolDown()
	}
}

// coolDown leaves the backend alone, longer each time until a call succeeds. The
// caller holds b.mu.
func (b *breaker) coolDown() {
	b.cooldown = min(max(2*b.cooldown, b.firstCooldown), b.maxCooldown)
	b.open, b.probing = true, false
	b.retryAt = time.Now().Add(b.cooldown*3/4 + rand.N(b.cooldown/2))
}

// stillAway notes that a probe failed, and returns the error of the call that
// waited for it.
func (b *breaker) stillAway(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failure, b.failedAt = err, time.Now()
	b.coolDown()
	return b.leftAlone()
}

// reopened notes that a probe was answered. One more failure is enough to leave
// the backend alone again: it may answer a probe and nothing else.
func (b *breaker) reopened() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open, b.probing, b.inARow = false, false, mostFailures-1
}

// undecided notes that a probe was not waited for. The next caller makes it.
func (b *breaker) undecided() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

func (b *breaker) condition() blob.Condition {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := blob.Condition{State: blob.StateOK, Failure: message(b.failure), FailedAt: b.failedAt, SucceededAt: b.answered}
	switch {
	case b.open:
		c.State, c.RetryAt = blob.StateUnavailable, b.retryAt
	case b.inARow > 0:
		c.State = blob.StateFailing
	}
	return c
}

// message returns what everybody may read of an error, "" of none. Its cause is
// for logs: it may repeat what a server has said.
func message(err error) string {
	var e *sheaf.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return ""
}
