package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A Clocked is a backend that says what time it has, to the second.
type Clocked interface {
	// Now asks for the time.
	Now(ctx context.Context) (time.Time, error)
}

const (
	probeSize    = 64 << 10
	probeTimeout = 30 * time.Second // of one step
	probeListed  = 10_000           // objects, after which a listing counts as one
	probeClock   = time.Minute      // by which clocks may differ
)

// Probe tries all that a backend has to do, with an object of its own, which it
// removes. It says of every step what came of it; when the context ends, that is
// what the rest failed by.
func (s *Store) Probe(ctx context.Context, backend string) ([]sheaf.BackendStep, error) {
	b, err := s.backend(backend)
	if err != nil {
		return nil, err
	}
	content := make([]byte, probeSize)
	rand.Read(content)
	p := &probe{backend: unwrapped(b), content: content, key: Key(sheaf.DigestOf(content).String())}
	p.run(ctx)
	return p.steps, nil
}

// unwrapped returns the driver behind what retries: a probe is about what one
// attempt comes to.
func unwrapped(b Backend) Backend {
	for {
		wrapper, ok := b.(interface{ Unwrap() Backend })
		if !ok {
			return b
		}
		b = wrapper.Unwrap()
	}
}

// A probe is one test of a backend.
type probe struct {
	backend Backend
	key     Key
	content []byte
	steps   []sheaf.BackendStep
}

func (p *probe) run(ctx context.Context) {
	written := p.step(ctx, "write", func(ctx context.Context) error {
		return p.backend.Put(ctx, p.key, bytes.NewReader(p.content), probeSize)
	})
	withObject := func(name string, try func(context.Context) error) {
		if !written {
			p.skip(name, "nothing could be written")
			return
		}
		p.step(ctx, name, try)
	}
	withObject("stat", p.stat)
	withObject("read", func(ctx context.Context) error { return p.read(ctx, 0, -1, p.content) })
	withObject("range", func(ctx context.Context) error { return p.read(ctx, 10_000, 5000, p.content[10_000:15_000]) })
	p.step(ctx, "list", func(ctx context.Context) error { return p.list(ctx, written) })
	if clocked, ok := p.backend.(Clocked); ok {
		p.step(ctx, "clock", func(ctx context.Context) error { return compareClocks(ctx, clocked) })
	} else {
		p.skip("clock", "it has the clock of this machine, or does not tell")
	}
	if presigner, ok := p.backend.(Presigner); ok {
		withObject("presign_get", func(ctx context.Context) error { return p.presignGet(ctx, presigner) })
		withObject("presign_put", func(ctx context.Context) error { return p.presignPut(ctx, presigner) })
	} else {
		const why = "it does not presign: contents pass through the server"
		p.skip("presign_get", why)
		p.skip("presign_put", why)
	}
	// In any case: a write that failed for want of an answer may have happened.
	p.step(context.WithoutCancel(ctx), "delete", p.delete)
}

// step tries one thing, and reports whether that went well.
func (p *probe) step(ctx context.Context, name string, try func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	started := time.Now()
	err := try(ctx)
	step := sheaf.BackendStep{Step: name, Status: sheaf.StepOK, DurationMS: float64(time.Since(started).Microseconds()) / 1000}
	if err != nil {
		step.Status, step.Fault, step.Message, step.Detail = sheaf.StepFailed, string(FaultOf(err)), err.Error(), ""
		var e *sheaf.Error
		switch {
		case errors.As(err, &e):
			step.Message, step.Hint = e.Message, e.Hint
			if e.Err != nil {
				step.Detail = e.Err.Error()
			}
		case ctx.Err() != nil:
			step.Fault, step.Message = string(FaultUnreachable), fmt.Sprintf("it did not answer within %s", probeTimeout)
		}
	}
	p.steps = append(p.steps, step)
	return err == nil
}

func (p *probe) skip(name, why string) {
	p.steps = append(p.steps, sheaf.BackendStep{Step: name, Status: sheaf.StepSkipped, Message: why})
}

func (p *probe) stat(ctx context.Context) error {
	info, err := p.backend.Stat(ctx, p.key)
	if err == nil && info.Size != probeSize {
		err = otherBytes("it says that the object has %d bytes, and %d were written", info.Size, probeSize)
	}
	return err
}

func (p *probe) read(ctx context.Context, offset, length int64, want []byte) error {
	r, err := p.backend.Open(ctx, p.key, offset, length)
	if err != nil {
		return err
	}
	defer r.Close()
	return compare(r, want)
}

// compare fails unless r gives exactly these bytes.
func compare(r io.Reader, want []byte) error {
	got, err := io.ReadAll(io.LimitReader(r, int64(len(want))+1))
	if err == nil && !bytes.Equal(got, want) {
		err = otherBytes("it gives back other bytes than were written")
	}
	return err
}

func otherBytes(format string, args ...any) error {
	return NewFault(FaultEndpoint, fmt.Sprintf(format, args...), "a proxy or a cache may stand before the backend; take it away", nil)
}

var errEnough = errors.New("enough")

func (p *probe) list(ctx context.Context, written bool) error {
	listed, found := 0, false
	err := p.backend.List(ctx, func(info Info) error {
		listed++
		found = info.Key == p.key
		if found || listed == probeListed {
			return errEnough
		}
		return nil
	})
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err == nil && written:
		return otherBytes("the object that was written is not among the %d that it lists", listed)
	}
	return err
}

func compareClocks(ctx context.Context, clocked Clocked) error {
	theirs, err := clocked.Now(ctx)
	if err != nil {
		return err
	}
	ahead := time.Since(theirs).Round(time.Second)
	if ahead.Abs() < probeClock {
		return nil
	}
	where := "ahead of"
	if ahead < 0 {
		where = "behind"
	}
	return NewFault(FaultClock, fmt.Sprintf("the clock of this machine is %s %s that of the backend", ahead.Abs(), where),
		"set the clock of this machine, best by NTP: URLs for uploads and downloads expire at wrong times, and soon every request is refused", nil)
}

func (p *probe) presignGet(ctx context.Context, presigner Presigner) error {
	grant, err := presigner.PresignGet(ctx, p.key, Download{Filename: "probe.bin", MIME: "application/x-sheaf-probe", Lifetime: 10 * probeTimeout})
	if err != nil {
		return err
	}
	answer, err := use(ctx, grant, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); presigner.Terms().MIME && got != "application/x-sheaf-probe" {
		return NewFault(FaultPresign, "a URL for a download does not decide about its type", "browsers will not know what they get", nil)
	}
	return compare(answer.Body, p.content)
}

func (p *probe) presignPut(ctx context.Context, presigner Presigner) error {
	name := "probe-" + strings.ToLower(rand.Text())
	grant, err := presigner.PresignPut(ctx, name, Upload{Size: probeSize, MIME: "application/octet-stream", SHA256: string(p.key), Lifetime: 10 * probeTimeout})
	if err != nil {
		return err
	}
	answer, err := use(ctx, grant, p.content)
	if err != nil {
		return err
	}
	answer.Body.Close()
	staged, _, err := presigner.OpenStaged(ctx, name)
	if err != nil {
		return err
	}
	defer staged.Close()
	return errors.Join(compare(staged, p.content), presigner.DeleteStaged(ctx, name))
}

// use makes the request that was granted, as somebody else would.
func use(ctx context.Context, grant Grant, body []byte) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, grant.Method, grant.URL, reader)
	if err != nil {
		return nil, err
	}
	if grant.Header != nil {
		req.Header = grant.Header.Clone()
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		var withURL *url.Error // which is as good as a key
		if errors.As(err, &withURL) {
			err = withURL.Err
		}
		return nil, NewFault(FaultPresign, "the host of the URLs that it signs does not answer", "clients have to reach it too: check the endpoint and path_style", err)
	}
	if answer.StatusCode/100 == 2 {
		return answer, nil
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
	return nil, NewFault(FaultPresign, fmt.Sprintf("it refuses a URL that it should accept: status %d%s", answer.StatusCode, codeIn(said)),
		"clients cannot upload or download without the server; check the region, the clock and what stands before the backend", nil)
}

var errorCode = regexp.MustCompile(`(?:<Code>|"(?:code|error)"\s*:\s*")([A-Za-z0-9_]{1,64})`)

// codeIn returns the error code in an answer, for the end of a sentence.
func codeIn(answer []byte) string {
	if match := errorCode.FindSubmatch(answer); match != nil {
		return ", " + string(match[1])
	}
	return ""
}

func (p *probe) delete(ctx context.Context) error {
	if err := p.backend.Delete(ctx, p.key); err != nil {
		return err
	}
	_, err := p.backend.Stat(ctx, p.key)
	switch {
	case sheaf.KindOf(err) == sheaf.ErrNotFound:
		return nil
	case err == nil:
		return otherBytes("an object that was deleted is still there")
	}
	return err
}
