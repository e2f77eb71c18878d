package s3blob

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Quarantine implements [blob.Quarantiner].
func (b *Backend) Quarantine(ctx context.Context, key blob.Key) error {
	name, err := b.object(key)
	if err != nil {
		return err
	}
	aside := b.aside(key) + strconv.FormatInt(time.Now().UnixNano(), 10)
	if err := b.move(ctx, "quarantine blob "+string(key), name, aside); sheaf.KindOf(err) != sheaf.ErrNotFound {
		return err
	}
	return nil
}

// Unquarantine implements [blob.Unquarantiner].
func (b *Backend) Unquarantine(ctx context.Context, key blob.Key) error {
	name, err := b.object(key)
	if err != nil {
		return err
	}
	switch _, err := b.Stat(ctx, key); sheaf.KindOf(err) {
	case "":
		return nil
	case sheaf.ErrNotFound:
	default:
		return err
	}
	var last string // times have the same number of digits, until the year 2286
	err = b.list(ctx, b.aside(key)[len(b.prefix):], func(when string, _ int64, _ time.Time) error {
		last = max(last, when)
		return nil
	})
	if err != nil {
		return err
	}
	if last == "" {
		return sheaf.Errorf(sheaf.ErrNotFound, "no blob %s was put aside", string(key))
	}
	return b.move(ctx, "give back blob "+string(key), b.aside(key)+last, name)
}

// aside returns what the names of an object that was put aside begin with.
func (b *Backend) aside(key blob.Key) string { return b.prefix + quarantineDir + string(key) + "." }

// move copies something in the bucket, and then removes it where it was. It fails
// with ErrNotFound when it is not there.
func (b *Backend) move(ctx context.Context, what, from, to string) error {
	source := b.options.Bucket + "/" + from
	_, err := b.client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b.options.Bucket, Key: &to, CopySource: &source})
	if isMissing(err) {
		return sheaf.Errorf(sheaf.ErrNotFound, "%s: it is not there", what)
	}
	if err != nil {
		return b.explain(ctx, what, err)
	}
	return b.remove(ctx, what, from)
}
