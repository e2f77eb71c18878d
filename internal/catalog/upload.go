package catalog

import (
	"time"

	"github.com/sheaf-dev/sheaf"
)

// An Upload is an upload of an asset in two steps.
type Upload struct {
	ID        string
	Book      sheaf.Slug
	Path      string
	Size      int64
	MIME      string
	SHA256    *sheaf.Digest // that the bytes have to have; nil: any
	FileHash  *sheaf.Digest // of the content that they replace; nil: any
	Message   string
	Principal string // who began it
	Label     string
	Staging   string // the backend whose staging area the bytes go to; empty: that of the data directory
	CreatedAt time.Time
	ExpiresAt time.Time

	Outcome  sheaf.UploadState // empty while it is open
	EndedAt  time.Time
	Document sheaf.DocumentID // that a completed one made or changed
	Version  int              // of the document, that has the bytes
	Error    string           // of a failed one
}

const uploadColumns = `id, book, path, size, mime, sha256, file_hash, message, principal, label, staging, created_at, expires_at,
	outcome, ended_at, document, version, error`

func scanUpload(scan func(...any) error) (u Upload, err error) {
	var sha256, fileHash []byte
	var created, expires, ended int64
	err = scan(&u.ID, &u.Book, &u.Path, &u.Size, &u.MIME, &sha256, &fileHash, &u.Message, &u.Principal, &u.Label, &u.Staging,
		&created, &expires, &u.Outcome, &ended, &u.Document, &u.Version, &u.Error)
	if err != nil {
		return u, err
	}
	u.CreatedAt, u.ExpiresAt, u.EndedAt = fromMillis(created), fromMillis(expires), fromMillis(ended)
	if u.SHA256, err = optionalDigest(sha256); err != nil {
		return u, err
	}
	u.FileHash, err = optionalDigest(fileHash)
	return u, err
}

func optionalDigest(stored []byte) (*sheaf.Digest, error) {
	if stored == nil {
		return nil, nil
	}
	digest, err := digestFrom(stored)
	return &digest, err
}

func storedDigest(d *sheaf.Digest) any {
	if d == nil {
		return nil
	}
	return d[:]
}

// AddUpload stores a new upload, begun at the transaction's time.
func (tx *Tx) AddUpload(u Upload) error {
	_, err := tx.exec(`
		insert into uploads (id, book, path, size, mime, sha256, file_hash, message, principal, label, staging, created_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		u.ID, string(u.Book), u.Path, u.Size, u.MIME, storedDigest(u.SHA256), storedDigest(u.FileHash), u.Message, u.Principal, u.Label,
		u.Staging, tx.now, millis(u.ExpiresAt))
	return err
}

// CompleteUpload ends an open upload, whose bytes a document has now. Ended is
// false when it is not open any more.
func (tx *Tx) CompleteUpload(id string, d sheaf.Document) (ended bool, err error) {
	return tx.endUpload(`
		update uploads set outcome = $2, ended_at = $3, document = $4, version = $5, sha256 = $6 where id = $1 and outcome = ''`,
		id, string(sheaf.UploadCompleted), tx.now, string(d.ID), d.Version, d.Digest[:])
}

// EndUpload ends an open upload of which nothing has become. Ended is false when
// it is not open any more.
func (tx *Tx) EndUpload(id string, outcome sheaf.UploadState, why string) (ended bool, err error) {
	return tx.endUpload(`update uploads set outcome = $2, ended_at = $3, error = $4 where id = $1 and outcome = ''`,
		id, string(outcome), tx.now, why)
}

// EndUploads ends all open uploads to a book as failed.
func (tx *Tx) EndUploads(book sheaf.Slug, why string) error {
	_, err := tx.endUpload(`update uploads set outcome = $2, ended_at = $3, error = $4 where book = $1 and outcome = ''`,
		string(book), string(sheaf.UploadFailed), tx.now, why)
	return err
}

func (tx *Tx) endUpload(statement string, args ...any) (ended bool, err error) {
	result, err := tx.exec(statement, args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// ForgetUploads removes uploads that ended before a time.
func (tx *Tx) ForgetUploads(before time.Time) error {
	_, err := tx.exec(`delete from uploads where outcome <> '' and ended_at < $1`, millis(before))
	return err
}

// Upload returns the upload with an id.
func (v *View) Upload(id string) (u Upload, found bool, err error) {
	err = v.uploads(`where id = $1`, []any{id}, func(one Upload) { u, found = one, true })
	return u, found, err
}

// OpenUploads returns the open uploads to a path of a book, or to all of its
// paths when path is empty, in the order in which they began.
func (v *View) OpenUploads(book sheaf.Slug, path string) (all []Upload, err error) {
	err = v.uploads(`where outcome = '' and book = $1 and (path = $2 or $2 = '') order by created_at, id`, []any{string(book), path},
		func(u Upload) { all = append(all, u) })
	return all, err
}

// ExpiredUploads returns open uploads that expired before a time, in the order in
// which they did, at most count; those behind after, which may be none.
func (v *View) ExpiredUploads(before time.Time, after Upload, count int) (all []Upload, err error) {
	err = v.uploads(`where outcome = '' and expires_at <= $1 and (expires_at, id) > ($2, $3) order by expires_at, id limit $4`,
		[]any{millis(before), millis(after.ExpiresAt), after.ID, count},
		func(u Upload) { all = append(all, u) })
	return all, err
}

// OpenUploadsOf counts the open uploads of a principal and their bytes.
func (v *View) OpenUploadsOf(principal string) (count int, bytes int64, err error) {
	_, err = v.conn.row(`select count(*), coalesce(sum(size), 0) from uploads where principal = $1 and outcome = ''`,
		[]any{principal}, &count, &bytes)
	return count, bytes, err
}

func (v *View) uploads(where string, args []any, each func(Upload)) error {
	return v.conn.rows(`select `+uploadColumns+` from uploads `+where, args, func(scan func(...any) error) error {
		u, err := scanUpload(scan)
		if err == nil {
			each(u)
		}
		return err
	})
}
