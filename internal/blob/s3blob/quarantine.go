package s3blob

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Quarantine implements [blob.Quarantiner]. Every copy that is put aside is kept.
func (b *Backend) Quarantine(ctx context.Context, key blob.Key) error {
	name, err := b.object(key)
	if err != nil {
		return err
	}
	aside := b.prefix + quarantineDir + string(key) + "." + strconv.FormatInt(time.Now().UnixNano(), 10)
	err = b.copy(ctx, name, aside)
	if isMissing(err) {
		return nil
	}
	what := "quarantine blob " + string(key)
	if err != nil {
		return b.explain(ctx, what, err)
	}
	return b.remove(ctx, what, name)
}

// Unquarantine implements [blob.Unquarantiner].
func (b *Backend) Unquarantine(ctx context.Context, key blob.Key) error {
	name, err := b.object(key)
	if err != nil {
		return err
	}
	if _, err := b.Stat(ctx, key); sheaf.KindOf(err) != sheaf.ErrNotFound {
		return err // one is there, or it is not known
	}
	dir := quarantineDir + string(key) + "."
	var latest int64
	err = b.list(ctx, dir, func(when string, _ int64, _ time.Time) error {
		if at, err := strconv.ParseInt(when, 10, 64); err == nil {
			latest = max(latest, at)
		}
		return nil
	})
	if err != nil {
		return err
	}
	aside := b.prefix + dir + strconv.FormatInt(latest, 10)
	if latest != 0 {
		err = b.copy(ctx, aside, name)
	}
	if latest == 0 || isMissing(err) { // somebody else may have given it back
		return sheaf.Errorf(sheaf.ErrNotFound, "no blob %s was put aside", string(key))
	}
	what := "give back blob " + string(key)
	if err != nil {
		return b.explain(ctx, what, err)
	}
	return b.remove(ctx, what, aside)
}

// copy copies what has a name in the bucket to another. Its error is that of the SDK.
func (b *Backend) copy(ctx context.Context, from, to string) error {
	source := b.options.Bucket + "/" + from
	_, err := b.client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &b.options.Bucket, Key: &to, CopySource: &source})
	return err
}
