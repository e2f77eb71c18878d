// Package blob keeps contents: immutable bytes, named by their SHA-256.
//
// A content arrives through [Store.Receive], which reads it once into a spool
// and says what it is: a [Ref] with digest, CRC-32, size and stored form. Small
// ones stay in memory, to ride inside the catalog's commit; the rest waits in
// a file that [Store.Place] makes durable in a [Backend]. The catalog
// remembers the Ref. [Store.Open] takes it and gives the content back,
// checked: bytes that are not the ones that arrived are never served as if they
// were.
//
// # Stored form
//
// A blob is stored as raw DEFLATE when its first 64 KiB shrink by at least a
// tenth, and the whole is at most [Options].DeflateLimit and shrinks too; else
// as it is. So an entry of a ZIP archive and a gzip answer are a header, the
// stored bytes and a trailer, and cost no compression.
//
// Deflating waits until the content is complete in the spool. It needs a
// megabyte of tables for each content, which slow or stalled uploads must not hold,
// and a content that turns out too large simply stays as it is.
//
// On a backend that seals, the stored form is encrypted as the last step, by a
// data key of the blob's own ([Seal]): what is inline as well as the object, and
// meanwhile the files of the spool, whose key becomes that of the blob. All the
// rest works on the stored form, unsealed while it is read.
//
// # What is checked, and when
//
//   - Inline bytes: in full, in Open.
//   - A plain file: in full before its first use by this process, and again
//     when its inode, size, mtime or ctime changed. Then it is handed out as
//     the [*os.File] it is, for sendfile.
//   - A deflated blob read from its start: while it streams; the Read that
//     would complete it fails instead when the digest differs.
//   - A deflated blob read from elsewhere, or as gzip: in full before.
//   - A plain object of a backend without files, read from its start: while it
//     streams. A range of it cannot be checked.
//   - Whatever is checked while it streams is compared by its SHA-256 once in a
//     process. Later each of its bytes is compared with what was read then, by
//     CRC-32 and by a hash under a secret of the process.
//   - A sealed blob: each package of 64 KiB proves to be what was sealed in its
//     place before its bytes are given out, in ranges too. Read from its start, its
//     digest is compared as well, once in a process.
//
// Damage is a sheaf.Error of kind ErrDamaged, and is told to
// [Options].OnDamage.
//
// # Memory
//
// Nothing the size of a content is ever held. Buffers, DEFLATE coders and
// hashes are pooled; an upload that stalls holds what it has sent, up to 64 KiB.
//
// The drivers are in packages below this one. Package blobtest holds their
// contract as tests.
package blob
