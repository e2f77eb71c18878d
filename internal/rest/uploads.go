package rest

import (
	"context"
	"io"
	"net/http"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// An uploadStart is the body that begins an upload in two steps.
type uploadStart struct {
	BookID   string          `json:"book_id"`
	Type     sheaf.AssetType `json:"asset_type" enum:"slides,images,videos,audio"`
	Filename string          `json:"filename" doc:"Below the directory of the type"`
	Size     int64           `json:"file_size" doc:"In bytes"`
	MIME     string          `json:"mime_type,omitempty" doc:"By the filename unless given"`
	SHA256   string          `json:"sha256,omitempty" doc:"That the bytes have to have"`
	FileHash string          `json:"file_hash,omitempty" doc:"The SHA-256 of the content that they replace"`
	Message  string          `json:"message,omitempty" doc:"Why, for the history"`
}

type beginUploadInput struct{ call }

type uploadOutput struct{ Body sheaf.AssetUpload }

// beginUpload begins an upload in two steps: POST /uploads.
func (s *server) beginUpload(ctx context.Context, in *beginUploadInput) (*uploadOutput, error) {
	var body uploadStart
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	digest, digestErr := parseOptionalDigest("sha256", body.SHA256)
	fileHash, hashErr := parseOptionalDigest("file_hash", body.FileHash)
	if err := sheaf.InvalidFields(digestErr, hashErr); err != nil {
		return nil, err
	}
	upload, err := s.session(in.request).BeginUpload(ctx, library.NewUpload{
		AssetPlace: library.AssetPlace{Book: body.BookID, Type: body.Type, Filename: body.Filename},
		Size:       body.Size, MIME: body.MIME, SHA256: digest, FileHash: fileHash, Message: body.Message,
	})
	if err != nil {
		return nil, err
	}
	return &uploadOutput{upload}, nil
}

type uploadInput struct{ call }

// getUpload says how far an upload is: GET /uploads/{upload_id}.
func (s *server) getUpload(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
	upload, err := s.session(in.request).UploadStatus(ctx, in.request.PathValue("upload_id"))
	if err != nil {
		return nil, err
	}
	return &uploadOutput{upload}, nil
}

// cancelUpload ends an upload without an asset: DELETE /uploads/{upload_id}.
func (s *server) cancelUpload(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
	upload, err := s.session(in.request).CancelUpload(ctx, in.request.PathValue("upload_id"))
	if err != nil {
		return nil, err
	}
	return &uploadOutput{upload}, nil
}

// stageUpload receives the bytes of an upload: PUT /uploads/{upload_id}.
func (s *server) stageUpload(w http.ResponseWriter, r *http.Request) (err error) {
	if err := checkWholeBody(r.Header); err != nil {
		return err
	}
	session := s.session(r)
	var upload sheaf.AssetUpload
	err = s.receive(w, r, func(body io.Reader) (err error) {
		reader := &failingReader{from: body}
		upload, err = session.StageUpload(r.Context(), library.UploadBytes{
			ID: r.PathValue("upload_id"), Parameters: r.URL.Query(), MIME: unlessGeneric(r.Header.Get("Content-Type")),
			Length: r.ContentLength, Body: reader,
		})
		if reader.err != nil {
			return cutOff(reader.err)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.writeJSON(w, http.StatusOK, upload)
}

// An uploadCompletion is the body that completes an upload.
type uploadCompletion struct {
	FileHash string `json:"file_hash,omitempty" doc:"The SHA-256 of the content that is replaced, when that is another by now than when the upload began"`
}

type completeUploadInput struct{ call }

type assetChangeOutput struct{ Body assetChange }

// completeUpload makes an asset of an upload: POST /uploads/{upload_id}/complete.
func (s *server) completeUpload(ctx context.Context, in *completeUploadInput) (*assetChangeOutput, error) {
	var body uploadCompletion
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	fileHash, err := parseOptionalDigest("file_hash", body.FileHash)
	if err != nil {
		return nil, err
	}
	change, err := s.session(in.request).CompleteUpload(ctx, in.request.PathValue("upload_id"), fileHash)
	if err != nil {
		return nil, err
	}
	return &assetChangeOutput{describeAssetChange(change)}, nil
}
