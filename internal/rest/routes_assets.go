package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

const (
	assetRef       = schemaPrefix + "Asset"
	assetChangeRef = schemaPrefix + "AssetChange"
	assetUploadRef = schemaPrefix + "AssetUpload"
)

// assetRoutes are the operations on assets of books, and on uploads of them.
func assetRoutes() []route {
	const path = "/books/{book}/assets/{type}/{path}"
	const ofURL = "Anyone may read the assets of a book with public_assets, for which a CDN may stand before it. " +
		"Those of other books need the signature that a download_url has. A URL with sha256 is of that content for good."
	return []route{
		{
			method: http.MethodGet, path: "/books/{book}/assets", id: "listAssets", group: "Assets",
			summary:    "List the assets of a book",
			access:     needs(sheaf.ScopeRead),
			parameters: []*huma.Param{bookParam(), queryParam("asset_type", "Only assets of this type", assetTypeSchema()), limitParam("assets"), cursorParam()},
			success:    map[string]*huma.Response{"200": {Description: "The assets, in the order of their paths"}},
			errors:     []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:      answering((*server).listAssets),
		},
		{
			method: http.MethodGet, path: path, id: "readAsset", group: "Assets",
			summary: "Download an asset by its URL", description: ofURL,
			access:     needs(sheaf.ScopeRead),
			parameters: readAssetParams(),
			success:    assetResponses(),
			errors:     downloadErrors(),
			serve:      streaming((*server).downloadAsset),
		},
		{
			method: http.MethodHead, path: path, id: "describeAsset", group: "Assets",
			summary: "Look at an asset without reading it", description: ofURL,
			access:     needs(sheaf.ScopeRead),
			parameters: readAssetParams(),
			success:    withoutContent(assetResponses()),
			errors:     downloadErrors(),
			serve:      streaming((*server).downloadAsset),
		},
		{
			method: http.MethodPut, path: path, id: "writeAsset", group: "Assets",
			summary: "Store an asset",
			description: "The body is the file, byte for byte. Its type follows from its name, has to be one of those that belong to the type of asset, " +
				"and to be that of its first bytes.",
			access: needs(sheaf.ScopeWrite),
			parameters: append(assetParams(),
				queryParam("sha256", "That the file has to have", textSchema()),
				queryParam("file_hash", "The SHA-256 of the content that this one replaces", textSchema()),
				headerParam("If-Match", "The same as an ETag, in its place; a conflict is then 412"),
				queryParam("message", "Why, for the history", textSchema())),
			body: contentBody,
			success: map[string]*huma.Response{"200": {
				Description: "The asset is stored",
				Headers:     map[string]*huma.Param{"ETag": headerOf("Of the content: its SHA-256 in quotes")},
				Content:     jsonContent(assetChangeRef),
			}},
			errors: append(writeErrors(), sheaf.ErrExists),
			serve:  streaming((*server).writeAsset),
		},
		{
			method: http.MethodGet, path: "/books/{book}/asset-metadata/{type}/{path}", id: "getAsset", group: "Assets",
			summary:    "Describe an asset",
			access:     needs(sheaf.ScopeRead),
			parameters: assetParams(),
			success:    map[string]*huma.Response{"200": {Description: "The asset, with a URL to download it", Content: jsonContent(assetRef)}},
			errors:     []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable, sheaf.ErrBackendUnavailable},
			serve:      streaming((*server).getAsset),
		},
		{
			method: http.MethodPost, path: "/uploads", id: "beginUpload", group: "Assets",
			summary: "Begin an upload in two steps",
			description: "For large assets: the bytes are sent to upload_url, which needs no key and need not lead here. " +
				"The asset is made of them when the upload is completed, or when somebody asks for the asset.",
			access:  needs(sheaf.ScopeWrite),
			body:    jsonBody[uploadStart](true),
			success: map[string]*huma.Response{"200": {Description: "Where to send the bytes, and how"}},
			errors:  append(writeErrors(), sheaf.ErrExists),
			serve:   answering((*server).beginUpload),
		},
		{
			method: http.MethodGet, path: "/uploads/{upload_id}", id: "getUpload", group: "Assets",
			summary:    "Say how far an upload is",
			access:     needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{uploadIDParam()},
			success:    map[string]*huma.Response{"200": {Description: "The upload"}},
			errors:     []sheaf.ErrorKind{sheaf.ErrNotFound, sheaf.ErrUnavailable, sheaf.ErrBackendUnavailable},
			serve:      answering((*server).getUpload),
		},
		{
			method: http.MethodPut, path: "/uploads/{upload_id}", id: "stageUpload", group: "Assets",
			summary:     "Send the bytes of an upload",
			description: "Only to an upload_url as it was given: the signature in it is the permission, for exactly this upload. Nothing sees the bytes before the upload is completed.",
			access:      needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{uploadIDParam(),
				queryParam("expires", "Until when the URL is good", textSchema()),
				queryParam("signature", "Of all that was announced", textSchema())},
			body:    contentBody,
			success: map[string]*huma.Response{"200": {Description: "The bytes are there, and wait to be completed", Content: jsonContent(assetUploadRef)}},
			errors:  append(writeErrors(), sheaf.ErrExists),
			serve:   streaming((*server).stageUpload),
		},
		{
			method: http.MethodDelete, path: "/uploads/{upload_id}", id: "cancelUpload", group: "Assets",
			summary:    "Cancel an upload",
			access:     needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{uploadIDParam()},
			success:    map[string]*huma.Response{"200": {Description: "Nothing becomes of it"}},
			errors:     []sheaf.ErrorKind{sheaf.ErrNotFound, sheaf.ErrExists, sheaf.ErrUnavailable, sheaf.ErrBackendUnavailable},
			serve:      answering((*server).cancelUpload),
		},
		{
			method: http.MethodPost, path: "/uploads/{upload_id}/complete", id: "completeUpload", group: "Assets",
			summary:     "Make an asset of an upload",
			description: "Completing it again answers with what has become of it.",
			access:      needs(sheaf.ScopeWrite),
			parameters:  []*huma.Param{uploadIDParam()},
			body:        jsonBody[uploadCompletion](false),
			success:     map[string]*huma.Response{"200": {Description: "The asset is stored"}},
			errors:      append(writeErrors(), sheaf.ErrExists),
			serve:       answering((*server).completeUpload),
		},
	}
}

func uploadIDParam() *huma.Param {
	return &huma.Param{Name: "upload_id", In: "path", Required: true, Description: "The upload's id", Schema: textSchema()}
}

func assetTypeSchema() *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString}
	for _, t := range sheaf.AssetTypes() {
		schema.Enum = append(schema.Enum, string(t))
	}
	return schema
}

func assetParams() []*huma.Param {
	return []*huma.Param{
		bookParam(),
		{Name: "type", In: "path", Required: true, Description: "The type of asset", Schema: assetTypeSchema()},
		{Name: "path", In: "path", Required: true, Description: "The filename below the directory of the type, slashes and all", Schema: textSchema()},
	}
}

func readAssetParams() []*huma.Param {
	params := append(assetParams(),
		queryParam("sha256", "Only the content with this digest, which caches may keep for good", textSchema()),
		queryParam("expires", "Of a signed URL", textSchema()),
		queryParam("signature", "Of a signed URL", textSchema()))
	for _, p := range downloadParams() {
		if p.In == "header" && p.Name != "Accept-Encoding" {
			params = append(params, p)
		}
	}
	return params
}

// assetResponses are those of a download that says less of the document, because
// whoever has the URL need not know, and more about caches.
func assetResponses() map[string]*huma.Response {
	responses := downloadResponses()
	for _, response := range responses {
		for _, name := range []string{"X-Document-Id", "X-Document-Name", "X-Document-Filename", "Content-Encoding", "Vary"} {
			delete(response.Headers, name)
		}
		response.Headers["Content-Disposition"] = headerOf("inline for pictures, sound and films, attachment for what could run, and for signed URLs")
		response.Headers["Cache-Control"] = headerOf("public or, for a signed URL, private; with sha256 for good, else for a minute")
		response.Headers["Cross-Origin-Resource-Policy"] = headerOf("cross-origin: pages of any site may show it")
	}
	return responses
}
