package main

import (
	"bytes"
	"context"
	mathrand "math/rand/v2"
	"strconv"
)

// bucketObjects are stored on both sides to be downloaded.
const bucketObjects = 32

// buckets measures what it costs to have contents in a bucket: transfers of 1 MB
// through Sheaf, and past it by URLs that it hands out, against the AWS SDK used
// directly with the same S3 server.
func (b *bench) buckets(ctx context.Context) error {
	all := []struct {
		name string
		run  func(ctx context.Context, name string, x *bucketed) error
	}{
		{"bucket push", b.bucketPush},
		{"bucket pull", b.bucketPull},
		{"bucket presigned download", b.presignedDownload},
		{"bucket presigned upload", b.presignedUpload},
	}
	headed := false
	for _, one := range all {
		if !b.wants(one.name) {
			continue
		}
		if !headed {
			printBucketed()
			headed = true
		}
		x, err := b.startBucketed(ctx, one.name, presignedSettings)
		if err != nil {
			return err
		}
		err = one.run(ctx, one.name, x)
		x.stop()
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) bucketPush(ctx context.Context, name string, x *bucketed) error {
	content := randomBytes(1 << 20)
	return x.compare(ctx, b, name, 0.5, repeated(x.direct.putNew(bucketConnections, content)), pushLoad(x.sheaf.url, bucketConnections, content, "a.bin").run)
}

// putNew returns what puts a content under a name that is not there, another one
// each time.
func (u *sdkUser) putNew(workers int, content []byte) func(ctx context.Context, worker int) error {
	pushing := copies(workers, content)
	return func(ctx context.Context, worker int) error {
		return u.put(ctx, "pushed-"+stamp(pushing[worker]), pushing[worker])
	}
}

// copies returns as many copies of a content.
func copies(count int, content []byte) [][]byte {
	all := make([][]byte, count)
	for i := range all {
		all[i] = bytes.Clone(content)
	}
	return all
}

// stamp makes a content one that was never there, and returns by what.
func stamp(content []byte) string {
	text := strconv.FormatUint(mathrand.Uint64(), 36)
	copy(content[stampAt:], text)
	return text
}

// stampAt is behind what says of which type a file is.
const stampAt = 64

func (b *bench) bucketPull(ctx context.Context, name string, x *bucketed) error {
	var ids []string
	for i := range bucketObjects {
		content := randomBytes(1 << 20)
		id, err := upload(x.sheaf.url, content, "a.bin")
		if err != nil {
			return err
		}
		if ids = append(ids, id); err == nil {
			err = x.direct.put(ctx, strconv.Itoa(i), content)
		}
		if err != nil {
			return err
		}
	}
	return x.compare(ctx, b, name, 0.5, repeated(x.direct.getAny), pullLoad(x.sheaf.url, bucketConnections, ids, "identity").run)
}

// getAny downloads one of the objects.
func (u *sdkUser) getAny(ctx context.Context, _ int) error {
	return u.get(ctx, strconv.Itoa(mathrand.IntN(bucketObjects)))
}
