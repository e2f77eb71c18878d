package sheaf

import "time"

// An AssetType is a kind of asset, and the directory below assets of a book that
// has those of the kind.
type AssetType string

const (
	AssetSlides AssetType = "slides"
	AssetImages AssetType = "images"
	AssetVideos AssetType = "videos"
	AssetAudio  AssetType = "audio"
)

// AssetTypes are all there are.
func AssetTypes() []AssetType { return []AssetType{AssetSlides, AssetImages, AssetVideos, AssetAudio} }

// An Asset is a picture, a film, a recording or a set of slides of a book: the
// document at assets/TYPE/FILENAME.
type Asset struct {
	BookID     Slug       `json:"book_id"`
	Type       AssetType  `json:"asset_type"`
	Filename   string     `json:"filename"` // below the directory of the type
	Path       string     `json:"path"`     // in the book
	DocumentID DocumentID `json:"document_id"`
	Version    int        `json:"version"`

	// CDNURL stays the same whatever the asset becomes. PinnedURL is of the
	// current content for good, so that caches may keep it. Both are for anyone if
	// Public is true; else they say so, and DownloadURL is the way.
	CDNURL    string `json:"cdn_url"`
	PinnedURL string `json:"pinned_url"`
	Public    bool   `json:"public"`

	// DownloadURL is of the current content, for whoever has it, until
	// DownloadExpiresAt. It may lead to a backend, not all of which answer with
	// the type of the asset: MIME is what counts. Listings do not have it.
	DownloadURL       string     `json:"download_url,omitempty"`
	DownloadExpiresAt *time.Time `json:"download_expires_at,omitempty"`

	Size            int64     `json:"file_size"`
	MIME            string    `json:"mime_type"`
	Digest          Digest    `json:"file_hash_sha256"`
	UploadedAt      time.Time `json:"upload_timestamp"` // of the current version
	UploadedBy      string    `json:"uploaded_by_agent_id"`
	UploadedByLabel string    `json:"uploaded_by_label,omitempty"` // what the uploader calls itself
	Backend         string    `json:"storage_backend"`
}

// An AssetUpload is an upload in two steps: the bytes go to a URL that carries
// its own permission, and the asset is made of them when the upload is
// completed, by its id or by the first who asks for the asset.
type AssetUpload struct {
	ID       string      `json:"upload_id"`
	BookID   Slug        `json:"book_id"`
	Type     AssetType   `json:"asset_type"`
	Filename string      `json:"filename"`
	Path     string      `json:"path"`
	Size     int64       `json:"file_size"`
	MIME     string      `json:"mime_type"`
	Digest   *Digest     `json:"sha256,omitempty"` // that the bytes have to have; nil: any
	State    UploadState `json:"state"`
	Document DocumentID  `json:"document_id,omitempty"` // of a completed upload: what has the bytes
	Version  int         `json:"version,omitempty"`

	// Method, URL and Header are of the request that brings the bytes; none once
	// there is nothing to bring any more.
	Method      string            `json:"method,omitempty"`
	URL         string            `json:"upload_url,omitempty"`
	Header      map[string]string `json:"headers,omitempty"`
	CompleteURL string            `json:"complete_url,omitempty"`
	CDNURL      string            `json:"cdn_url"`
	ExpiresAt   time.Time         `json:"expires_at"`

	// Error says why an upload failed.
	Error string `json:"error,omitempty"`
}

// An UploadState says how far an upload is.
type UploadState string

const (
	UploadWaiting   UploadState = "waiting"   // for its bytes
	UploadReceived  UploadState = "received"  // the bytes are there, and no asset yet
	UploadCompleted UploadState = "completed" // the asset has the bytes
	UploadFailed    UploadState = "failed"    // the bytes were not what was announced, or could not become the asset
	UploadCancelled UploadState = "cancelled"
	UploadExpired   UploadState = "expired" // the bytes never came
)
