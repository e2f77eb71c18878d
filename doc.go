// Package sheaf holds the words of Sheaf, a document and book store for AI
// agents and the people who work with them: the nouns that every other package
// speaks of, the rules for their identifiers, and the errors a caller can act on.
//
// It does no I/O and imports the standard library only, so that the server, the
// client and programs of others share one vocabulary.
//
// A [Collection] is a named container. It holds [Document]s, the one kind of
// thing that is stored; each content a document has had is a [Version], named
// by its [Digest], and what the document was between two revisions of its
// collection is a [State]. Every change is one [LogEntry] in the collection's
// stream, made by a [Principal].
package sheaf
