package supablob

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// PresignGet implements [blob.Presigner]. The Content-Type of the answer is that
// of the object, application/octet-stream, and Supabase refuses to sign for an
// object that is not there: ErrNotFound.
func (b *Backend) PresignGet(ctx context.Context, key blob.Key, in blob.Download) (blob.Grant, error) {
	var signed struct {
		URL string `json:"signedURL"`
	}
	seconds := max(1, int64(in.Lifetime/time.Second))
	err := b.call(ctx, http.MethodPost, "/object/sign/"+b.bucket+"/"+objectName(key), map[string]int64{"expiresIn": seconds}, &signed)
	if err != nil {
		return blob.Grant{}, err
	}
	grant, err := b.grant(http.MethodGet, signed.URL)
	if err == nil && in.Filename != "" {
		grant.URL += "&download=" + url.QueryEscape(in.Filename)
	}
	return grant, err
}

// PresignPut implements [blob.Presigner]. The URL works once and for two hours,
// whatever lifetime is asked for, and binds neither size nor digest.
func (b *Backend) PresignPut(ctx context.Context, name string, in blob.Upload) (blob.Grant, error) {
	var signed struct {
		URL string `json:"url"`
	}
	err := b.call(ctx, http.MethodPost, "/object/upload/sign/"+b.bucket+"/"+stagingFolder+"/"+name, struct{}{}, &signed)
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

// expiry returns when a JSON Web Token expires. It verifies nothing: the token
// comes from who issued it.
func expiry(token string) (time.Time, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, fmt.Errorf("the token of a signed URL is no JSON Web Token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, fmt.Errorf("the token of a signed URL: %w", err)
	}
	var claims struct {
		Expires int64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Expires == 0 {
		return time.Time{}, fmt.Errorf("the token of a signed URL does not say when it expires")
	}
	return time.Unix(claims.Expires, 0).UTC(), nil
}

// OpenStaged implements [blob.Presigner].
func (b *Backend) OpenStaged(ctx context.Context, name string) (io.ReadCloser, blob.Staged, error) {
	answer, err := b.do(ctx, request{method: http.MethodGet, path: "/object/" + b.bucket + "/" + stagingFolder + "/" + name})
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
	uploads, err := b.items(ctx, stagingFolder)
	if err != nil {
		return err
	}
	for _, upload := range uploads {
		if upload.ID == nil {
			continue
		}
		if err := yield(blob.Staged{Name: upload.Name, Size: upload.Metadata.Size, Modified: upload.Updated}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// DeleteStaged implements [blob.Presigner].
func (b *Backend) DeleteStaged(ctx context.Context, name string) error {
	return b.remove(ctx, stagingFolder+"/"+name)
}
