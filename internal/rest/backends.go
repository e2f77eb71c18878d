package rest

import (
	"context"

	"github.com/sheaf-dev/sheaf"
)

type listBackendsInput struct{ call }

type listBackendsOutput struct {
	Body []sheaf.BackendInfo
}

// listBackends describes all backends: GET /admin/backends.
func (s *server) listBackends(ctx context.Context, in *listBackendsInput) (*listBackendsOutput, error) {
	backends, err := s.session(in.request).Backends(ctx)
	if err != nil {
		return nil, err
	}
	return &listBackendsOutput{backends}, nil
}

type testBackendInput struct{ call }

type testBackendOutput struct {
	Body sheaf.BackendTest
}

// testBackend tries what a backend has to do: POST /admin/backends/{name}/test.
func (s *server) testBackend(ctx context.Context, in *testBackendInput) (*testBackendOutput, error) {
	test, err := s.session(in.request).TestBackend(ctx, in.request.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return &testBackendOutput{test}, nil
}
