// Package bundle turns many documents into one thing: a ZIP archive, a
// manifest, a tree.
//
// An [Archive] is computed, never stored. From what the catalog knows of its
// entries (path, size, CRC-32, stored form) follows where every byte of the
// archive is, before any content is read: its length, its ETag, and what to
// read for any range of it. An entry's data is what is stored of its content,
// so that nothing is compressed or copied aside, and a download can be resumed
// at any byte.
//
// The package knows nothing of where contents are: whoever writes an archive
// hands in an [Opener]. It does no I/O of its own.
package bundle
