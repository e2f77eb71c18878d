package library

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// maxTitle is how many characters a collection's title may have.
const maxTitle = 255

// NewCollection is what [Session.CreateCollection] makes a collection of.
type NewCollection struct {
	Name        string
	Title       string // the name if empty
	Description string
	Policy      sheaf.WritePolicy // upsert if empty
	Backend     string            // the default one if empty
	Limits      sheaf.CollectionLimits
	Retention   sheaf.Retention
}

// CreateCollection makes an empty collection of documents.
func (s *Session) CreateCollection(ctx context.Context, in NewCollection) (sheaf.CollectionStats, error) {
	op := s.begin("collection.create").in(in.Name)
	if err := s.allow(sheaf.ScopeCreate); err != nil {
		return sheaf.CollectionStats{}, err
	}
	name, nameErr := sheaf.ParseSlug("name", in.Name)
	if in.Title == "" {
		in.Title = string(name)
	}
	if in.Policy == "" {
		in.Policy = sheaf.PolicyUpsert
	}
	backend, backendErr := s.library.parseBackend(in.Backend)
	err := sheaf.InvalidFields(nameErr, checkTitle(in.Title), s.library.limits.CheckDescription(in.Description), checkPolicy(in.Policy),
		checkCollectionLimits(in.Limits), in.Retention.Check(), backendErr)
	if err != nil {
		return sheaf.CollectionStats{}, err
	}
	collection := sheaf.Collection{
		Name: name, Kind: sheaf.KindDocuments, Title: in.Title, Description: in.Description,
		Backend: backend, Status: sheaf.StatusActive, Policy: in.Policy,
		Limits: in.Limits, Retention: in.Retention,
	}
	err = s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		if err := tx.CreateCollection(collection); err != nil {
			return err
		}
		return appendCollection(tx, op, collection)
	})
	if err != nil {
		return sheaf.CollectionStats{}, err
	}
	// Whoever may create it learns what was created, and also when it is late.
	return s.library.describe(context.WithoutCancel(ctx), string(name))
}

// appendCollection writes the log entry of a change to a collection.
func appendCollection(tx *catalog.Tx, op operation, c sheaf.Collection) error {
	_, err := tx.Append(string(c.Name), op.entry(withDetail(collectionDetail(c))))
	return err
}

// collectionDetail is what log entries say of a collection.
func collectionDetail(c sheaf.Collection) map[string]any {
	return map[string]any{
		"kind": c.Kind, "title": c.Title, "description": c.Description, "storage_backend": c.Backend,
		"status": c.Status, "write_policy": c.Policy, "limits": c.Limits, "retention": c.Retention,
	}
}

func checkTitle(title string) error {
	if n := utf8.RuneCountInString(title); n > maxTitle || !utf8.ValidString(title) || strings.ContainsFunc(title, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return sheaf.Invalid("title", fmt.Sprintf("a title is one line of at most %d characters", maxTitle))
	}
	return nil
}

func checkPolicy(policy sheaf.WritePolicy) error {
	if policy == sheaf.PolicyUpsert || policy == sheaf.PolicyRequireHash {
		return nil
	}
	return sheaf.Invalid("write_policy", fmt.Sprintf("write_policy is %s or %s", sheaf.PolicyUpsert, sheaf.PolicyRequireHash))
}

// Collection describes a collection, with counts and sizes.
func (s *Session) Collection(ctx context.Context, name string) (stats sheaf.CollectionStats, err error) {
	s.begin("collection.read").in(name)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return stats, err
	}
	return s.library.describe(ctx, name)
}

func (l *Library) describe(ctx context.Context, name string) (stats sheaf.CollectionStats, err error) {
	collection, err := l.collection(name)
	if err != nil {
		return stats, err
	}
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		stats, err = v.Stats(collection)
		return err
	})
	if err == nil {
		l.used()
	}
	return stats, err
}

// Collections describes all collections, by name.
func (s *Session) Collections(ctx context.Context) ([]sheaf.CollectionStats, error) {
	s.begin("collection.list")
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	all := s.library.catalog.AllCollections()
	slices.SortFunc(all, func(a, b *catalog.Collection) int { return strings.Compare(string(a.Name), string(b.Name)) })
	described := make([]sheaf.CollectionStats, 0, len(all))
	err := s.library.catalog.Snapshot(ctx, func(v *catalog.View) error {
		for _, collection := range all {
			stats, err := v.Stats(collection)
			if err != nil {
				return err
			}
			described = append(described, stats)
		}
		return nil
	})
	if err == nil {
		s.library.used()
	}
	return described, err
}

// A CollectionChange changes a collection. What is nil stays.
type CollectionChange struct {
	Title       *string
	Description *string
	Policy      *sheaf.WritePolicy
	Status      *sheaf.CollectionStatus // active, or archived: read-only until it is active again
	Limits      *sheaf.CollectionLimits // all of them together; below what it holds, it can only shrink
	Retention   *sheaf.Retention
}

// ChangeCollection changes what is said of a collection and what may be done with it.
func (s *Session) ChangeCollection(ctx context.Context, name string, in CollectionChange) (sheaf.CollectionStats, error) {
	op := s.begin("collection.change").in(name)
	if err := s.allow(sheaf.ScopeCreate); err != nil {
		return sheaf.CollectionStats{}, err
	}
	if err := s.library.checkCollectionChange(in); err != nil {
		return sheaf.CollectionStats{}, err
	}
	known, err := s.library.collection(name)
	if err != nil {
		return sheaf.CollectionStats{}, err
	}
	err = s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		collection, found, err := tx.CollectionNow(known.Name)
		if err != nil {
			return err
		}
		if !found {
			return errNoCollection(known.Name)
		}
		if collection.Status == sheaf.StatusDeleting {
			return errDeleting(collection.Name)
		}
		was := collection.Collection
		in.apply(&collection.Collection)
		if collection.Collection == was {
			return nil
		}
		if err := tx.UpdateCollection(&collection); err != nil {
			return err
		}
		return appendCollection(tx, op, collection.Collection)
	})
	if err != nil {
		return sheaf.CollectionStats{}, err
	}
	s.library.registryChanged()
	return s.library.describe(context.WithoutCancel(ctx), name)
}

// checkCollectionChange applies the rules about a collection's fields.
func (l *Library) checkCollectionChange(in CollectionChange) error {
	var titleErr, descriptionErr, policyErr, statusErr, limitsErr, retentionErr error
	if in.Title != nil {
		titleErr = checkTitle(*in.Title)
	}
	if in.Description != nil {
		descriptionErr = l.limits.CheckDescription(*in.Description)
	}
	if in.Policy != nil {
		policyErr = checkPolicy(*in.Policy)
	}
	if in.Status != nil && *in.Status != sheaf.StatusActive && *in.Status != sheaf.StatusArchived {
		statusErr = errStatus(*in.Status)
	}
	if in.Limits != nil {
		limitsErr = checkCollectionLimits(*in.Limits)
	}
	if in.Retention != nil {
		retentionErr = in.Retention.Check()
	}
	return sheaf.InvalidFields(titleErr, descriptionErr, policyErr, statusErr, limitsErr, retentionErr)
}

// errStatus is the error of a status that nobody can give a collection.
func errStatus(status sheaf.CollectionStatus) *sheaf.Error {
	err := sheaf.Invalid("status", fmt.Sprintf("status can be set to %s or %s", sheaf.StatusActive, sheaf.StatusArchived))
	if status == sheaf.StatusMigrating {
		return err.WithHint(fmt.Sprintf("a collection is %s while it moves to another backend, as long as that takes", sheaf.StatusMigrating))
	}
	return err
}

func (in CollectionChange) apply(to *sheaf.Collection) {
	if in.Title != nil {
		to.Title = *in.Title
	}
	if in.Description != nil {
		to.Description = *in.Description
	}
	if in.Policy != nil {
		to.Policy = *in.Policy
	}
	if in.Status != nil && !(*in.Status == sheaf.StatusActive && to.Status == sheaf.StatusMigrating) {
		to.Status = *in.Status
	}
	if in.Limits != nil {
		to.Limits = *in.Limits
	}
	if in.Retention != nil {
		to.Retention = *in.Retention
	}
}
