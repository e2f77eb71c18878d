package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Weights say how well the forms of a content suit a client: 1 is best, 0 is
// not at all.
type weights struct{ gzip, identity float64 }

// barelyAcceptable is the weight of identity when Accept-Encoding does not
// speak of it: always acceptable (RFC 9110, section 12.5.3), never preferred.
const barelyAcceptable = 0.0001

// acceptEncoding reads the lines of an Accept-Encoding header.
func acceptEncoding(lines []string) weights {
	if len(lines) == 0 {
		return weights{gzip: 0, identity: 1}
	}
	const unset = -1.0
	accepted := weights{gzip: unset, identity: unset}
	others := unset
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			coding, params, _ := strings.Cut(item, ";")
			switch coding = strings.TrimSpace(coding); {
			case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
				accepted.gzip = quality(params)
			case strings.EqualFold(coding, "identity"):
				accepted.identity = quality(params)
			case coding == "*":
				others = quality(params)
			}
		}
	}
	if accepted.gzip == unset {
		accepted.gzip = max(others, 0)
	}
	if accepted.identity == unset {
		accepted.identity = others
	}
	if accepted.identity == unset {
		accepted.identity = barelyAcceptable
	}
	return accepted
}

// quality reads the weight in the parameters of a list's item: 1 unless there
// is one, and 0 for one that cannot be read, which is the cautious way.
func quality(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}

// readsSizeFromContentLength reports whether the sender is the seed's Python
// client, or looks like it: httpx asks for gzip by default and unpacks it
// silently, but the client shows Content-Length as the document's size, which
// for the gzip form is another number. It gets the plain bytes. A program that
// uses httpx and sets Accept-Encoding itself means what it says.
func readsSizeFromContentLength(header http.Header) bool {
	return strings.HasPrefix(header.Get("User-Agent"), "python-httpx/") &&
		strings.HasPrefix(header.Get("Accept-Encoding"), "gzip, deflate")
}

// A precondition is what the conditional headers of a request come to.
type precondition int

const (
	proceed precondition = iota
	notModified
	failed
)

// checkPreconditions evaluates the conditional headers of a GET or HEAD in the
// order of RFC 9110, section 13.2.2; ranges are left to http.ServeContent.
// Selected is the ETag of what is about to be sent, which may be one of several
// forms of one content: If-Match is about the content and accepts any of forms.
func checkPreconditions(header http.Header, selected string, forms []string, modified time.Time) precondition {
	modified = modified.Truncate(time.Second)
	if lines := header["If-Match"]; len(lines) > 0 {
		if !matchesAny(lines, forms, false) {
			return failed
		}
	} else if since, given := timeOf(header, "If-Unmodified-Since"); given && modified.After(since) {
		return failed
	}
	if lines := header["If-None-Match"]; len(lines) > 0 {
		if matchesAny(lines, []string{selected}, true) {
			return notModified
		}
	} else if since, given := timeOf(header, "If-Modified-Since"); given && !modified.IsZero() && !modified.After(since) {
		return notModified
	}
	return proceed
}

// timeOf returns the time in a header; one that cannot be read is as good as none.
func timeOf(header http.Header, name string) (time.Time, bool) {
	values := header[name]
	if len(values) == 0 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(values[0])
	return t, err == nil
}

// matchesAny reports whether a list of entity tags has one of etags, or is "*".
// Weak tags count only in a weak comparison.
func matchesAny(lines, etags []string, weak bool) bool {
	for _, line := range lines {
		for line = nextTag(line); line != ""; line = nextTag(line) {
			if line[0] == '*' {
				return true
			}
			tag, isWeak := strings.CutPrefix(line, "W/")
			if tag == "" || tag[0] != '"' {
				break // not a list of tags; what cannot be read does not match
			}
			end := strings.IndexByte(tag[1:], '"')
			if end < 0 {
				break
			}
			tag, line = tag[:end+2], tag[end+2:]
			if isWeak && !weak {
				continue
			}
			for _, etag := range etags {
				if tag == etag {
					return true
				}
			}
		}
	}
	return false
}

// nextTag skips what separates the items of a list.
func nextTag(list string) string { return strings.TrimLeft(list, ", \t") }
