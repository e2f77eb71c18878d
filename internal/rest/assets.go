package rest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// assetPlace returns which asset of a book a request is about.
func assetPlace(r *http.Request) library.AssetPlace {
	return library.AssetPlace{Book: r.PathValue("book"), Type: sheaf.AssetType(r.PathValue("type")), Filename: r.PathValue("path")}
}

// downloadAsset streams an asset for whoever has its URL: GET and HEAD
// /books/{book}/assets/{type}/{path}. A CDN fetches it here.
func (s *server) downloadAsset(w http.ResponseWriter, r *http.Request) error {
	asset, err := s.session(r).OpenAsset(r.Context(), library.AssetRequest{AssetPlace: assetPlace(r), Parameters: r.URL.Query()})
	if err != nil {
		return err
	}
	defer asset.Close()
	describeAsset(w.Header(), asset)
	return s.sendForm(w, r, asset.Content, nil)
}

const (
	forEver = 365 * 24 * time.Hour // as long as caches keep anything

	// assetFreshness is how long a cache may answer with an asset whose URL is not
	// of one content before it asks whether there is another.
	assetFreshness = time.Minute
)

// describeAsset sets the headers of an asset. Anybody may have uploaded it, and
// it comes from the origin of the API: it must never run there.
func describeAsset(header http.Header, asset *library.OpenAsset) {
	doc := asset.Document
	header["Content-Type"] = []string{doc.MIME}
	header["Content-Disposition"] = []string{"inline"}
	if !asset.Expires.IsZero() || !isHarmless(doc.MIME) {
		header["Content-Disposition"] = []string{attachment(doc.Filename)}
	}
	header["Content-Security-Policy"] = sandboxPolicy
	header["Cross-Origin-Resource-Policy"] = []string{"cross-origin"}
	header["Cache-Control"] = []string{assetCaching(asset, time.Now())}
	header["Last-Modified"] = []string{doc.UpdatedAt.UTC().Format(http.TimeFormat)}
}

// isHarmless reports whether browsers show contents of a type, and run nothing
// that is in them.
func isHarmless(mimeType string) bool {
	kind, _, _ := strings.Cut(mimeType, "/")
	return kind == "audio" || kind == "video" || kind == "image" && mimeType != "image/svg+xml"
}

func assetCaching(asset *library.OpenAsset, now time.Time) string {
	fresh, whose := assetFreshness, "public"
	if asset.Pinned {
		fresh = forEver
	}
	if !asset.Expires.IsZero() {
		fresh, whose = min(fresh, max(asset.Expires.Sub(now), 0)), "private"
	}
	caching := whose + ", max-age=" + strconv.Itoa(int(fresh.Seconds()))
	if asset.Pinned {
		return caching + ", immutable"
	}
	return caching + ", must-revalidate"
}

// An assetChange is the answer to a new content of an asset.
type assetChange struct {
	Mode sheaf.ChangeMode `json:"mode" doc:"What was done: created, updated or unchanged"`
	sheaf.Asset
	PreviousVersion int   `json:"previous_version" doc:"The current one before; 0 for none"`
	Revision        int64 `json:"revision" doc:"Of the book"`
	AuditEntryID    int64 `json:"audit_entry_id,omitempty" doc:"The log entry of the change; absent when nothing was stored"`
}

func describeAssetChange(c library.AssetChange) assetChange {
	return assetChange{Mode: c.Mode, Asset: c.Asset, PreviousVersion: c.PreviousVersion, Revision: c.Revision, AuditEntryID: c.AuditEntryID}
}

// writeAsset stores an asset: PUT /books/{book}/assets/{type}/{path}.
func (s *server) writeAsset(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	condition, err := parseCondition(r.Header, query.Get("file_hash"), "")
	digest, digestErr := parseOptionalDigest("sha256", query.Get("sha256"))
	if err := sheaf.InvalidFields(err, digestErr, checkWholeBody(r.Header)); err != nil {
		return err
	}
	if err := tooLong(w, r, s.limits.Asset, fmt.Sprintf("an asset is %d", s.limits.Asset)); err != nil {
		return err
	}
	session := s.session(r)
	var content *library.Upload
	err = s.receive(w, r, func(body io.Reader) (err error) {
		reader := &failingReader{from: body}
		if content, err = session.ReceiveAsset(r.Context(), reader); reader.err != nil {
			return cutOff(reader.err)
		}
		return err
	})
	if content != nil {
		defer content.Close()
	}
	if err != nil {
		return err
	}
	change, err := session.PutAsset(r.Context(), library.AssetWrite{
		AssetPlace: assetPlace(r), MIME: unlessGeneric(r.Header.Get("Content-Type")), SHA256: digest, Content: content,
		FileHash: condition.fileHash, First: condition.first, Existing: condition.existing, Message: query.Get("message"),
	})
	if err != nil {
		return condition.refused(err)
	}
	w.Header()["Etag"] = []string{contentTag(change.Asset.Digest)}
	return s.writeJSON(w, http.StatusOK, describeAssetChange(change))
}

// unlessGeneric returns the Content-Type of a file, none for those that clients
// send of themselves.
func unlessGeneric(contentType string) string {
	mediaType, _, _ := strings.Cut(contentType, ";")
	switch strings.TrimSpace(strings.ToLower(mediaType)) {
	case "application/octet-stream", "application/x-www-form-urlencoded":
		return ""
	}
	return contentType
}

// parseOptionalDigest reads a digest; nil for none.
func parseOptionalDigest(field, text string) (*sheaf.Digest, error) {
	if text == "" {
		return nil, nil
	}
	digest, err := sheaf.ParseDigest(strings.TrimSpace(text))
	if err != nil {
		return nil, sheaf.Invalid(field, err.Error())
	}
	return &digest, nil
}

// getAsset describes an asset: GET /books/{book}/asset-metadata/{type}/{path}.
func (s *server) getAsset(w http.ResponseWriter, r *http.Request) error {
	asset, err := s.session(r).Asset(r.Context(), assetPlace(r))
	if err != nil {
		return err
	}
	return s.writeJSON(w, http.StatusOK, asset)
}

type listAssetsInput struct{ call }

type listAssetsOutput struct {
	Link  string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Total string `header:"X-Total-Count" doc:"How many assets there are on all pages"`
	Body  []sheaf.Asset
}

// listAssets lists assets of a book: GET /books/{book}/assets.
func (s *server) listAssets(ctx context.Context, in *listAssetsInput) (*listAssetsOutput, error) {
	query := in.request.URL.Query()
	limit, err := parseLimit(query.Get("limit"))
	if err != nil {
		return nil, err
	}
	page, err := s.session(in.request).Assets(ctx, library.AssetQuery{
		Book: in.request.PathValue("book"), Type: sheaf.AssetType(query.Get("asset_type")), Limit: limit, Cursor: query.Get("cursor"),
	})
	if err != nil {
		return nil, err
	}
	return &listAssetsOutput{Link: s.pageBehind(in.request, query, page.Next), Total: strconv.Itoa(page.Total), Body: page.Assets}, nil
}
