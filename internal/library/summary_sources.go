package library

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// digestOfDigests names a set of contents. It sorts them.
func digestOfDigests(digests []sheaf.Digest) sheaf.Digest {
	slices.SortFunc(digests, func(a, b sheaf.Digest) int { return slices.Compare(a[:], b[:]) })
	hash := sha256.New()
	for _, d := range digests {
		_, _ = hash.Write(d[:])
	}
	return sheaf.Digest(hash.Sum(nil))
}

// sources are the contents that the summary at a place was to be made from at a
// revision of its book.
//
// They are looked up just before the transaction that writes the summary, because
// everybody else who writes waits for that: of a book of 10,000 lessons it takes
// 20 ms and more. A lesson that changes in between makes the summary stale, which
// is right, since its author cannot have read that.
type sources struct {
	place   sourcesPlace
	rev     int64
	digests []sheaf.Digest // sorted
	digest  sheaf.Digest   // of them all
}

// A sourcesPlace is where a summary is, or is to be.
type sourcesPlace struct {
	book        sheaf.Slug
	layer, path string
}

func summaryPlaceOf(h catalog.Head) sourcesPlace { return sourcesPlace{h.Collection, h.Layer, h.Path} }

// knownSources are the sources of the summaries that a transaction is to write.
type knownSources []sources

// sourcesUnknownError says that a transaction needs sources that it has not been
// given.
type sourcesUnknownError struct{ place sourcesPlace }

func (*sourcesUnknownError) Error() string {
	return "what a summary is made from has not been looked up"
}

// sourcesPatience is how often sources are looked up before a transaction that may
// turn out to need others. After that it looks them up itself.
const sourcesPatience = 3

// lookUp finds the sources of the summaries among some places.
func (l *Library) lookUp(ctx context.Context, places ...sourcesPlace) (known knownSources, err error) {
	for _, place := range places {
		book, found := l.catalog.Collection(place.book)
		if !isSummary(place.path) || !found || book.Kind != sheaf.KindBook {
			continue
		}
		snapshot := l.snapshotOfBook
		if _, isDir := summarised(place.path); !isDir {
			snapshot = l.catalog.Snapshot
		}
		err := snapshot(ctx, func(v *catalog.View) error {
			rev, err := v.LatestRev(string(book.Name))
			if err != nil {
				return err
			}
			found, err := sourcesNow(v, book, place, rev)
			known = append(known, found)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}

// withSources runs a transaction that writes to some places, as far as they are
// known, and gives it the sources of the summaries there. Unknown sources that it
// asks for with a sourcesUnknownError are looked up, and it runs again; nil means
// that it has to look them up itself.
func (l *Library) withSources(ctx context.Context, places []sourcesPlace, run func(knownSources) error) error {
	for range sourcesPatience {
		known, err := l.lookUp(ctx, places...)
		if err != nil {
			return err
		}
		if known == nil {
			known = knownSources{}
		}
		err = run(known)
		var unknown *sourcesUnknownError
		if !errors.As(err, &unknown) {
			return err
		}
		if !slices.Contains(places, unknown.place) {
			places = append(slices.Clip(places), unknown.place)
		}
	}
	return run(nil)
}

// sourcesNow finds the sources of a summary. Rev is the latest revision of its book.
func sourcesNow(v *catalog.View, book *catalog.Collection, place sourcesPlace, rev int64) (sources, error) {
	found := sources{place: place, rev: rev}
	subject, isDir := summarised(place.path)
	if !isDir {
		lessons, err := lessonsBeside(v, book, place.layer, subject, 0)
		for _, f := range lessons {
			found.digests = append(found.digests, f.Digest)
		}
		found.digest = digestOfDigests(found.digests)
		return found, err
	}
	files, err := v.FileDigests(book, catalog.FileFilter{Layer: place.layer, Dir: subject, Limit: math.MaxInt32})
	found.digests = make([]sheaf.Digest, 0, len(files))
	for _, f := range files {
		if isLesson(f.Path) {
			found.digests = append(found.digests, f.Digest)
		}
	}
	found.digest = digestOfDigests(found.digests)
	return found, err
}

// of returns the sources of a summary that is written in a transaction, in which
// other documents have been made that are not yet in the log.
func (k knownSources) of(tx *catalog.Tx, book *catalog.Collection, h catalog.Head, made []catalog.Head) (sources, error) {
	next, err := tx.NextRev(string(book.Name))
	if err != nil {
		return sources{}, err
	}
	if k == nil {
		return sourcesNow(&tx.View, book, summaryPlaceOf(h), next)
	}
	i := slices.IndexFunc(k, func(s sources) bool { return s.place == summaryPlaceOf(h) })
	if i < 0 {
		return sources{}, &sourcesUnknownError{summaryPlaceOf(h)}
	}
	found := k[i]
	added := slices.DeleteFunc(slices.Clone(made), func(m catalog.Head) bool { return !isSource(m, h) })
	if len(added) == 0 {
		return found, nil
	}
	// Lessons that come together with their summary are of the revision that this
	// transaction makes, so that the others have to be of the one before.
	if found.rev != next-1 {
		return sources{}, &sourcesUnknownError{summaryPlaceOf(h)}
	}
	found.rev, found.digests = next, slices.Clone(found.digests)
	for _, m := range added {
		found.digests = append(found.digests, m.Digest)
	}
	found.digest = digestOfDigests(found.digests)
	return found, nil
}

// isSource reports whether a document that was made is one that a summary is of.
func isSource(made, summary catalog.Head) bool {
	if made.Version == 0 || !isLesson(made.Path) || made.Collection != summary.Collection || made.Layer != summary.Layer {
		return false
	}
	subject, isDir := summarised(summary.Path)
	if isDir {
		return subject == "" || strings.HasPrefix(made.Path, subject+"/")
	}
	extension := path.Ext(made.Path)
	return slices.Contains(lessonExtensions, extension) && made.Path == subject+extension
}

// recordSources remembers what the new version of a document was made from, if it
// is a summary, however it was written.
func recordSources(tx *catalog.Tx, book *catalog.Collection, h catalog.Head, known knownSources, made ...catalog.Head) error {
	if !isSummary(h.Path) || h.Version == 0 || book.Kind != sheaf.KindBook {
		return nil
	}
	found, err := known.of(tx, book, h, made)
	if err != nil {
		return err
	}
	return tx.AddSummarySources(h.PK, h.Version, catalog.SummarySources{
		Digest: found.digest, CollectionPK: book.PK, Layer: h.Layer, Path: h.Path, Rev: found.rev,
	})
}

// recordAllSources does as recordSources for documents that were made in this
// transaction: lessons and their summaries may come together, in any order.
func recordAllSources(tx *catalog.Tx, known knownSources, made ...catalog.Head) error {
	for _, h := range made {
		if !isSummary(h.Path) {
			continue
		}
		book, found, err := tx.CurrentCollection(h.Collection)
		if err == nil && found {
			err = recordSources(tx, book, h, known, made...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isStaleSummary reports whether a document is a summary of what is not so any
// more, or of what nobody knows.
func isStaleSummary(tx *catalog.Tx, book *catalog.Collection, h catalog.Head, known knownSources) (bool, error) {
	if !isSummary(h.Path) || book.Kind != sheaf.KindBook {
		return false, nil
	}
	from, recorded, err := tx.SummarySources(h.ID, h.Version)
	if err != nil || !recorded {
		return true, err
	}
	now, err := known.of(tx, book, h, nil)
	return err == nil && now.digest != from.Digest, err
}
