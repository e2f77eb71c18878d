package s3blob_test

import (
	"bytes"
	"net/url"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
)

// The protocol can bind an upload to its bytes, so that others never arrive.
func TestUploadIsBoundToItsBytes(t *testing.T) {
	b := open(t, s3test.Start(t).Bucket(t, "bound"))
	content := blobtest.Random(5000)
	flipped := bytes.Clone(content)
	flipped[2500] ^= 1
	for what, sent := range map[string][]byte{
		"too few": content[:4999], "too many": append(bytes.Clone(content), 'x'), "other bytes": flipped,
	} {
		answer, _ := blobtest.Use(t, blobtest.GrantPut(t, b, "an-upload", content, time.Hour), sent)
		if answer.StatusCode < 400 {
			t.Errorf("an upload of %s: status %d, want a refusal", what, answer.StatusCode)
		}
		if _, _, err := b.OpenStaged(t.Context(), "an-upload"); sheaf.KindOf(err) != sheaf.ErrNotFound {
			t.Errorf("after an upload of %s: %v, want nothing staged", what, err)
		}
	}
	unsigned := blobtest.GrantPut(t, b, "an-upload", content, time.Hour)
	unsigned.Header = unsigned.Header.Clone()
	unsigned.Header.Del("X-Amz-Checksum-Sha256")
	if answer, _ := blobtest.Use(t, unsigned, flipped); answer.StatusCode < 400 {
		t.Errorf("an upload without its signed header: status %d, want a refusal", answer.StatusCode)
	}
}

func TestLifetimeOfGrants(t *testing.T) {
	b := open(t, s3test.Start(t).Bucket(t, "lifetime"))
	key := blobtest.KeyOf(nil)
	for _, test := range []struct {
		asked  time.Duration
		signed string
	}{
		{0, "1"}, {90 * time.Second, "90"}, {1500 * time.Millisecond, "1"}, {30 * 24 * time.Hour, "604800"},
	} {
		grant, err := b.PresignGet(t.Context(), key, blob.Download{Lifetime: test.asked})
		if err != nil {
			t.Errorf("PresignGet for %s: %v", test.asked, err)
			continue
		}
		u, err := url.Parse(grant.URL)
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		if got := query.Get("X-Amz-Expires"); got != test.signed {
			t.Errorf("for %s, %s seconds are signed, want %s", test.asked, got, test.signed)
		}
		at, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
		if err != nil {
			t.Fatal(err)
		}
		signed, _ := time.ParseDuration(test.signed + "s")
		if grant.Expires.After(at.Add(signed)) {
			t.Errorf("for %s, the grant claims to live until %s, which is after what is signed, %s", test.asked, grant.Expires, at.Add(signed))
		}
	}
}
