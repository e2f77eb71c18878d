package catalog

import (
	"bytes"
	"path/filepath"
	"sync"
	"testing"
)

// What was signed yesterday is still signed: a secret is made once, whoever asks
// first, and outlives the process.
func TestSecretsAreMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	c := open(t, Options{Path: path})
	secrets := make([][]byte, 8)
	var asking sync.WaitGroup
	for i := range secrets {
		asking.Go(func() {
			var err error
			if secrets[i], err = c.Secret(t.Context(), "urls"); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	other, err := c.Secret(t.Context(), "others")
	if err != nil || bytes.Equal(other, secrets[0]) {
		t.Errorf("another secret is %x, %v", other, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := open(t, Options{Path: path}).Secret(t.Context(), "urls")
	if err != nil {
		t.Fatal(err)
	}
	for i, secret := range secrets {
		if len(secret) != secretSize || !bytes.Equal(secret, again) {
			t.Errorf("caller %d got %x, and after opening again it is %x", i, secret, again)
		}
	}
}
