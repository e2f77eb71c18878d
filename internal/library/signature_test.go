package library

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// Whoever holds a signed URL may do what it says and nothing else, for as long
// as it says.
func TestSignedURLs(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	signer := urlSigner{
		key: func(context.Context) ([]byte, error) { return []byte("a key"), nil },
		now: func() time.Time { return now },
	}
	signed, err := signer.sign(t.Context(), "read", url.Values{"book": {"guide"}, "path": {"a&b=c"}}, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signer.verify(t.Context(), "read", signed); err != nil {
		t.Errorf("as it was signed: %v", err)
	}
	_, err = signer.verify(t.Context(), "write", signed)
	wantForbidden(t, "for another purpose", err)

	altered := map[string]func(url.Values){
		"another book":       func(v url.Values) { v.Set("book", "other") },
		"two books":          func(v url.Values) { v.Add("book", "other") },
		"one parameter more": func(v url.Values) { v.Set("version", "1") },
		"one less":           func(v url.Values) { v.Del("path") },
		"a later end":        func(v url.Values) { v.Set("expires", "99999999999") },
		"no signature":       func(v url.Values) { v.Del("signature") },
		"two signatures":     func(v url.Values) { v.Add("signature", "x") },
	}
	for name, alter := range altered {
		copied, err := url.ParseQuery(signed.Encode())
		if err != nil {
			t.Fatal(err)
		}
		alter(copied)
		_, err = signer.verify(t.Context(), "read", copied)
		wantForbidden(t, name, err)
	}
	now = now.Add(time.Hour)
	_, err = signer.verify(t.Context(), "read", signed)
	wantForbidden(t, "when it has expired", err)
}

func wantForbidden(t *testing.T, what string, err error) {
	t.Helper()
	if sheaf.KindOf(err) != sheaf.ErrForbidden {
		t.Errorf("%s: %v", what, err)
	}
}
