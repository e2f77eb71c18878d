package mcp

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// assetTools are the tools for what is in books and no text.
func assetTools(limits sheaf.Limits) []tool {
	direct := sizeName(limits.AssetDirect)
	return []tool{
		newTool(definition{
			name: "upload_asset", title: "Upload an asset", toolset: ToolsetBooks, scope: sheaf.ScopeWrite, destructive: true, idempotent: true,
			unlisted: []string{"add_asset"},
			description: fmt.Sprintf("Stores an image, video, recording or slides in a book. Below %s send binary_data; from there on send file_size, then PUT the bytes to upload_url.",
				direct),
		}, []field{
			bookField(), assetTypeField().must(), filenameField(limits),
			text("binary_data", "The file in base64").obeying(checkBase64),
			number("file_size", "Bytes", 0, 0),
			identifier("mime_type", "By the filename unless given"),
			identifier("sha256", "Of the file, to check it").like(digestPattern),
			identifier("file_hash", "SHA-256 of the file it replaces").or("expected_hash").like(digestPattern),
		}, uploadAsset(limits)),
		newTool(definition{
			name: "get_asset", title: "Describe an asset", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Says what an asset is and where to download it.",
		}, []field{
			bookField(), assetTypeField().must(), filenameField(limits),
			boolean("include_binary", "With the file in base64, below "+direct),
		}, getAsset),
		newTool(definition{
			name: "list_assets", title: "List assets", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Lists the assets of a book.",
		}, []field{
			bookField(), assetTypeField(),
			number("limit", "", 1, limits.Page),
			cursorField(),
		}, listAssets),
	}
}

func assetTypeField() field {
	var types []string
	for _, t := range sheaf.AssetTypes() {
		types = append(types, string(t))
	}
	return choice("asset_type", "", types...)
}

func filenameField(limits sheaf.Limits) field {
	return identifier("filename", "").must().between(1, limits.Path)
}

func sizeName(bytes int64) string {
	if bytes%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// An assetInput is which asset of a book a tool is about.
type assetInput struct {
	BookID   string          `json:"book_id"`
	Type     sheaf.AssetType `json:"asset_type"`
	Filename string          `json:"filename"`
}

func (in assetInput) place() library.AssetPlace {
	return library.AssetPlace{Book: in.BookID, Type: in.Type, Filename: in.Filename}
}

type uploadAssetInput struct {
	assetInput
	BinaryData *string       `json:"binary_data"`
	FileSize   *int64        `json:"file_size"`
	MIME       string        `json:"mime_type"`
	SHA256     *sheaf.Digest `json:"sha256"`
	FileHash   *sheaf.Digest `json:"file_hash"`
}

// uploadAssetAnswer is the answer of both ways to upload. What only one of them
// has is absent in the other.
type uploadAssetAnswer struct {
	UploadMethod string           `json:"upload_method"` // direct or presigned
	Status       string           `json:"status"`
	BookID       sheaf.Slug       `json:"book_id"`
	Path         string           `json:"path"`
	CDNURL       string           `json:"cdn_url"`
	FileSize     int64            `json:"file_size"`
	MIME         string           `json:"mime_type"`
	FileHash     *sheaf.Digest    `json:"file_hash_sha256,omitempty"`
	DocumentID   sheaf.DocumentID `json:"document_id,omitempty"`
	Version      int              `json:"version,omitempty"`
	AuditEntryID int64            `json:"audit_entry_id,omitempty"`

	UploadID     string            `json:"upload_id,omitempty"`
	UploadURL    string            `json:"upload_url,omitempty"`
	Headers      map[string]string `json:"headers,omitempty"`
	CompleteURL  string            `json:"complete_url,omitempty"`
	ExpiresAt    string            `json:"expires_at,omitempty"`
	Instructions string            `json:"instructions,omitempty"`
}

// errNeither is the error of the seed, word for word.
var errNeither = sheaf.Invalid("binary_data", "Must provide either binary_data (<10MB) or file_size (≥10MB)")

// uploadAsset returns the tool that takes small files in the call, and says of
// large ones where to send them.
func uploadAsset(limits sheaf.Limits) func(context.Context, *library.Session, uploadAssetInput) (uploadAssetAnswer, error) {
	return func(ctx context.Context, session *library.Session, in uploadAssetInput) (uploadAssetAnswer, error) {
		switch {
		case in.BinaryData != nil:
			return uploadDirectly(ctx, session, in, limits)
		case in.FileSize != nil:
			return beginUpload(ctx, session, in)
		}
		return uploadAssetAnswer{}, errNeither
	}
}

func uploadDirectly(ctx context.Context, session *library.Session, in uploadAssetInput, limits sheaf.Limits) (uploadAssetAnswer, error) {
	if err := checkBase64(*in.BinaryData); err != nil {
		return uploadAssetAnswer{}, err
	}
	content, err := base64.StdEncoding.Strict().DecodeString(*in.BinaryData)
	if err != nil {
		return uploadAssetAnswer{}, fmt.Errorf("base64 that was checked: %w", err)
	}
	size := int64(len(content))
	switch {
	case size >= limits.AssetDirect:
		return uploadAssetAnswer{}, sheaf.Errorf(sheaf.ErrTooLarge, "binary_data has %d bytes; it has to be below %d", size, limits.AssetDirect).
			WithHint(fmt.Sprintf("call again with file_size %d and without binary_data, and PUT the file to the upload_url of the answer", size))
	case in.FileSize != nil && *in.FileSize != size:
		return uploadAssetAnswer{}, sheaf.Invalid("file_size", fmt.Sprintf("file_size is %d, binary_data has %d bytes: leave file_size out, or send the whole file", *in.FileSize, size))
	}
	received, err := session.ReceiveAsset(ctx, bytes.NewReader(content))
	if err != nil {
		return uploadAssetAnswer{}, err
	}
	defer received.Close()
	change, err := session.PutAsset(ctx, library.AssetWrite{
		AssetPlace: in.place(), MIME: in.MIME, SHA256: in.SHA256, Content: received, FileHash: in.FileHash,
	})
	if err != nil {
		return uploadAssetAnswer{}, renameField(err, "content", "binary_data")
	}
	a := change.Asset
	return uploadAssetAnswer{
		UploadMethod: "direct", Status: string(change.Mode), BookID: a.BookID, Path: a.Path, CDNURL: a.CDNURL, FileSize: a.Size, MIME: a.MIME,
		FileHash: &a.Digest, DocumentID: a.DocumentID, Version: a.Version, AuditEntryID: change.AuditEntryID,
	}, nil
}

func beginUpload(ctx context.Context, session *library.Session, in uploadAssetInput) (uploadAssetAnswer, error) {
	upload, err := session.BeginUpload(ctx, library.NewUpload{
		AssetPlace: in.place(), Size: *in.FileSize, MIME: in.MIME, SHA256: in.SHA256, FileHash: in.FileHash,
	})
	if err != nil {
		return uploadAssetAnswer{}, err
	}
	return uploadAssetAnswer{
		UploadMethod: "presigned", Status: string(upload.State), BookID: upload.BookID, Path: upload.Path, CDNURL: upload.CDNURL,
		FileSize: upload.Size, MIME: upload.MIME, UploadID: upload.ID, UploadURL: upload.URL, Headers: upload.Header,
		CompleteURL: upload.CompleteURL, ExpiresAt: upload.ExpiresAt.UTC().Format("2006-01-02T15:04:05Z"),
		Instructions: "PUT the file to upload_url with these headers before expires_at, then POST to complete_url, or call get_asset, which completes it too",
	}, nil
}

// checkBase64 fails if binary_data is not base64 as RFC 4648 has it in section 4:
// with padding, and without anything else in between.
func checkBase64(text string) error {
	wrong := func(format string, args ...any) error {
		return sheaf.Invalid("binary_data", "binary_data is not base64: "+fmt.Sprintf(format, args...)).
			WithHint("encode the bytes of the file with the standard alphabet (RFC 4648, section 4), with padding, without line breaks, without a data: prefix")
	}
	digits := strings.TrimRight(text, "=")
	for i := range len(digits) {
		if c := digits[i]; (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '/' {
			return wrong("%q at character %d, counted from 0, is none of its", c, i)
		}
	}
	if padding := len(text) - len(digits); len(text)%4 != 0 || padding > 2 {
		return wrong("it ends at character %d, counted from 0, with %d of padding, and not with a whole group of four", len(text), padding)
	}
	if _, err := base64.StdEncoding.Strict().DecodeString(text[max(0, len(text)-4):]); err != nil {
		return wrong("character %d, counted from 0, has bits that belong to no byte", len(digits)-1)
	}
	return nil
}

type getAssetInput struct {
	assetInput
	IncludeBinary bool `json:"include_binary"`
}

type getAssetAnswer struct {
	sheaf.Asset
	BinaryData    string `json:"binary_data,omitempty"`
	BinaryOmitted string `json:"binary_omitted,omitempty"` // why there is none
}

func getAsset(ctx context.Context, session *library.Session, in getAssetInput) (answer getAssetAnswer, err error) {
	if !in.IncludeBinary {
		answer.Asset, err = session.Asset(ctx, in.place())
		return answer, err
	}
	var content []byte
	answer.Asset, content, err = session.ReadAsset(ctx, in.place())
	if err == nil && content == nil {
		answer.BinaryOmitted = "it is too large for an answer: download it from download_url"
	}
	answer.BinaryData = base64.StdEncoding.EncodeToString(content)
	return answer, err
}

type listAssetsInput struct {
	BookID string          `json:"book_id"`
	Type   sheaf.AssetType `json:"asset_type"`
	Limit  int             `json:"limit"`
	Cursor string          `json:"cursor"`
}

type listAssetsAnswer struct {
	Assets     []sheaf.Asset `json:"assets"`
	TotalCount int           `json:"total_count"`
	Cursor     string        `json:"cursor,omitempty"`
}

func listAssets(ctx context.Context, session *library.Session, in listAssetsInput) (listAssetsAnswer, error) {
	if in.Limit == 0 {
		in.Limit = library.DefaultPage
	}
	page, err := session.Assets(ctx, library.AssetQuery{Book: in.BookID, Type: in.Type, Limit: in.Limit, Cursor: in.Cursor})
	return listAssetsAnswer{page.Assets, page.Total, page.Next}, err
}
