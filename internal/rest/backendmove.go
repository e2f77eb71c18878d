package rest

import (
	"context"
	"math"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A moveCreation is the body that begins a move to another backend.
type moveCreation struct {
	Backend      string `json:"storage_backend" doc:"Where to, by a name of the server's configuration"`
	GraceSeconds *int64 `json:"grace_seconds,omitempty" minimum:"0" maximum:"31622400" doc:"For how long the old backend keeps its copy once all is on the new one; as the server is set up unless given"`
}

type backendMoveInput struct{ call }

type backendMoveOutput struct {
	Body sheaf.BackendMove
}

// moveCollection begins a move: POST /collections/{name}/backend.
func (s *server) moveCollection(ctx context.Context, in *backendMoveInput) (*backendMoveOutput, error) {
	var body moveCreation
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	wanted := library.NewMove{Backend: body.Backend}
	if body.GraceSeconds != nil {
		const most = int64(math.MaxInt64 / time.Second) // more than is allowed, and not so much that it becomes less
		grace := time.Duration(max(-most, min(*body.GraceSeconds, most))) * time.Second
		wanted.Grace = &grace
	}
	move, err := s.session(in.request).MoveCollection(ctx, in.request.PathValue("name"), wanted)
	if err != nil {
		return nil, err
	}
	return &backendMoveOutput{move}, nil
}

// collectionMove says how far a move is: GET /collections/{name}/backend.
func (s *server) collectionMove(ctx context.Context, in *backendMoveInput) (*backendMoveOutput, error) {
	move, err := s.session(in.request).CollectionMove(ctx, in.request.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return &backendMoveOutput{move}, nil
}

// rollBackMove rolls a move back: DELETE /collections/{name}/backend.
func (s *server) rollBackMove(ctx context.Context, in *backendMoveInput) (*backendMoveOutput, error) {
	move, err := s.session(in.request).RollBackMove(ctx, in.request.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return &backendMoveOutput{move}, nil
}

// finishMove gives up the old copy: POST /collections/{name}/backend/finish.
func (s *server) finishMove(ctx context.Context, in *backendMoveInput) (*backendMoveOutput, error) {
	move, err := s.session(in.request).FinishMove(ctx, in.request.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return &backendMoveOutput{move}, nil
}

type movePlanOutput struct {
	Body sheaf.MovePlan
}

// planMove counts what a move would copy: GET /collections/{name}/backend/plan.
func (s *server) planMove(ctx context.Context, in *backendMoveInput) (*movePlanOutput, error) {
	plan, err := s.session(in.request).PlanMove(ctx, in.request.PathValue("name"),
		library.NewMove{Backend: in.request.URL.Query().Get("storage_backend")})
	if err != nil {
		return nil, err
	}
	return &movePlanOutput{plan}, nil
}
