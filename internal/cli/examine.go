package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/fsblob"
)

// examine makes all checks. One that needs what another has found missing is
// left out.
func (o *options) examine(ctx context.Context) []finding {
	findings := []finding{o.examineTimeout()}
	cfg, err := o.config()
	if err != nil {
		findings = append(findings, finding{"configuration", statusFail, err.Error(), "correct the values named"})
	} else {
		findings = append(findings, finding{"configuration", statusOK, "valid; data directory " + cfg.Storage.Dir, ""})
		findings = append(findings, examineDirectory(ctx, cfg.Storage.Dir)...)
	}
	findings = append(findings, examineClock(time.Now(), readBuild().Time))
	return append(findings, o.examineServer(ctx))
}

func (o *options) examineTimeout() finding {
	silence, err := o.silence()
	if err != nil {
		return finding{"timeout", statusFail, err.Error(), "correct or unset " + timeoutVariable}
	}
	return finding{"timeout", statusOK, "a server may be silent for " + silence.String(), ""}
}

// Free space below which the doctor warns and below which it fails.
const (
	spaceLow  = 1 << 30
	spaceFull = 64 << 20
)

// slowWrite is how long making a small file durable takes on a disk that will
// not keep up.
const slowWrite = 100 * time.Millisecond

// examineDirectory looks at the data directory, or at where it would be made.
func examineDirectory(ctx context.Context, dir string) []finding {
	const check = "data directory"
	info, err := os.Stat(dir)
	probe := dir
	var findings []finding
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if probe, err = existingParent(dir); err != nil {
			return []finding{{check, statusFail, err.Error(), "choose another with --" + dataDirFlag}}
		}
		findings = append(findings, finding{check, statusOK, dir + " will be made when it is needed", ""})
	case err != nil:
		return []finding{{check, statusFail, err.Error(), "make it accessible, or choose another with --" + dataDirFlag}}
	case !info.IsDir():
		return []finding{{check, statusFail, dir + " is not a directory", "move the file away, or choose another with --" + dataDirFlag}}
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		findings = append(findings, finding{check, statusWarn,
			fmt.Sprintf("others on this machine may look into %s (mode %s)", dir, info.Mode().Perm()), "run `chmod 700 " + dir + "`"})
	default:
		findings = append(findings, finding{check, statusOK, dir, ""})
	}
	return append(findings, examineWriting(ctx, probe), examineSpace(probe))
}

// existingParent returns the closest directory above dir that exists.
func existingParent(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	for err == nil {
		dir = filepath.Dir(dir)
		var info os.FileInfo
		if info, err = os.Stat(dir); err == nil {
			if !info.IsDir() {
				return "", fmt.Errorf("%s is not a directory", dir)
			}
			return dir, nil
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return "", err
}

// examineWriting stores a small content in dir as the store does, and removes it.
func examineWriting(ctx context.Context, dir string) finding {
	const check = "durable writes"
	took, skew, err := writeProbe(ctx, dir)
	switch {
	case err != nil:
		return finding{check, statusFail, err.Error(), "make " + dir + " writable for this user, on a file system with fsync and renaming that replaces nothing"}
	case skew > time.Minute:
		return finding{check, statusWarn, fmt.Sprintf("the clock of the file system differs by %s", skew.Round(time.Second)), "set the clocks of this machine and its file server"}
	case took > slowWrite:
		return finding{check, statusWarn, fmt.Sprintf("storing 4 KB took %s", took.Round(time.Millisecond)), "put the data on a faster disk if writes are too slow"}
	}
	return finding{check, statusOK, fmt.Sprintf("storing 4 KB took %s", took.Round(10*time.Microsecond)), ""}
}

// writeProbe returns how long a content takes to be durable under its name in
// dir, and by how much the clock of the file system differs from this machine's.
func writeProbe(ctx context.Context, dir string) (took, skew time.Duration, err error) {
	probe, err := os.MkdirTemp(dir, ".sheaf-doctor-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(probe)
	backend, err := fsblob.New(probe)
	if err != nil {
		return 0, 0, err
	}
	content := make([]byte, 4<<10)
	key := blob.Key(sheaf.DigestOf(content).String())
	for range 2 { // what is there already is not replaced
		start := time.Now()
		if err := backend.Put(ctx, key, bytes.NewReader(content), int64(len(content))); err != nil {
			return 0, 0, err
		}
		took = max(took, time.Since(start))
	}
	info, err := backend.Stat(ctx, key)
	if err != nil {
		return 0, 0, err
	}
	return took, time.Since(info.Modified).Abs(), nil
}

func examineSpace(dir string) finding {
	const check, hint = "free space", "make room, or move the data to a larger disk"
	free, err := freeSpace(dir)
	switch {
	case err != nil:
		return finding{check, statusWarn, "unknown: " + err.Error(), "look for yourself"}
	case free < spaceFull:
		return finding{check, statusFail, formatSize(free), hint}
	case free < spaceLow:
		return finding{check, statusWarn, formatSize(free), hint}
	}
	return finding{check, statusOK, formatSize(free), ""}
}

// examineClock compares the clock with when this program was made.
func examineClock(now, made time.Time) finding {
	const check = "clock"
	if now.Before(made) {
		return finding{check, statusFail, fmt.Sprintf("it shows %s, before this program was made", now.UTC().Format(time.RFC3339)), "set the clock: documents are ordered by it"}
	}
	return finding{check, statusOK, now.UTC().Format(time.RFC3339), ""}
}

// examineServer asks the server that a command would use how it is.
func (o *options) examineServer(ctx context.Context) finding {
	const check = "server"
	c, where, err := o.findServer(ctx)
	switch {
	case sheaf.KindOf(err) == sheaf.ErrUnavailable:
		return finding{check, statusWarn, err.Error(), hintOf(err)} // nobody said that there is one
	case err != nil:
		return finding{check, statusFail, err.Error(), cmp.Or(hintOf(err), "correct it")}
	case c == nil:
		return finding{check, statusOK, "none; commands open " + where + " by themselves", ""}
	}
	defer c.Close()
	health, err := c.Health(ctx)
	switch {
	case err != nil:
		status := statusWarn
		if o.url != "" || os.Getenv(urlVariable) != "" {
			status = statusFail // somebody counts on it
		}
		return finding{check, status, err.Error(), hintOf(err)}
	case health.Status != "ok":
		return finding{check, statusFail, fmt.Sprintf("%s is %s%s", where, health.Status, troubles(health)), "the server's log says more"}
	case health.Version != app.Version():
		return finding{check, statusWarn, fmt.Sprintf("%s has version %s, this program %s", where, health.Version, app.Version()), "use the same version on both sides"}
	}
	return finding{check, statusOK, fmt.Sprintf("%s is ok, version %s", where, health.Version), ""}
}

// findServer returns a client of the server that commands would use, nil if they
// would open a data directory themselves.
func (o *options) findServer(ctx context.Context) (c *client.Client, where string, err error) {
	silence, err := o.silence()
	if err != nil {
		return nil, "", err
	}
	to, _, err := o.target(ctx)
	if err != nil {
		return nil, "", err
	}
	if to.url != "" {
		c, err = client.New(to.url, client.WithTimeout(silence))
		return c, to.url, err
	}
	socket := app.SocketPath(to.dir)
	if !answers(ctx, "unix", socket) {
		return nil, to.dir, nil
	}
	c, err = client.New(client.DefaultURL, client.WithTimeout(silence), client.WithTransport(client.SocketTransport(socket)))
	return c, socket, err
}

func hintOf(err error) string {
	var e *sheaf.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

// troubles names what is not well.
func troubles(health client.Health) string {
	text := ""
	if health.Catalog != "ok" {
		text = ", catalog: " + health.Catalog
	}
	for _, backend := range health.Backends {
		if backend.Status != "ok" {
			text += fmt.Sprintf(", backend %s is %s: %s", backend.Name, backend.Status, backend.Detail)
		}
	}
	return text
}
