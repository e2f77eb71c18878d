package catalog

import (
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A Remembered is the answer to a request that carried an idempotency key.
type Remembered struct {
	Request sheaf.Digest // of the request
	Answer  []byte
}

// Remembered returns the answer remembered for a key, if one is younger than
// the time given.
func (v *View) Remembered(principal, route, key string, since time.Time) (r Remembered, found bool, err error) {
	var request []byte
	found, err = v.conn.row(`
		select request, answer from idempotency
		where principal = $1 and route = $2 and key = $3 and at >= $4`,
		[]any{principal, route, key, millis(since)}, &request, &r.Answer)
	if err != nil || !found {
		return Remembered{}, false, err
	}
	r.Request, err = digestFrom(request)
	return r, true, err
}

// Remember stores an answer, in the transaction of the change it answers.
func (tx *Tx) Remember(principal, route, key string, r Remembered) error {
	_, err := tx.exec(`
		insert into idempotency (principal, route, key, request, answer, at)
		values ($1, $2, $3, $4, $5, $6)
		on conflict (principal, route, key) do update
		set request = excluded.request, answer = excluded.answer, at = excluded.at`,
		principal, route, key, r.Request[:], string(r.Answer), tx.now)
	return err
}

// ForgetRemembered removes answers older than the time given.
func (tx *Tx) ForgetRemembered(before time.Time) error {
	_, err := tx.exec(`delete from idempotency where at < $1`, millis(before))
	return err
}
