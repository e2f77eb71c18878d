package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
)

const bucketConnections = 8

// A bucketed Sheaf keeps its contents in a bucket. Beside it there is somebody who
// uses the same S3 server by himself.
type bucketed struct {
	dir     string
	s3dir   string // of the S3 server
	gateway *s3test.Server
	direct  *sdkUser
	sheaf   *server
	client  *client.Client // of sheaf
}

// sheafBucket is the bucket that is Sheaf's.
const sheafBucket = "sheaf"

// startBucketed starts both for a benchmark, on the disk that is measured. Settings
// are further lines of the configuration. The caller stops what it gets.
func (b *bench) startBucketed(ctx context.Context, name, settings string) (*bucketed, error) {
	return b.startBucketedAt(ctx, name, settings, b.dir, func(endpoint string) string { return endpoint })
}

// startBucketedAt starts both, the S3 server with its objects in a directory of its
// own and reached by Sheaf as the endpoint that it is given.
func (b *bench) startBucketedAt(ctx context.Context, name, settings, s3dir string, reachedAt func(endpoint string) string) (_ *bucketed, err error) {
	x := &bucketed{}
	defer func() {
		if err != nil {
			x.stop()
		}
	}()
	if x.dir, err = os.MkdirTemp(b.dir, "bucket-"); err != nil {
		return nil, err
	}
	if x.s3dir, err = os.MkdirTemp(s3dir, "s3-"); err != nil {
		return nil, err
	}
	if x.gateway, err = s3test.Run(x.s3dir, os.Stderr); err != nil {
		return nil, err
	}
	x.direct = &sdkUser{client: x.gateway.Client(), bucket: "direct"}
	for _, bucket := range []string{x.direct.bucket, sheafBucket} {
		if _, err := x.direct.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			return nil, err
		}
	}
	config := filepath.Join(x.dir, "sheaf.yaml")
	text := fmt.Sprintf("storage: {scrub_rate: 0, backends: {s3: {kind: s3, endpoint: %q, region: %s, bucket: %s, access_key: %s, secret_key: %s}}}\n%s",
		reachedAt(x.gateway.Endpoint), s3test.Region, sheafBucket, s3test.AccessKey, s3test.SecretKey, settings)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	if x.sheaf, err = b.startProfiled(filepath.Join(x.dir, "sheaf"), name, "SHEAF_CONFIG="+config); err != nil {
		return nil, err
	}
	x.client, err = client.New(x.sheaf.url)
	return x, err
}

// stop stops what was started, and removes all of it.
func (x *bucketed) stop() {
	if x.client != nil {
		x.client.Close()
	}
	if x.sheaf != nil {
		x.sheaf.stop()
	}
	if x.gateway != nil {
		x.gateway.Stop()
	}
	os.RemoveAll(x.dir)
	os.RemoveAll(x.s3dir)
}

// A side of a comparison measures something once, for about the duration.
type side func(ctx context.Context, duration time.Duration) (result, error)

// printBucketed prints the head of the table that comparisons are the rows of.
// The processor time of a transfer is that of all who take part in it: this
// program, the S3 server and Sheaf.
func printBucketed() {
	fmt.Printf("\n| 1 MB random, c%d, S3 | SDK/s | sheaf/s | ratio | wanted | SDK CPU µs | sheaf CPU µs | ratio | of which the server's µs | load |\n", bucketConnections)
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
}

// compare measures what the SDK does and what Sheaf does in turn, and prints a row.
// Wanted is the ratio, 0 to report only.
func (x *bucketed) compare(ctx context.Context, b *bench, name string, wanted float64, direct, through side) error {
	var directs, sheaves, ratios, directCPU, sheafCPU, cpuRatios, serverCPU []float64
	for round := range b.rounds + 1 {
		d, err := x.measure(ctx, direct, b.duration)
		if err != nil {
			return fmt.Errorf("%s by the SDK: %w", name, err)
		}
		s, err := x.measure(ctx, through, b.duration)
		if err != nil {
			return fmt.Errorf("%s through Sheaf: %w", name, err)
		}
		if round == 0 {
			continue // warms up both
		}
		directs, sheaves = append(directs, d.perSecond()), append(sheaves, s.perSecond())
		ratios = append(ratios, s.perSecond()/d.perSecond())
		directCPU, sheafCPU = append(directCPU, d.each(d.all)), append(sheafCPU, s.each(s.all))
		cpuRatios = append(cpuRatios, d.each(d.all)/s.each(s.all))
		serverCPU = append(serverCPU, s.cpuEach())
	}
	want := "report"
	if wanted != 0 {
		want = fmt.Sprintf("%.2f", wanted)
	}
	fmt.Printf("| %s | %.0f | %.0f | %.2f | %s | %.0f | %.0f | %.2f | %.0f | %s |\n", name, median(directs), median(sheaves), median(ratios), want,
		median(directCPU), median(sheafCPU), median(cpuRatios), median(serverCPU), loadAverage())
	return nil
}

// A bucketResult has the processor time of all processes beside that of Sheaf.
type bucketResult struct {
	result
	all time.Duration
}

// each returns a processor time by request in microseconds.
func (r bucketResult) each(cpu time.Duration) float64 {
	return float64(cpu.Microseconds()) / float64(r.requests)
}

func (x *bucketed) measure(ctx context.Context, what side, duration time.Duration) (measured bucketResult, err error) {
	sheaf, all, err := x.cpu()
	if err != nil {
		return measured, err
	}
	if measured.result, err = what(ctx, duration); err != nil {
		return measured, err
	}
	sheafAfter, allAfter, err := x.cpu()
	measured.cpu, measured.all = sheafAfter-sheaf, allAfter-all
	return measured, err
}

// cpu returns the processor time that Sheaf has used, and all three together.
func (x *bucketed) cpu() (sheaf, all time.Duration, err error) {
	sheaf, err1 := x.sheaf.cpu()
	gateway, err2 := processCPU(x.gateway.PID())
	self, err3 := processCPU(os.Getpid())
	return sheaf, sheaf + gateway + self, errors.Join(err1, err2, err3)
}

// repeated is the side that does something again and again, as many at once as
// there are connections.
func repeated(do func(ctx context.Context, worker int) error) side {
	return repeatedBy(bucketConnections, do)
}

// repeatedBy is repeated by as many at once as there are workers.
func repeatedBy(workers int, do func(ctx context.Context, worker int) error) side {
	return func(ctx context.Context, duration time.Duration) (result, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		var done atomic.Int64
		var working sync.WaitGroup
		started := time.Now()
		for worker := range workers {
			working.Go(func() {
				for time.Since(started) < duration && ctx.Err() == nil {
					if err := do(ctx, worker); err != nil {
						cancel(err)
						return
					}
					done.Add(1)
				}
			})
		}
		working.Wait()
		return result{requests: int(done.Load()), elapsed: time.Since(started)}, context.Cause(ctx)
	}
}

// An sdkUser uses the AWS SDK directly.
type sdkUser struct {
	client *s3.Client
	bucket string
}

func (u *sdkUser) put(ctx context.Context, key string, content []byte) error {
	size := int64(len(content))
	_, err := u.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &u.bucket, Key: &key, Body: bytes.NewReader(content), ContentLength: &size})
	return err
}

func (u *sdkUser) get(ctx context.Context, key string) error {
	out, err := u.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &u.bucket, Key: &key})
	if err != nil {
		return err
	}
	return discard(out.Body, *out.ContentLength)
}

// buffers are what bodies are read with, in pieces as large as those of a load.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// discard reads a body of so many bytes to its end, and closes it.
func discard(body io.ReadCloser, size int64) error {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{body}, buf[:])
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes of %d", n, size)
	}
	return errors.Join(err, body.Close())
}
