package library

import "context"

// TakeWholeBooks takes the turns of all who read whole books, until release.
func (l *Library) TakeWholeBooks() (release func()) {
	_ = l.wholeBooks.Acquire(context.Background(), wholeBooksAtOnce)
	return func() { l.wholeBooks.Release(wholeBooksAtOnce) }
}
