package catalog

import (
	"context"
	"crypto/rand"
	"fmt"
)

// secretSize is the length of secrets in bytes, that of an HMAC-SHA-256 key.
const secretSize = 32

// Secret returns the store's own key of a name: 32 random bytes, which are made
// when they are asked for first and stay the same from then on. The caller does
// not write to them.
func (c *Catalog) Secret(ctx context.Context, name string) (secret []byte, err error) {
	var found bool
	err = c.Read(ctx, func(v *View) error {
		secret, found, err = v.secret(name)
		return err
	})
	if err != nil || found {
		return secret, err
	}
	err = c.Mutate(ctx, 0, func(tx *Tx) error {
		if secret, found, err = tx.secret(name); err != nil || found { // another was faster
			return err
		}
		secret = make([]byte, secretSize)
		_, _ = rand.Read(secret) // never fails
		_, err := tx.exec(`insert into secrets (name, value, at) values ($1, $2, $3)`, name, secret, tx.now)
		return err
	})
	return secret, err
}

func (v *View) secret(name string) (secret []byte, found bool, err error) {
	if found, err = v.conn.row(`select value from secrets where name = $1`, []any{name}, &secret); err != nil || !found {
		return nil, false, err
	}
	if len(secret) != secretSize {
		return nil, false, fmt.Errorf("the secret %s has %d bytes, not %d", name, len(secret), secretSize)
	}
	return secret, true, nil
}
