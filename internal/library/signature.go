package library

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// Parameters of a URL that carries its own permission.
const (
	expiresParameter   = "expires"   // Unix seconds
	signatureParameter = "signature" // base64url, unpadded
)

// signingSecret is the name of the key that such URLs are signed with.
const signingSecret = "urls"

// A urlSigner makes URLs that carry their own permission, and checks them.
type urlSigner struct {
	key func(context.Context) ([]byte, error)
	now func() time.Time
}

// sign returns the parameters of a URL whose holder may do one thing without
// being anybody: claims, which say what, together with when that ends and a
// signature of all of it. Purpose tells kinds of URLs apart, so that no
// permission passes for another; transports put path parameters into claims too.
// The signature is HMAC-SHA-256 under a key of the store's own.
func (s urlSigner) sign(ctx context.Context, purpose string, claims url.Values, expires time.Time) (url.Values, error) {
	key, err := s.key(ctx)
	if err != nil {
		return nil, err
	}
	signed := url.Values{}
	for name, values := range claims {
		signed[name] = values
	}
	signed.Set(expiresParameter, strconv.FormatInt(expires.Unix(), 10))
	signed.Set(signatureParameter, signature(key, purpose, signed))
	return signed, nil
}

// verify checks what [urlSigner.sign] has signed, as a request has brought it
// back, and returns when it ends. What is altered, or was never signed, is
// [sheaf.ErrForbidden], and so is what has expired.
func (s urlSigner) verify(ctx context.Context, purpose string, signed url.Values) (expires time.Time, err error) {
	key, err := s.key(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if !hmac.Equal([]byte(signature(key, purpose, signed)), []byte(signed.Get(signatureParameter))) || len(signed[signatureParameter]) != 1 {
		return time.Time{}, sheaf.Errorf(sheaf.ErrForbidden, "the signature of this URL is not right: it was altered, or made by another store").
			WithHint("ask for a new URL, and use it exactly as it was given")
	}
	seconds, err := strconv.ParseInt(signed.Get(expiresParameter), 10, 64)
	if err != nil {
		return time.Time{}, err // we have signed that
	}
	expires = time.Unix(seconds, 0)
	if !s.now().Before(expires) {
		return expires, sheaf.Errorf(sheaf.ErrForbidden, "this URL expired at %s", expires.UTC().Format(time.RFC3339)).
			WithHint("ask for a new one")
	}
	return expires, nil
}

func signature(key []byte, purpose string, signed url.Values) string {
	claims := url.Values{}
	for name, values := range signed {
		if name != signatureParameter {
			claims[name] = values
		}
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + "\n" + claims.Encode())) // sorted and escaped, so that nothing is ambiguous
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
