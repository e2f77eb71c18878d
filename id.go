package sheaf

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
)

// A DocumentID names a document for good: "doc_" and twelve lowercase
// hexadecimal digits. It is not derived from the content.
type DocumentID string

const (
	documentIDPrefix = "doc_"
	documentIDDigits = 12
)

// NewDocumentID returns a random id. Whoever stores it checks for collisions.
func NewDocumentID() DocumentID {
	var random [documentIDDigits / 2]byte
	rand.Read(random[:]) // never fails, see crypto/rand.Read
	return DocumentID(documentIDPrefix + hex.EncodeToString(random[:]))
}

// ParseDocumentID checks the form of an id, after trimming white space.
func ParseDocumentID(s string) (DocumentID, error) {
	s = strings.TrimSpace(s)
	digits, found := strings.CutPrefix(s, documentIDPrefix)
	if !found || len(digits) != documentIDDigits || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", Invalid("document_id", fmt.Sprintf("a document id is doc_ and 12 hexadecimal digits, such as doc_0123456789ab; %q is not", Clip(s)))
	}
	return DocumentID(s), nil
}

// NewOperationID returns a random id for the entries of one operation over
// several streams; see [LogPayload.OperationID].
func NewOperationID() string {
	var random [8]byte
	rand.Read(random[:]) // never fails, see crypto/rand.Read
	return "op_" + hex.EncodeToString(random[:])
}

// A Slug names a collection: lowercase letters, digits and single hyphens, 3 to
// 50 characters.
type Slug string

// DefaultCollection always exists and is of kind [KindDocuments].
const DefaultCollection Slug = "default"

// SystemStream is the stream of log entries that belong to no collection. It is
// no slug, so that no collection can have its name.
const SystemStream = "_system"

const (
	minSlug = 3
	maxSlug = 50
)

// ParseSlug checks a collection's name, after trimming white space. Field is
// what the caller calls it, for the error.
func ParseSlug(field, s string) (Slug, error) {
	s = strings.TrimSpace(s)
	ok := len(s) >= minSlug && len(s) <= maxSlug && s[0] != '-' && s[len(s)-1] != '-' && !strings.Contains(s, "--")
	if !ok || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", Invalid(field, fmt.Sprintf("a collection's name has 3 to 50 lowercase letters, digits and single hyphens, such as field-notes; %q has not", Clip(s)))
	}
	return Slug(s), nil
}

// Clip shortens what a caller said, for an error that repeats it.
func Clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
