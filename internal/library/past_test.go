package library_test

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A pastState is what a document was at a revision.
type pastState struct {
	doc     sheaf.Document
	content string
	deleted bool
}

// A pastModel remembers what there was at every revision of every collection.
type pastModel struct {
	states map[sheaf.Slug][]map[sheaf.DocumentID]pastState // by collection and revision
	times  []pastTime                                      // ascending
	purged map[sheaf.DocumentID]bool
	ids    []sheaf.DocumentID
}

// A pastTime says which revisions the collections were at from a time on.
type pastTime struct {
	at        time.Time
	revisions map[sheaf.Slug]int64
}

func newPastModel(collections ...sheaf.Slug) *pastModel {
	m := &pastModel{states: make(map[sheaf.Slug][]map[sheaf.DocumentID]pastState), purged: make(map[sheaf.DocumentID]bool)}
	for _, c := range collections {
		m.states[c] = []map[sheaf.DocumentID]pastState{{}, {}} // before anything, and when it was made
	}
	return m
}

// now is the latest state of a document.
func (m *pastModel) now(id sheaf.DocumentID) pastState {
	for _, revisions := range m.states {
		if state, ok := revisions[len(revisions)-1][id]; ok {
			return state
		}
	}
	return pastState{}
}

// add notes what a document has become. It returns the revision that has to have.
func (m *pastModel) add(state pastState) int64 {
	m.addAll(state)
	return int64(len(m.states[state.doc.Collection])) - 1
}

// addAll notes what documents have become with one operation, which makes one
// revision of every collection that it touches.
func (m *pastModel) addAll(states ...pastState) {
	next := make(map[sheaf.Slug]map[sheaf.DocumentID]pastState)
	of := func(c sheaf.Slug) map[sheaf.DocumentID]pastState {
		if next[c] == nil {
			next[c] = maps.Clone(m.states[c][len(m.states[c])-1])
		}
		return next[c]
	}
	for _, state := range states {
		if before := m.now(state.doc.ID).doc; before.ID != "" {
			delete(of(before.Collection), before.ID)
		}
		of(state.doc.Collection)[state.doc.ID] = state
	}
	for c, revision := range next {
		m.states[c] = append(m.states[c], revision)
	}
	current := make(map[sheaf.Slug]int64)
	for c, all := range m.states {
		current[c] = int64(len(all)) - 1
	}
	if len(states) > 0 {
		m.times = append(m.times, pastTime{states[0].doc.UpdatedAt, current})
	}
}

// listed returns what a listing of a collection at a revision has.
func (m *pastModel) listed(collection sheaf.Slug, revision int64, name, tag string) (listed []pastState) {
	for id, state := range m.states[collection][revision] {
		if !state.deleted && !m.purged[id] && strings.Contains(state.doc.Name, name) && (tag == "" || slices.Contains(state.doc.Tags, tag)) {
			listed = append(listed, state)
		}
	}
	return listed
}

func sortListed(states []pastState) []sheaf.Document {
	docs := []sheaf.Document{}
	for _, state := range states {
		docs = append(docs, state.doc)
	}
	slices.SortFunc(docs, func(a, b sheaf.Document) int {
		return cmp.Or(b.UploadedAt.Compare(a.UploadedAt), cmp.Compare(b.ID, a.ID))
	})
	return docs
}

// Whatever happens to documents, the past stays what it was, by revision and by
// time, for each document and for listings in pages of any length.
func TestPastAgreesWithModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		s := open(t, func(set *setup) { set.clock = func() time.Time { return clock } })
		if _, err := s.CreateCollection(t.Context(), library.NewCollection{Name: "second"}); err != nil {
			r.Fatal(err)
		}
		collections := []sheaf.Slug{sheaf.DefaultCollection, "second"}
		m := newPastModel(collections...)

		names := rapid.SampledFrom([]string{"a", "b", "ab", "abc"})
		tags := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "x y"}), 0, 3, rapid.ID)
		contents := rapid.SampledFrom([]string{"", "one", "two", "three"})
		apply := func(what string, change sheaf.Change, content string, deleted bool, err error) {
			if err != nil {
				r.Fatalf("%s: %v", what, err)
			}
			if change.Mode == sheaf.ModeUnchanged {
				return
			}
			if want := m.add(pastState{change.Document, content, deleted}); change.Revision != want {
				r.Fatalf("%s made revision %d, want %d", what, change.Revision, want)
			}
		}
		for range rapid.IntRange(1, 24).Draw(r, "steps") {
			if rapid.Bool().Draw(r, "tick") {
				clock = clock.Add(time.Duration(rapid.IntRange(1, 3).Draw(r, "ms")) * time.Millisecond)
			}
			if rapid.IntRange(0, 7).Draw(r, "drain") == 0 {
				// What is read of drained documents is remembered.
				s.drain()
				for _, id := range m.ids {
					_, _ = s.read(id)
				}
			}
			if rapid.IntRange(0, 7).Draw(r, "index") == 0 {
				if _, err := s.Index(t.Context()); err != nil {
					r.Fatal(err)
				}
			}
			action := rapid.IntRange(0, 15).Draw(r, "action")
			if action <= 2 || len(m.ids) == 0 {
				in := library.NewDocument{
					Name: names.Draw(r, "name"), Filename: rapid.SampledFrom([]string{"n.txt", "n.md"}).Draw(r, "filename"),
					Tags: tags.Draw(r, "tags"), Collection: string(rapid.SampledFrom(collections).Draw(r, "collection")),
				}
				content := contents.Draw(r, "content")
				if action > 0 {
					in.Content = s.receive(content)
				}
				doc, err := s.CreateDocument(t.Context(), in)
				m.ids = append(m.ids, doc.ID)
				if err != nil {
					r.Fatal(err)
				}
				m.add(pastState{doc: doc, content: content})
				continue
			}
			id := rapid.SampledFrom(m.ids).Draw(r, "which")
			now := m.now(id)
			if m.purged[id] {
				_, err := s.RestoreDocument(t.Context(), id, library.Restoration{})
				if sheaf.KindOf(err) != sheaf.ErrGone {
					r.Fatalf("restoring what was purged: %v", err)
				}
				continue
			}
			switch {
			case action <= 4 && !now.deleted:
				name, newTags := names.Draw(r, "name"), tags.Draw(r, "tags")
				change, err := s.ChangeDocument(t.Context(), id, library.DocumentChange{Name: &name, Tags: &newTags, Metadata: json.RawMessage(`{"n":1}`)})
				apply("a change", change, now.content, false, err)
			case action <= 6 && !now.deleted:
				content := contents.Draw(r, "content")
				in := library.ContentWrite{Content: s.receive(content)}
				if rapid.Bool().Draw(r, "renamed") {
					in.Filename = "w.html"
				}
				change, err := s.WriteContent(t.Context(), id, in)
				apply("a write", change, content, false, err)
			case action == 7 && !now.deleted:
				change, err := s.DeleteDocument(t.Context(), id)
				apply("a deletion", change, now.content, true, err)
			case action == 8 && now.deleted:
				change, err := s.PurgeDocument(t.Context(), id)
				apply("a purge", change, now.content, true, err)
				m.purged[id] = true
			case action == 9:
				change, err := s.RestoreDocument(t.Context(), id, library.Restoration{})
				apply("a restoration", change, now.content, false, err)
			case action >= 12 && action <= 13 && !now.deleted:
				change, err := s.MoveDocument(t.Context(), id, string(rapid.SampledFrom(collections).Draw(r, "to")), "")
				apply("a move", change, now.content, false, err)
			case action >= 14:
				ids := slices.DeleteFunc(rapid.SliceOfNDistinct(rapid.SampledFrom(m.ids), 1, -1, rapid.ID).Draw(r, "several"),
					func(id sheaf.DocumentID) bool { return m.purged[id] || m.now(id).deleted })
				if len(ids) == 0 {
					continue
				}
				some := library.Selection{IDs: ids}
				var done sheaf.BulkChange
				var err error
				switch rapid.IntRange(0, 2).Draw(r, "bulk") {
				case 0:
					done, err = s.MoveDocuments(t.Context(), some, string(rapid.SampledFrom(collections).Draw(r, "to")), library.BulkOptions{})
				case 1:
					set := tags.Draw(r, "tags")
					done, err = s.TagDocuments(t.Context(), some, library.TagChange{Set: &set}, library.BulkOptions{})
				default:
					done, err = s.DeleteDocuments(t.Context(), some, library.BulkOptions{})
				}
				if err != nil {
					r.Fatalf("a bulk change: %v", err)
				}
				m.bulk(r, s, done)
			default:
				revisions := m.states[now.doc.Collection]
				revision := rapid.IntRange(1, len(revisions)-1).Draw(r, "revision")
				target, there := revisions[revision][id]
				change, err := s.RestoreDocument(t.Context(), id, library.Restoration{Revision: int64(revision)})
				if !there {
					if sheaf.KindOf(err) != sheaf.ErrNotFound {
						r.Fatalf("restoring what was not there: %v", err)
					}
					continue
				}
				apply("a restoration", change, target.content, target.deleted, err)
			}
		}

		for range 4 {
			var at library.Moment
			q := library.DocumentQuery{Limit: rapid.IntRange(1, 5).Draw(r, "limit")}
			if rapid.Bool().Draw(r, "by name") {
				q.Name = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "piece")
			}
			tag := rapid.SampledFrom([]string{"", "", "x", "x y"}).Draw(r, "tag")
			if tag != "" {
				q.Tags = []string{tag}
			}
			revisions := map[sheaf.Slug]int64{}
			if rapid.Bool().Draw(r, "by revision") {
				c := rapid.SampledFrom(collections).Draw(r, "collection")
				at.Revision = int64(rapid.IntRange(1, len(m.states[c])-1).Draw(r, "revision"))
				revisions[c], q.Collection = at.Revision, string(c)
			} else {
				at.Time = clock.Add(-time.Duration(rapid.IntRange(-2, 40).Draw(r, "ago")) * time.Millisecond)
				for _, then := range m.times {
					if !then.at.After(at.Time) {
						revisions = then.revisions
					}
				}
			}
			q.At = at
			var want []pastState
			for c, revision := range revisions {
				want = append(want, m.listed(c, revision, q.Name, tag)...)
			}
			if got := append([]sheaf.Document{}, s.list(q)...); !reflect.DeepEqual(got, sortListed(want)) {
				r.Fatalf("the listing %+v:\n%+v, want\n%+v", q, got, sortListed(want))
			}
			for _, id := range m.ids {
				// By time it is found wherever it was, by revision where it is now.
				if q.Collection != "" && q.Collection != string(m.now(id).doc.Collection) {
					continue
				}
				var then pastState
				for c, revision := range revisions {
					if state, there := m.states[c][revision][id]; there {
						then = state
					}
				}
				s.wantPast(r, id, at, then, m.purged[id])
			}
		}
		for _, id := range m.ids {
			now := m.now(id)
			s.wantPast(r, id, library.Moment{}, now, m.purged[id])
			// However it came there, what is read without a moment is the same.
			if got, err := s.read(id); !now.deleted && now.doc.Version > 0 && (err != nil || got != now.content) {
				r.Fatalf("reading %s: %q, %v, want %q", id, got, err, now.content)
			}
		}
		if problems := s.check(true); len(problems) > 0 {
			r.Fatalf("the store has problems: %q", problems)
		}
		if err := s.catalog.Close(); err != nil {
			r.Fatal(err)
		}
	})
}

// bulk notes what a bulk change says that it did.
func (m *pastModel) bulk(r *rapid.T, s *store, done sheaf.BulkChange) {
	var states []pastState
	for _, doc := range done.Documents {
		if doc.Mode == sheaf.ModeUnchanged {
			continue
		}
		state := m.now(doc.ID)
		switch done.Action {
		case sheaf.BulkMove:
			state.doc.Collection = doc.After.Collection
		case sheaf.BulkTag:
			state.doc.Tags = doc.After.Tags
		case sheaf.BulkDelete:
			state.deleted = true
		}
		if !state.deleted {
			is, err := s.Document(s.t.Context(), doc.ID)
			if err != nil {
				r.Fatalf("after a bulk change: %v", err)
			}
			state.doc.UpdatedAt = is.UpdatedAt
		} else {
			state.doc.UpdatedAt = s.setup.clock()
		}
		states = append(states, state)
	}
	m.addAll(states...)
	for _, made := range done.Collections {
		if want := int64(len(m.states[made.Collection])) - 1; made.Revision != want {
			r.Fatalf("a bulk change made revision %d of %s, want %d", made.Revision, made.Collection, want)
		}
	}
}

// wantPast compares what is said of a document at a moment, and its content.
func (s *store) wantPast(r *rapid.T, id sheaf.DocumentID, at library.Moment, want pastState, purged bool) {
	kind := sheaf.ErrorKind("")
	switch {
	case purged:
		kind = sheaf.ErrGone
	case want.doc.ID == "" || want.deleted:
		kind = sheaf.ErrNotFound
	}
	doc, _, err := s.DocumentAt(s.t.Context(), id, at)
	content, contentErr := s.OpenDocumentAt(s.t.Context(), id, at)
	if contentErr == nil {
		defer content.Close()
	}
	if kind != "" {
		if sheaf.KindOf(err) != kind || sheaf.KindOf(contentErr) != kind {
			r.Fatalf("%s at %+v: %+v, %v and %v, want %s", id, at, doc, err, contentErr, kind)
		}
		return
	}
	if err != nil || !reflect.DeepEqual(doc, want.doc) {
		r.Fatalf("%s at %+v:\n%+v, %v, want\n%+v", id, at, doc, err, want.doc)
	}
	if want.doc.Version == 0 {
		if sheaf.KindOf(contentErr) != sheaf.ErrNotFound {
			r.Fatalf("the content of %s at %+v: %v, want none", id, at, contentErr)
		}
		return
	}
	if contentErr != nil {
		r.Fatalf("the content of %s at %+v: %v", id, at, contentErr)
	}
	reader, err := content.Reader()
	if err != nil {
		r.Fatal(err)
	}
	if got, err := io.ReadAll(reader); err != nil || string(got) != want.content {
		r.Fatalf("the content of %s at %+v: %q, %v, want %q", id, at, got, err, want.content)
	}
}
