package library

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// assetMIMETypes are the MIME types that assets of each type may have. A file has
// the type that goes with its name.
var assetMIMETypes = map[sheaf.AssetType][]string{
	sheaf.AssetSlides: {
		"application/pdf", "application/vnd.ms-powerpoint",
		"application/vnd.openxmlformats-officedocument.presentationml.presentation",
		"application/vnd.oasis.opendocument.presentation", "text/html", "text/markdown",
	},
	sheaf.AssetImages: {
		"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml", "image/bmp", "image/tiff",
		"image/jxl", "image/vnd.microsoft.icon",
	},
	sheaf.AssetVideos: {
		"video/mp4", "video/webm", "video/ogg", "video/quicktime", "video/matroska", "video/mpeg", "video/x-msvideo",
		"text/vtt", "application/x-subrip", // subtitles
	},
	sheaf.AssetAudio: {
		"audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/opus", "audio/wav", "audio/flac", "audio/webm", "audio/midi",
	},
}

func isAssetType(t sheaf.AssetType) bool { return assetMIMETypes[t] != nil }

func joinAssetTypes() string {
	var names []string
	for _, t := range sheaf.AssetTypes() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

// checkAssetMIME returns the MIME type of an asset, which goes with its filename,
// and what is wrong with it. The one that its sender gives has to be the same; it
// may be empty.
func checkAssetMIME(of sheaf.AssetType, filename, given string) (string, error) {
	named := mimeType(filename)
	allowed := assetMIMETypes[of]
	switch {
	case allowed == nil: // which is wrong enough
		return named, nil
	case !slices.Contains(allowed, named):
		return named, sheaf.Invalid("filename", fmt.Sprintf("%q is %s by its name, which does not belong into %s; allowed are %s",
			sheaf.Clip(filename), named, of, strings.Join(allowed, ", ")))
	case given == "":
		return named, nil
	}
	parsed, _, err := mime.ParseMediaType(given)
	if err != nil || !sameMIME(parsed, named) {
		return named, sheaf.Invalid("mime_type", fmt.Sprintf("%q is not the type of %q, which is %s by its name: leave mime_type out, or rename the file",
			sheaf.Clip(given), sheaf.Clip(filename), named))
	}
	return named, nil
}

// otherMIMENames are names of MIME types that others use for those of ours.
var otherMIMENames = map[string]string{
	"image/jpg": "image/jpeg", "image/x-icon": "image/vnd.microsoft.icon", "image/svg": "image/svg+xml", "image/x-ms-bmp": "image/bmp",
	"audio/mp3": "audio/mpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav", "audio/x-flac": "audio/flac", "audio/m4a": "audio/mp4",
	"audio/x-m4a": "audio/mp4", "audio/mid": "audio/midi", "audio/x-midi": "audio/midi", "video/x-matroska": "video/matroska",
	"video/avi": "video/x-msvideo", "text/x-markdown": "text/markdown", "text/srt": "application/x-subrip",
}

func sameMIME(given, ours string) bool { return given == ours || otherMIMENames[given] == ours }

// sniffed is how many bytes of a content are looked at to tell what it is.
const sniffed = 4096

// mayBe are the MIME types that a content may have which begins as one of
// another type does, besides that type itself.
var mayBe = map[string][]string{
	"image/x-icon":    {"image/vnd.microsoft.icon"},
	"video/webm":      {"audio/webm", "video/matroska"},
	"application/ogg": {"audio/ogg", "video/ogg", "audio/opus"},
	"audio/wave":      {"audio/wav"},
	"video/avi":       {"video/x-msvideo"},
	"video/mp4":       {"audio/mp4", "video/quicktime"},
	"application/zip": {"application/vnd.openxmlformats-officedocument.presentationml.presentation", "application/vnd.oasis.opendocument.presentation"},
}

// recognised are the binary types whose contents always begin in a way that is
// recognised, so that another beginning is of something else.
var recognised = []string{
	"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "application/pdf", "audio/wav", "audio/midi", "video/webm", "audio/webm",
	"video/ogg", "audio/ogg", "application/vnd.openxmlformats-officedocument.presentationml.presentation", "application/vnd.oasis.opendocument.presentation",
}

// checkBeginning compares the first bytes of a content, up to [sniffed], with the
// MIME type that it is said to have. It is cheap, and no proof.
func checkBeginning(head []byte, mimeType string) error {
	if len(head) == 0 {
		return sheaf.Invalid("content", "the file is empty")
	}
	found, _, _ := strings.Cut(http.DetectContentType(head), ";")
	isText := strings.HasPrefix(mimeType, "text/") || mimeType == "image/svg+xml" || mimeType == "application/x-subrip"
	fits := false
	switch {
	case mimeType == "image/svg+xml":
		fits = strings.HasPrefix(found, "text/") && bytes.Contains(head, []byte("<svg"))
	case isText:
		fits = strings.HasPrefix(found, "text/")
	case found == "application/octet-stream":
		fits = !slices.Contains(recognised, mimeType)
	default:
		fits = found == mimeType || slices.Contains(mayBe[found], mimeType)
	}
	if fits {
		return nil
	}
	if found == "application/octet-stream" {
		found = "something else"
	}
	return sheaf.Invalid("content", fmt.Sprintf("the file is named as %s, and its bytes are %s: rename it, or send the right file", mimeType, found))
}

// checkContent compares a content that has arrived with the MIME type that it is
// said to have.
func (u *Upload) checkContent(mimeType string) error {
	content, err := u.spooled.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	head := make([]byte, sniffed)
	n, err := io.ReadFull(content, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	return checkBeginning(head[:n], mimeType)
}
