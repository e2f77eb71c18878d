package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
)

const bucketConnections = 8

// buckets measures what it costs to go through Sheaf to a bucket: pushes and
// pulls of 1 MB, against the AWS SDK used directly with the same S3 server.
func (b *bench) buckets(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.dir, "bucket-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	gateway, err := s3test.Run(filepath.Join(dir, "s3"), os.Stderr)
	if err != nil {
		return err
	}
	defer gateway.Stop()
	direct := &sdkUser{client: gateway.Client(), bucket: "direct"}
	for _, bucket := range []string{direct.bucket, "sheaf"} {
		if _, err := direct.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			return err
		}
	}
	config := filepath.Join(dir, "sheaf.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil,
		"storage: {backends: {s3: {kind: s3, endpoint: %q, region: %s, bucket: sheaf, access_key: %s, secret_key: %s}}}\n",
		gateway.Endpoint, s3test.Region, s3test.AccessKey, s3test.SecretKey), 0o600); err != nil {
		return err
	}
	sheaf, err := b.startProfiled(filepath.Join(dir, "sheaf"), "bucket", "SHEAF_CONFIG="+config)
	if err != nil {
		return err
	}
	defer sheaf.stop()

	content := randomBytes(1 << 20)
	const documents = 32
	var ids []string
	for i := range documents {
		stored := bytes.Clone(content)
		copy(stored, fmt.Sprintf("document %d ", i))
		id, err := upload(sheaf.url, stored, "a.bin")
		if err != nil {
			return err
		}
		ids = append(ids, id)
		if err := direct.put(ctx, strconv.Itoa(i), stored); err != nil {
			return err
		}
	}
	fmt.Printf("\n| 1 MB random, c%d, S3 | SDK/s | sheaf/s | ratio | wanted |\n|---|---|---|---|---|\n", bucketConnections)
	pushing := make([][]byte, bucketConnections)
	for i := range pushing {
		pushing[i] = bytes.Clone(content)
	}
	for _, m := range []struct {
		name   string
		direct func(ctx context.Context, worker int) error
		sheaf  load
	}{
		{"push", func(ctx context.Context, worker int) error {
			stamp := strconv.FormatUint(mathrand.Uint64(), 36)
			copy(pushing[worker], stamp)
			return direct.put(ctx, "pushed-"+stamp, pushing[worker])
		}, pushLoad(sheaf.url, bucketConnections, content, "a.bin")},
		{"pull", func(ctx context.Context, _ int) error { return direct.get(ctx, strconv.Itoa(mathrand.IntN(documents))) },
			pullLoad(sheaf.url, bucketConnections, ids, "identity")},
	} {
		var directs, sheaves, ratios []float64
		for round := range b.rounds + 1 {
			d, err := repeat(ctx, b.duration, m.direct)
			if err != nil {
				return fmt.Errorf("%s by the SDK: %w", m.name, err)
			}
			r, err := m.sheaf.run(ctx, b.duration)
			if err != nil {
				return fmt.Errorf("%s through Sheaf: %w", m.name, err)
			}
			if round == 0 {
				continue // warms up both
			}
			directs, sheaves = append(directs, d.perSecond()), append(sheaves, r.perSecond())
			ratios = append(ratios, r.perSecond()/d.perSecond())
		}
		fmt.Printf("| %s | %.0f | %.0f | %.2f | 0.50 |\n", m.name, median(directs), median(sheaves), median(ratios))
	}
	return nil
}

// repeat does something again and again, as many at once as there are
// connections.
func repeat(ctx context.Context, duration time.Duration, do func(ctx context.Context, worker int) error) (result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var done atomic.Int64
	var workers sync.WaitGroup
	started := time.Now()
	for worker := range bucketConnections {
		workers.Go(func() {
			for time.Since(started) < duration && ctx.Err() == nil {
				if err := do(ctx, worker); err != nil {
					cancel(err)
					return
				}
				done.Add(1)
			}
		})
	}
	workers.Wait()
	return result{requests: int(done.Load()), elapsed: time.Since(started)}, context.Cause(ctx)
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
	defer out.Body.Close()
	_, err = io.Copy(io.Discard, out.Body)
	return err
}
