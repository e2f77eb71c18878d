package rest

import (
	"net/http"
	"strings"
)

// Names and filenames are Unicode, header values are printable ASCII. A value
// goes into a header as it is when nothing in it needs encoding. Otherwise every
// byte that is not printable ASCII, and every "%", is percent-encoded, and a
// second header with a "*" after its name has the same value in the form of RFC
// 8187. A value that happens to look encoded (a "%" before two hexadecimal
// digits) is encoded too, so that decoding is never in doubt: percent-decode
// where that is possible and take the value as it is where it is not.

const upperHex = "0123456789ABCDEF"

// setName puts a value into the header called name, with its twin if need be.
func setName(header http.Header, name, value string) {
	if !needsEncoding(value) {
		header[name] = []string{value}
		return
	}
	header[name] = []string{encodeName(value)}
	header[name+"*"] = []string{extValue(value)}
}

// needsEncoding reports whether a header cannot carry s as it is.
func needsEncoding(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~':
			return true
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			return true
		}
	}
	// White space around a header's value is not part of it.
	return s != "" && (s[0] == ' ' || s[len(s)-1] == ' ')
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// encodeName percent-encodes s. Spaces within it stay, for people's sake.
func encodeName(s string) string {
	return percentEncode(s, func(i int) bool {
		c := s[i]
		return c > ' ' && c <= '~' && c != '%' || c == ' ' && i > 0 && i < len(s)-1
	})
}

// extValue returns s as an ext-value of RFC 8187.
func extValue(s string) string {
	return "UTF-8''" + percentEncode(s, func(i int) bool { return isAttrChar(s[i]) })
}

func isAttrChar(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' ||
		strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}

// percentEncode encodes the bytes of s at which keep is false.
func percentEncode(s string, keep func(i int) bool) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/2)
	for i := range len(s) {
		if keep(i) {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[s[i]>>4])
		b.WriteByte(upperHex[s[i]&15])
	}
	return b.String()
}

// attachment returns the Content-Disposition of a download (RFC 6266). It is
// never inline: what someone uploaded must not run in this server's origin.
func attachment(filename string) string {
	plain := func(i int) bool {
		c := filename[i]
		return c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '%'
	}
	simple := true
	for i := range len(filename) {
		simple = simple && plain(i)
	}
	if simple {
		return `attachment; filename="` + filename + `"`
	}
	// What cannot be said in the plain parameter is left out of it; clients of
	// the last fifteen years read filename*.
	fallback := []byte(filename)
	for i := range fallback {
		if !plain(i) {
			fallback[i] = '_'
		}
	}
	return `attachment; filename="` + string(fallback) + `"; filename*=` + extValue(filename)
}
