package rest

import (
	"context"

	"github.com/sheaf-dev/sheaf"
)

type encryptionInput struct{ call }

type encryptionOutput struct {
	Body sheaf.EncryptionReport
}

// encryption says what is sealed, and by which keys: GET /admin/keys.
func (s *server) encryption(ctx context.Context, in *encryptionInput) (*encryptionOutput, error) {
	report, err := s.session(in.request).Encryption(ctx)
	if err != nil {
		return nil, err
	}
	return &encryptionOutput{report}, nil
}

type rotateKeysInput struct{ call }

type rotateKeysOutput struct {
	Body sheaf.KeyRotation
}

// rotateKeys does a part of a rotation: POST /admin/keys/rotate.
func (s *server) rotateKeys(ctx context.Context, in *rotateKeysInput) (*rotateKeysOutput, error) {
	report, err := s.session(in.request).RotateKeys(ctx)
	if err != nil {
		return nil, err
	}
	return &rotateKeysOutput{report}, nil
}
