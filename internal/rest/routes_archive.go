package rest

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// archiveRoutes are the downloads of many documents at once.
func archiveRoutes() []route {
	const about = "The archive is computed while it is sent, and the same documents always make the same bytes: it can be resumed with Range and If-Range. " +
		"Files have the documents' filenames, or names that are paths, made unique and safe to extract anywhere. " +
		".sheaf/manifest.json says which document is which; what cannot be read is left out and listed in ERRORS.txt."
	pair := func(path, id, summary string, parameters []*huma.Param, serve mounter) []route {
		get := route{
			method: http.MethodGet, path: path, id: "download" + id, group: "Archives",
			summary:     summary + " as a ZIP file",
			description: about,
			access:      needs(sheaf.ScopeRead),
			parameters:  parameters,
			success:     archiveResponses("200", "206", "304"),
			errors:      archiveErrors(sheaf.ErrPreconditionFailed, sheaf.ErrRange),
			serve:       serve,
		}
		head := get
		head.method, head.id = http.MethodHead, "describe"+id
		head.summary, head.description = "Look at the archive without its content", "The headers of the download."
		head.success = withoutContent(archiveResponses("200", "304"))
		head.errors = archiveErrors(sheaf.ErrPreconditionFailed)
		return []route{get, head}
	}
	return slices.Concat(
		pair("/collections/{name}/archive.zip", "CollectionArchive", "Download the documents of a collection",
			slices.Concat([]*huma.Param{collectionParam()}, archiveFilters(), archiveConditions()), streaming((*server).downloadCollection)),
		pair("/documents/batch/download", "Archive", "Download documents",
			slices.Concat([]*huma.Param{
				{Name: "id", In: "query", Description: "The document with this id; given several times, all of them. Not together with filters other than at",
					Schema: &huma.Schema{Type: huma.TypeArray, Items: textSchema()}},
				queryParam("collection", "Only documents of this collection; all collections of kind documents unless given", textSchema()),
			}, archiveFilters(), archiveConditions()), streaming((*server).downloadDocuments)),
		[]route{{
			method: http.MethodPost, path: "/documents/batch/download", id: "downloadBatch", group: "Archives",
			summary:     "Download many documents as a ZIP file",
			description: "For more ids than a URL can have; otherwise use GET, whose answer can be resumed. " + about,
			access:      needs(sheaf.ScopeRead),
			body:        jsonBody[batchDownload](true),
			success:     archiveResponses("200"),
			errors:      archiveErrors(sheaf.ErrTimeout, sheaf.ErrUnsupported),
			serve:       streaming((*server).downloadBatch),
		}},
	)
}

// archiveFilters are the filters that both downloads by query have.
func archiveFilters() []*huma.Param {
	return []*huma.Param{
		queryParam("name", "Part of the name, in any case", textSchema()),
		queryParam("tags", "Tags separated by commas; a document has to have all of them", textSchema()),
		queryParam("at", "What there was at a moment: a time or, of one collection, a revision", textSchema()),
		queryParam("before", "Only documents uploaded before this time", timeSchema()),
		queryParam("after", "Only documents uploaded after this time", timeSchema()),
	}
}

func archiveConditions() []*huma.Param {
	return []*huma.Param{
		headerParam("Range", "A part of the archive, such as bytes=0-1023; several are answered with the whole"),
		headerParam("If-Range", "Send the whole archive instead of the range unless it has this ETag"),
		headerParam("If-None-Match", "Answer 304 when the archive still has this ETag"),
		headerParam("If-Match", "Answer 412 unless the archive has this ETag"),
	}
}

// archiveResponses are those of the statuses given.
func archiveResponses(statuses ...string) map[string]*huma.Response {
	content := map[string]*huma.MediaType{"application/zip": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	part := archiveHeaders()
	part["Content-Range"] = headerOf("Which bytes follow, and the size of the archive")
	all := map[string]*huma.Response{
		"200": {Description: "The archive", Headers: archiveHeaders(), Content: content},
		"206": {Description: "The range asked for", Headers: part, Content: content},
		"304": {Description: "The archive still has the ETag of If-None-Match", Headers: archiveHeaders()},
	}
	responses := map[string]*huma.Response{}
	for _, status := range statuses {
		responses[status] = all[status]
	}
	return responses
}

func archiveHeaders() map[string]*huma.Param {
	return map[string]*huma.Param{
		"X-Archive-Documents": headerOf("How many documents are in it"),
		"X-Archive-Errors":    headerOf("How many are not, because their contents cannot be read"),
		"Content-Disposition": headerOf("attachment, with a filename"),
		"Content-Length":      headerOf("The number of bytes that follow"),
		"ETag":                headerOf("The same for the same bytes"),
		"Last-Modified":       headerOf("When a document of the archive, or which they are, changed last; absent when contents cannot be read"),
		"Accept-Ranges":       headerOf("bytes, when a part can be asked for"),

		"Cache-Control":           cachingHeader(),
		"Content-Security-Policy": sandboxHeader(),
	}
}

func archiveErrors(more ...sheaf.ErrorKind) []sheaf.ErrorKind {
	return append([]sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrTooLarge, sheaf.ErrRateLimited, sheaf.ErrUnavailable, sheaf.ErrDamaged, sheaf.ErrBackendUnavailable}, more...)
}
