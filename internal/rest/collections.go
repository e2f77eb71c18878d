package rest

import (
	"context"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

type listCollectionsInput struct{ call }

type listCollectionsOutput struct {
	Body []sheaf.CollectionStats
}

// listCollections describes all collections: GET /collections.
func (s *server) listCollections(ctx context.Context, in *listCollectionsInput) (*listCollectionsOutput, error) {
	collections, err := s.session(in.request).Collections(ctx)
	if err != nil {
		return nil, err
	}
	return &listCollectionsOutput{collections}, nil
}

type getCollectionInput struct{ call }

type collectionOutput struct {
	Body sheaf.CollectionStats
}

// getCollection describes a collection: GET /collections/{name}.
func (s *server) getCollection(ctx context.Context, in *getCollectionInput) (*collectionOutput, error) {
	collection, err := s.session(in.request).Collection(ctx, in.request.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return &collectionOutput{collection}, nil
}

// A collectionCreation is the body that makes a collection.
type collectionCreation struct {
	Name        string            `json:"name" doc:"3 to 50 lowercase letters, digits and single hyphens"`
	Title       string            `json:"title,omitempty" doc:"What people call it; the name unless given"`
	Description string            `json:"description,omitempty" doc:"What belongs into it"`
	Policy      sheaf.WritePolicy `json:"write_policy,omitempty" enum:"upsert,require_hash" doc:"Whether a write has to name the hash that it replaces; upsert unless given"`
	Retention   sheaf.Retention   `json:"retention,omitzero" doc:"How long what is no longer current is kept; for ever unless given"`
}

type createCollectionInput struct{ call }

type createCollectionOutput struct {
	Location string `header:"Location" doc:"Where it is described"`
	Body     sheaf.CollectionStats
}

// createCollection makes a collection: POST /collections.
func (s *server) createCollection(ctx context.Context, in *createCollectionInput) (*createCollectionOutput, error) {
	var body collectionCreation
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	collection, err := s.session(in.request).CreateCollection(ctx, library.NewCollection(body))
	if err != nil {
		return nil, err
	}
	return &createCollectionOutput{
		Location: s.base(in.request) + "/collections/" + string(collection.Name),
		Body:     collection,
	}, nil
}

// A collectionChange is the body that changes a collection.
type collectionChange struct {
	Title       *string                 `json:"title,omitempty" doc:"What people call it"`
	Description *string                 `json:"description,omitempty" doc:"What belongs into it"`
	Policy      *sheaf.WritePolicy      `json:"write_policy,omitempty" enum:"upsert,require_hash" doc:"Whether a write has to name the hash that it replaces"`
	Status      *sheaf.CollectionStatus `json:"status,omitempty" enum:"active,archived" doc:"An archived collection cannot be written to until it is active again"`
	Retention   *sheaf.Retention        `json:"retention,omitempty" doc:"How long what is no longer current is kept, as a whole; {} keeps everything for ever"`
}

type changeCollectionInput struct{ call }

// changeCollection changes a collection: PATCH /collections/{name}.
func (s *server) changeCollection(ctx context.Context, in *changeCollectionInput) (*collectionOutput, error) {
	var body collectionChange
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	collection, err := s.session(in.request).ChangeCollection(ctx, in.request.PathValue("name"), library.CollectionChange(body))
	if err != nil {
		return nil, err
	}
	return &collectionOutput{collection}, nil
}
