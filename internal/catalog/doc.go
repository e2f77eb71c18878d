// Package catalog keeps everything Sheaf knows of documents except their bytes:
// collections, documents, versions, states, the log, and where blobs are. All
// SQL of the project is here, one file per noun, and every difference between
// database engines is in dialect.go.
//
// Writes go through [Catalog.Mutate]. One goroutine owns the one writing
// connection; it takes all mutations that are waiting into one transaction and
// acknowledges them together once that transaction is durable (group commit).
// Reads go through [Catalog.Read] and [Catalog.Snapshot] on a small pool of
// read-only connections and never wait for writers.
package catalog
