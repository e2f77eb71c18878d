package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/sheaf-dev/sheaf"
)

const (
	lockName = "lock"

	// lockPatience outlasts those who take the lock only to look, as Owned does.
	lockPatience = 250 * time.Millisecond
	lockInterval = 25 * time.Millisecond
)

// An owner is the process that owns a data directory, as the lock file says for
// those who find it locked. What a killed process left there means nothing.
type owner struct {
	PID int    `json:"pid"`
	URL string `json:"url,omitempty"` // where it serves; empty while it does not
}

// An ownership is the exclusive right to a data directory. The lock belongs to
// the process and ends with it, however it ends.
type ownership struct {
	path string
	lock *flock.Flock
}

// own takes the lock of the data directory. If another process has it, the error
// is of kind exists and says how to reach that process.
func own(ctx context.Context, dir string) (*ownership, error) {
	o := &ownership{path: filepath.Join(dir, lockName)}
	o.lock = flock.New(o.path)
	begin := time.Now()
	for {
		locked, err := o.lock.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock the data directory: %w", err)
		}
		if locked {
			o.announce("")
			return o, nil
		}
		if time.Since(begin) > lockPatience {
			return nil, readOwner(o.path).inUse(dir)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockInterval):
		}
	}
}

func (o owner) inUse(dir string) error {
	who := "another process"
	if o.PID != 0 {
		who = fmt.Sprintf("process %d", o.PID)
	}
	err := sheaf.Errorf(sheaf.ErrExists, "the data directory %s is in use by %s", dir, who)
	if o.URL == "" {
		return err.WithHint("try again once it has ended")
	}
	return err.WithHint(fmt.Sprintf("reach it at %s, or stop it first", o.URL))
}

// announce writes who the owner is into the lock file. It fails where a lock
// keeps others from reading too, which is Windows; the error is of no use there.
func (o *ownership) announce(url string) {
	content, err := json.Marshal(owner{PID: os.Getpid(), URL: url})
	if err == nil {
		_ = os.WriteFile(o.path, append(content, '\n'), 0o600)
	}
}

// release gives the directory up. The file stays: removing it would let two
// processes each lock a file of that name.
func (o *ownership) release() error {
	_ = os.Truncate(o.path, 0)
	return o.lock.Unlock()
}

// readOwner returns what the lock file says, nothing if it says nothing.
func readOwner(path string) (o owner) {
	if content, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(content, &o) // half-written is as good as empty
	}
	return o
}

// Owned reports whether a process, this one or another, owns the data
// directory. It leaves nothing behind in it. The answer may be outdated at once.
func Owned(dataDir string) (bool, error) {
	path := filepath.Join(dataDir, lockName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	lock := flock.New(path)
	locked, err := lock.TryRLock()
	if err != nil {
		return false, fmt.Errorf("look at the lock of the data directory: %w", err)
	}
	if !locked {
		return true, nil
	}
	return false, lock.Unlock()
}
