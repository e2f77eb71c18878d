package rest

import (
	"context"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

type listRelationsInput struct{ call }

type listRelationsOutput struct {
	Body []sheaf.Relation
}

// listRelations lists the relations of a document: GET /documents/{id}/relations.
func (s *server) listRelations(ctx context.Context, in *listRelationsInput) (*listRelationsOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	relations, err := s.session(in.request).Relations(ctx, id)
	if err != nil {
		return nil, err
	}
	return &listRelationsOutput{relations}, nil
}

// A relationCreation is the body that puts two documents into a relation.
type relationCreation struct {
	Type  sheaf.RelationType `json:"type" enum:"parent,child,predecessor,successor,related" doc:"What the other document is to this one"`
	Other sheaf.DocumentID   `json:"document_id" doc:"The other document"`
	Note  string             `json:"note,omitempty" doc:"What there is to say of the relation"`
}

type relateInput struct{ call }

type relationOutput struct {
	Body sheaf.RelationChange
}

// relate puts two documents into a relation, or changes its note: POST
// /documents/{id}/relations.
func (s *server) relate(ctx context.Context, in *relateInput) (*relationOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	var body relationCreation
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	change, err := s.session(in.request).Relate(ctx, id, library.NewRelation(body))
	if err != nil {
		return nil, err
	}
	return &relationOutput{change}, nil
}

type unrelateInput struct{ call }

// unrelate ends a relation: DELETE /documents/{id}/relations/{type}/{other}.
func (s *server) unrelate(ctx context.Context, in *unrelateInput) (*relationOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	relation, other := sheaf.RelationType(in.request.PathValue("type")), sheaf.DocumentID(in.request.PathValue("other_id"))
	change, err := s.session(in.request).Unrelate(ctx, id, relation, other)
	if err != nil {
		return nil, err
	}
	return &relationOutput{change}, nil
}
