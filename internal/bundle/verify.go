package bundle

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/sheaf-dev/sheaf"
)

// ETagOf reads a copy of an archive and returns the ETag that it has to have come
// with: if [Archive.ETag] was another, the copy is not what was sent. Then some
// content, path or header is another; an error of the kind damaged says which
// cannot be right.
//
// Everything is read once. Of what this package has not made it says nothing.
func ETagOf(r io.ReaderAt, size int64) (string, error) {
	files, err := zip.NewReader(r, size)
	if err != nil {
		return "", damagedCopy("it is no whole ZIP file: %w", err)
	}
	start, end, err := directoryOf(r, size)
	if err != nil {
		return "", err
	}
	directory := bufio.NewReader(io.NewSectionReader(r, start, end-start))
	etag := sha256.New()
	for _, f := range files.File {
		header, err := readCentralHeader(directory)
		if err != nil {
			return "", damagedCopy("its directory ends early: %w", err)
		}
		if err := checkLocalHeader(r, f); err != nil {
			return "", err
		}
		digest, err := contentDigest(f)
		if err != nil {
			return "", err
		}
		etag.Write(header)
		etag.Write(digest)
	}
	if _, err := io.Copy(etag, io.NewSectionReader(r, end, size-end)); err != nil {
		return "", err
	}
	return `"` + hex.EncodeToString(etag.Sum(nil)) + `"`, nil
}

func damagedCopy(format string, args ...any) error {
	return sheaf.Errorf(sheaf.ErrDamaged, "the archive is damaged: "+format, args...).WithHint("download it again")
}

// Bytes of the records whose size never changes.
const (
	localHeaderSize   = 30 // without what follows
	centralHeaderSize = 46 // likewise
	endSize           = 22
	endSize64         = 56
	endLocatorSize    = 20
)

// directoryOf returns where the central directory begins and ends, in an archive
// without comment.
func directoryOf(r io.ReaderAt, size int64) (start, end int64, err error) {
	var record [endSize64]byte
	if _, err := r.ReadAt(record[:endSize], size-endSize); err != nil {
		return 0, 0, err
	}
	if le.Uint32(record[:]) != endSignature {
		return 0, 0, damagedCopy("it does not end as it should")
	}
	length, start := int64(le.Uint32(record[12:])), int64(le.Uint32(record[16:]))
	var locator [endLocatorSize]byte
	if at := size - endSize - endLocatorSize; at >= 0 {
		if _, err := r.ReadAt(locator[:], at); err != nil {
			return 0, 0, err
		}
	}
	if le.Uint32(locator[:]) == endLocatorSignature {
		if _, err := r.ReadAt(record[:], int64(le.Uint64(locator[8:]))); err != nil {
			return 0, 0, damagedCopy("its directory is not where it should be: %w", err)
		}
		length, start = int64(le.Uint64(record[40:])), int64(le.Uint64(record[48:]))
	}
	if start < 0 || length < 0 || start > size || length > size-start {
		return 0, 0, damagedCopy("its directory is not where it should be")
	}
	return start, start + length, nil
}

// readCentralHeader reads the bytes of the next header of a directory.
func readCentralHeader(r io.Reader) ([]byte, error) {
	header := make([]byte, centralHeaderSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	rest := int(le.Uint16(header[28:])) + int(le.Uint16(header[30:])) + int(le.Uint16(header[32:]))
	header = append(header, make([]byte, rest)...)
	_, err := io.ReadFull(r, header[centralHeaderSize:])
	return header, err
}

// checkLocalHeader fails unless the header before the data of an entry is the one
// that follows from the directory.
func checkLocalHeader(r io.ReaderAt, f *zip.File) error {
	e := Entry{File: File{Path: f.Name, Size: int64(f.UncompressedSize64)}, CRC32: f.CRC32, Encoding: Identity, StoredSize: int64(f.CompressedSize64)}
	if f.Method == zip.Deflate {
		e.Encoding = Deflate
	}
	want := e.appendLocalHeader(nil)
	data, err := f.DataOffset()
	if err != nil {
		return damagedCopy("%q: %w", f.Name, err)
	}
	got := make([]byte, len(want))
	if at := data - int64(len(want)); at >= 0 {
		if _, err := r.ReadAt(got, at); err != nil && err != io.EOF { // which leaves it another
			return err
		}
	}
	if !bytes.Equal(got, want) {
		return damagedCopy("the header of %q is not as its directory says", f.Name)
	}
	return nil
}

// contentDigest reads the content of an entry, which has to have the size and the
// CRC-32 that the directory says.
func contentDigest(f *zip.File) ([]byte, error) {
	content, err := f.Open()
	if err != nil {
		return nil, damagedCopy("%q: %w", f.Name, err)
	}
	defer content.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, content); err != nil {
		return nil, damagedCopy("%q: %w", f.Name, err)
	}
	return hash.Sum(nil), nil
}
