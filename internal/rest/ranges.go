package rest

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
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
