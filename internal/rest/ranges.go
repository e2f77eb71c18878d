package rest

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// maxRanges is how many ranges a request may ask for and get. One with more gets the
// whole: for each range a deflated content may have to be inflated from its start.
const maxRanges = 16

// servedRanges returns the Range header of a request as http.ServeContent is to
// see it, empty when the whole is to be sent: without one, for a unit that
// nobody knows (RFC 9110, section 14.2) and for too many ranges. Positions beyond
// an int64 are beyond every content, and http.ServeContent would take them for
// nonsense.
func servedRanges(header http.Header) string {
	unit, list, _ := strings.Cut(header.Get("Range"), "=")
	if !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return ""
	}
	ranges := strings.Split(list, ",")
	if len(ranges) > maxRanges {
		return ""
	}
	for i, r := range ranges {
		if first, last, found := strings.Cut(r, "-"); found {
			ranges[i] = clampPosition(first) + "-" + clampPosition(last)
		}
	}
	return "bytes=" + strings.Join(ranges, ",")
}

// clampPosition returns the decimal number s, or the largest int64 if s is larger.
// What is no number is returned as it is, to be refused.
func clampPosition(s string) string {
	s = strings.TrimSpace(s)
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) && n > 0 {
		return strconv.FormatInt(math.MaxInt64, 10)
	}
	return s
}

// withRanges returns r asking for ranges, as servedRanges returns them.
func withRanges(r *http.Request, ranges string) *http.Request {
	if r.Header.Get("Range") == ranges {
		return r
	}
	r = withoutHeaders(r, "Range")
	if ranges != "" {
		r.Header.Set("Range", ranges)
	}
	return r
}

// A byteRange is a part of a content. It is not empty unless the content is.
type byteRange struct{ offset, length int64 }

// contentRange returns the range as the header Content-Range has it.
func (p byteRange) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", p.offset, p.offset+p.length-1, size)
}

// rangeIsOf reports whether the Range of a request, if it has one, is meant of
// what has the strong ETag. A date in If-Range is of nothing: two changes may
// share their second.
func rangeIsOf(header http.Header, etag string) bool {
	condition := header.Get("If-Range")
	return condition == "" || condition == etag
}

// onlyRange returns the range that a request asks for of size bytes, for what
// http.ServeContent cannot serve. Found is false when the whole is to be sent;
// that is the answer to several ranges, too. A range that is not within the
// content, or cannot be read, is ErrRange.
func onlyRange(header http.Header, size int64) (part byteRange, found bool, err error) {
	whole := byteRange{0, size}
	list, _ := strings.CutPrefix(servedRanges(header), "bytes=")
	ranges := slices.DeleteFunc(strings.Split(list, ","), func(r string) bool { return r == "" })
	if len(ranges) != 1 {
		return whole, false, nil
	}
	first, last, isRange := strings.Cut(ranges[0], "-")
	start, firstErr := strconv.ParseUint(first, 10, 63)
	end, lastErr := strconv.ParseUint(last, 10, 63)
	switch {
	case !isRange:
	case first == "" && lastErr == nil && end > 0 && size > 0: // the last bytes
		length := min(int64(end), size)
		return byteRange{size - length, length}, true, nil
	case firstErr != nil || int64(start) >= size:
	case last == "":
		return byteRange{int64(start), size - int64(start)}, true, nil
	case lastErr == nil && start <= end:
		return byteRange{int64(start), min(int64(end), size-1) - int64(start) + 1}, true, nil
	}
	return whole, false, errOutside(header, size)
}

// errOutside is for a Range of which nothing is within a content of size bytes.
func errOutside(header http.Header, size int64) error {
	return sheaf.Errorf(sheaf.ErrRange, "the range %q is not within the content", sheaf.Clip(header.Get("Range"))).
		WithHint("the content has " + strconv.FormatInt(size, 10) + " bytes; ask like Range: bytes=0-1023")
}
