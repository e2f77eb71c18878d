package blob

import "time"

// A State says in a word how a backend fares.
type State string

const (
	StateOK          State = "ok"
	StateFailing     State = "failing"     // the latest calls have failed; it is still tried
	StateUnavailable State = "unavailable" // calls fail at once; it is tried now and then
)

// A Condition is how a backend has fared lately.
type Condition struct {
	State       State
	Failure     string    // of the latest call that failed, for everybody to read; empty if none did
	FailedAt    time.Time // of that call
	SucceededAt time.Time // of the latest call that did not fail; zero if none yet
	RetryAt     time.Time // when an unavailable backend is tried again
}

// A Monitored backend keeps account of how its calls end, and may fail them
// without making them.
type Monitored interface {
	Condition() Condition
}

// Condition returns how a backend fares, if it keeps account of that. One that
// is on this machine does not.
func (s *Store) Condition(backend string) (condition Condition, monitored bool) {
	b, ok := s.backends[backend].(Monitored)
	if !ok {
		return Condition{}, false
	}
	return b.Condition(), true
}
