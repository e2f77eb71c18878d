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

// limitSettings are the limits of a collection in a request: in an answer there may
// be more one day.
type limitSettings struct {
	Documents int64 `json:"max_documents,omitempty" minimum:"0" doc:"How many documents that are not deleted; 0 is any number"`
	Bytes     int64 `json:"max_bytes,omitempty" minimum:"0" doc:"The bytes of their current contents together; 0 is any number"`
	Content   int64 `json:"max_content_bytes,omitempty" minimum:"0" doc:"The bytes of one content; 0 is any number"`
}

// retentionSettings are the retention of a collection in a request.
type retentionSettings struct {
	TrashDays       int `json:"trash_days,omitempty" minimum:"0" doc:"Days after which a document in the trash is purged; 0 is never"`
	HistoryDays     int `json:"history_days,omitempty" minimum:"0" doc:"Days for which a version stays readable after it was replaced; 0 is for ever"`
	HistoryVersions int `json:"history_versions,omitempty" minimum:"0" doc:"How many versions of a document stay readable in any case, the newest; only with history_days"`
}

// A collectionCreation is the body that makes a collection.
type collectionCreation struct {
	Name        string            `json:"name" doc:"3 to 50 lowercase letters, digits and single hyphens"`
	Title       string            `json:"title,omitempty" doc:"What people call it; the name unless given"`
	Description string            `json:"description,omitempty" doc:"What belongs into it"`
	Policy      sheaf.WritePolicy `json:"write_policy,omitempty" enum:"upsert,require_hash" doc:"Whether a write has to name the hash that it replaces; upsert unless given"`
	Backend     string            `json:"storage_backend,omitempty" doc:"Where its contents are stored, by a name of the server's configuration; the default one unless given"`
	Limits      limitSettings     `json:"limits,omitzero" doc:"What it may hold; none unless given"`
	Retention   retentionSettings `json:"retention,omitzero" doc:"How long what is no longer current is kept; for ever unless given"`
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
	collection, err := s.session(in.request).CreateCollection(ctx, library.NewCollection{
		Name: body.Name, Title: body.Title, Description: body.Description, Policy: body.Policy, Backend: body.Backend,
		Limits: sheaf.CollectionLimits(body.Limits), Retention: sheaf.Retention(body.Retention),
	})
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
	Limits      *limitSettings          `json:"limits,omitempty" doc:"What it may hold, all limits together: one that is absent is none. Below what it holds, it can only shrink"`
	Retention   *retentionSettings      `json:"retention,omitempty" doc:"How long what is no longer current is kept, as a whole; {} keeps everything for ever"`
}

type changeCollectionInput struct{ call }

// changeCollection changes a collection: PATCH /collections/{name}.
func (s *server) changeCollection(ctx context.Context, in *changeCollectionInput) (*collectionOutput, error) {
	var body collectionChange
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	collection, err := s.session(in.request).ChangeCollection(ctx, in.request.PathValue("name"), library.CollectionChange{
		Title: body.Title, Description: body.Description, Policy: body.Policy, Status: body.Status,
		Limits: (*sheaf.CollectionLimits)(body.Limits), Retention: (*sheaf.Retention)(body.Retention),
	})
	if err != nil {
		return nil, err
	}
	return &collectionOutput{collection}, nil
}

type deleteCollectionInput struct{ call }

type deleteCollectionOutput struct {
	Body sheaf.CollectionDeletion
}

// deleteCollection deletes a collection: DELETE /collections/{name}.
func (s *server) deleteCollection(ctx context.Context, in *deleteCollectionInput) (*deleteCollectionOutput, error) {
	query := in.request.URL.Query()
	withDocuments, err := parseFlag("with_documents", query)
	if err != nil {
		return nil, err
	}
	deletion, err := s.session(in.request).DeleteCollection(ctx, in.request.PathValue("name"),
		library.CollectionDelete{WithDocuments: withDocuments, Confirm: query.Get("confirm")})
	if err != nil {
		return nil, err
	}
	return &deleteCollectionOutput{deletion}, nil
}
