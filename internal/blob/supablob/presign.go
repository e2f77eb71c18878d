package supablob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Terms implements [blob.Presigner]. A token says which object it is for, whether
// it is for reading or writing, and until when: nothing of the request that it
// comes with. That of an upload is good for two hours.
func (b *Backend) Terms() blob.Terms { return blob.Terms{} }

// PresignGet implements [blob.Presigner]. Supabase looks whether the object is
// there before it signs.
func (b *Backend) PresignGet(ctx context.Context, key blob.Key, in blob.Download) (blob.Grant, error) {
	return b.presignGet(ctx, objectName(key), in)
}

// presignGet grants reading anything in the bucket.
func (b *Backend) presignGet(ctx context.Context, name string, in blob.Download) (blob.Grant, error) {
	var signed struct {
		URL string `json:"signedURL"`
	}
	seconds := max(1, int64(in.Lifetime/time.Second))
	err := b.call(ctx, http.MethodPost, "/object/sign/"+b.bucket+"/"+name, map[string]int64{"expiresIn": seconds}, &signed)
	if err != nil {
		return blob.Grant{}, err
	}
	grant, err := b.grant(http.MethodGet, signed.URL)
	if err == nil && in.Filename != "" {
		grant.URL += "&download=" + url.QueryEscape(in.Filename)
	}
	return grant, err
}

// PresignPut implements [blob.Presigner]. The URL replaces nothing, so that it
// works once, or again when what it has brought is deleted.
func (b *Backend) PresignPut(ctx context.Context, name string, in blob.Upload) (blob.Grant, error) {
	var signed struct {
		URL string `json:"url"`
	}
	staged, err := stagedObject(name)
	if err != nil {
		return blob.Grant{}, err
	}
	err = b.call(ctx, http.MethodPost, "/object/upload/sign/"+b.bucket+"/"+staged, struct{}{}, &signed)
	if err != nil {
		return blob.Grant{}, err
	}
	grant, err := b.grant(http.MethodPut, signed.URL)
	if err == nil && in.MIME != "" {
		grant.Header = http.Header{"Content-Type": {in.MIME}}
	}
	return grant, err
}

// grant returns the grant of a signed URL, which Supabase gives relative to its
// base.
func (b *Backend) grant(method, signed string) (blob.Grant, error) {
	u, err := url.Parse(signed)
	if err != nil || !strings.HasPrefix(u.Path, "/object/") || u.Host != "" {
		return blob.Grant{}, unavailable(fmt.Errorf("a signed URL that begins with %q", signed[:min(len(signed), 20)]))
	}
	expires, err := expiry(u.Query().Get("token"))
	if err != nil {
		return blob.Grant{}, unavailable(err)
	}
	return blob.Grant{Method: method, URL: b.base + signed, Expires: expires}, nil
}

// expiry returns when the token of a signed URL expires.
func expiry(token string) (time.Time, error) {
	claims, err := claimsOf(token)
	if err != nil {
		return time.Time{}, fmt.Errorf("the token of a signed URL: %w", err)
	}
	if claims.Expires == 0 {
		return time.Time{}, errors.New("the token of a signed URL does not say when it expires")
	}
	return time.Unix(claims.Expires, 0).UTC(), nil
}

// OpenStaged implements [blob.Presigner].
func (b *Backend) OpenStaged(ctx context.Context, name string) (io.ReadCloser, blob.Staged, error) {
	object, err := stagedObject(name)
	if err != nil {
		return nil, blob.Staged{}, err
	}
	answer, err := b.do(ctx, request{method: http.MethodGet, path: b.objectPath(object)})
	if err != nil {
		return nil, blob.Staged{}, err
	}
	if answer.ContentLength < 0 {
		answer.Body.Close()
		return nil, blob.Staged{}, unavailable(fmt.Errorf("the answer about the upload %s has no Content-Length", name))
	}
	staged := blob.Staged{Name: name, Size: answer.ContentLength, Modified: answer.modified()}
	return &download{ctx: ctx, body: answer.Body}, staged, nil
}

// ListStaged implements [blob.Presigner].
func (b *Backend) ListStaged(ctx context.Context, yield func(blob.Staged) error) error {
	return b.listFolder(ctx, stagingFolder, yield)
}

// listFolder yields what is in a folder, but no folders in that.
func (b *Backend) listFolder(ctx context.Context, folder string, yield func(blob.Staged) error) error {
	items, err := b.items(ctx, folder)
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.ID == nil || !blob.StagedName(item.Name) {
			continue
		}
		if err := yield(blob.Staged{Name: item.Name, Size: item.Metadata.Size, Modified: item.Updated}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// DeleteStaged implements [blob.Presigner].
func (b *Backend) DeleteStaged(ctx context.Context, name string) error {
	staged, err := stagedObject(name)
	if err != nil {
		return err
	}
	return b.remove(ctx, staged)
}

// stagedObject returns the key in the bucket of an upload.
func stagedObject(name string) (string, error) {
	if !blob.StagedName(name) {
		return "", fmt.Errorf("%q is not the name of an upload", name)
	}
	return stagingFolder + "/" + name, nil
}
