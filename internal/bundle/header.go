package bundle

import (
	"encoding/binary"
	"math"
)

// The records of a ZIP file, as in PKWARE's APPNOTE.TXT 6.3.10, whose sections
// are in parentheses. All numbers are little-endian. design/archives.md says
// why the fields are what they are.
const (
	localSignature      = 0x04034b50 // (4.3.7)
	centralSignature    = 0x02014b50 // (4.3.12)
	endSignature64      = 0x06064b50 // (4.3.14)
	endLocatorSignature = 0x07064b50 // (4.3.15)
	endSignature        = 0x06054b50 // (4.3.16)

	// Version made by (4.4.2): Unix, which says what the external attributes
	// are, and the version 6.3 of the specification.
	madeBy = 3<<8 | 63

	// Versions needed to extract (4.4.3.2).
	needsStored  = 10
	needsDeflate = 20
	needsZip64   = 45

	flagUTF8 = 1 << 11 // paths are UTF-8 (4.4.4, appendix D)

	methodStored  = 0 // (4.4.5)
	methodDeflate = 8

	// Midnight of 1980-01-01, the first moment there is (4.4.6).
	dosTime = 0
	dosDate = 0<<9 | 1<<5 | 1

	// A regular file that its owner may write and all may read, in the upper
	// half of the external attributes (4.4.15), where Unix programs look.
	regularFile = 0o100644 << 16

	zip64Tag = 0x0001 // of the extra field with what needs 64 bits (4.5.3)

	// What a field says when its value is in a zip64 record (4.4.1.4). So a
	// value that is this very number has to be there, too.
	in64of32 = math.MaxUint32
	in64of16 = math.MaxUint16
)

var le = binary.LittleEndian

// isLarge reports whether the sizes of an entry need 64 bits. Then both are in
// the zip64 field of both headers: the local one must have both (4.5.3), and
// programs compare the two.
func (e *Entry) isLarge() bool { return e.Size >= in64of32 || e.StoredSize >= in64of32 }

// appendLocalHeader appends what comes before the data of an entry (4.3.7).
func (e *Entry) appendLocalHeader(b []byte) []byte {
	b = le.AppendUint32(b, localSignature)
	if !e.isLarge() {
		b = e.appendShared(b, e.versionNeeded(), 0)
		return append(b, e.Path...)
	}
	b = e.appendShared(b, needsZip64, 4+8+8)
	b = append(b, e.Path...)
	b = le.AppendUint16(b, zip64Tag)
	b = le.AppendUint16(b, 8+8)
	b = le.AppendUint64(b, uint64(e.Size))
	return le.AppendUint64(b, uint64(e.StoredSize))
}

// appendCentralHeader appends the entry of the central directory (4.3.12) for
// an entry whose local header is at offset.
func (e *Entry) appendCentralHeader(b []byte, offset int64) []byte {
	isFar := offset >= in64of32
	values := 0 // bytes of the zip64 field
	if e.isLarge() {
		values += 8 + 8
	}
	if isFar {
		values += 8
	}
	needed, extra := e.versionNeeded(), 0
	if values > 0 {
		needed, extra = needsZip64, 4+values
	}

	b = le.AppendUint32(b, centralSignature)
	b = le.AppendUint16(b, madeBy)
	b = e.appendShared(b, needed, extra)
	b = le.AppendUint16(b, 0) // bytes of comment
	b = le.AppendUint16(b, 0) // disk
	b = le.AppendUint16(b, 0) // internal attributes: nobody has looked whether it is text
	b = le.AppendUint32(b, regularFile)
	b = le.AppendUint32(b, clamp32(offset))
	b = append(b, e.Path...)
	if values == 0 {
		return b
	}
	b = le.AppendUint16(b, zip64Tag)
	b = le.AppendUint16(b, uint16(values))
	if e.isLarge() {
		b = le.AppendUint64(b, uint64(e.Size))
		b = le.AppendUint64(b, uint64(e.StoredSize))
	}
	if isFar {
		b = le.AppendUint64(b, uint64(offset))
	}
	return b
}

// appendShared appends the fields that both headers of an entry have alike.
func (e *Entry) appendShared(b []byte, versionNeeded uint16, extra int) []byte {
	method := uint16(methodStored)
	if e.Encoding == Deflate {
		method = methodDeflate
	}
	stored, size := clamp32(e.StoredSize), clamp32(e.Size)
	if e.isLarge() {
		stored, size = in64of32, in64of32
	}
	b = le.AppendUint16(b, versionNeeded)
	b = le.AppendUint16(b, flagUTF8)
	b = le.AppendUint16(b, method)
	b = le.AppendUint16(b, dosTime)
	b = le.AppendUint16(b, dosDate)
	b = le.AppendUint32(b, e.CRC32)
	b = le.AppendUint32(b, stored)
	b = le.AppendUint32(b, size)
	b = le.AppendUint16(b, uint16(len(e.Path)))
	return le.AppendUint16(b, uint16(extra))
}

// versionNeeded returns the version that the data of an entry needs.
func (e *Entry) versionNeeded() uint16 {
	if e.Encoding == Deflate {
		return needsDeflate
	}
	return needsStored
}

// appendEnd appends what comes after the central directory, which has so many
// entries and is at [start, end): where to find it.
func appendEnd(b []byte, entries int, start, end int64) []byte {
	size := end - start
	if entries >= in64of16 || size >= in64of32 || start >= in64of32 {
		// The record (4.3.14), and where it is (4.3.15).
		b = le.AppendUint32(b, endSignature64)
		b = le.AppendUint64(b, 44) // bytes that follow in this record
		b = le.AppendUint16(b, madeBy)
		b = le.AppendUint16(b, needsZip64)
		b = le.AppendUint32(b, 0) // this disk
		b = le.AppendUint32(b, 0) // disk with the start of the directory
		b = le.AppendUint64(b, uint64(entries))
		b = le.AppendUint64(b, uint64(entries))
		b = le.AppendUint64(b, uint64(size))
		b = le.AppendUint64(b, uint64(start))

		b = le.AppendUint32(b, endLocatorSignature)
		b = le.AppendUint32(b, 0) // disk with the record
		b = le.AppendUint64(b, uint64(end))
		b = le.AppendUint32(b, 1) // disks
	}
	b = le.AppendUint32(b, endSignature)
	b = le.AppendUint16(b, 0) // this disk
	b = le.AppendUint16(b, 0) // disk with the start of the directory
	b = le.AppendUint16(b, uint16(min(entries, in64of16)))
	b = le.AppendUint16(b, uint16(min(entries, in64of16)))
	b = le.AppendUint32(b, clamp32(size))
	b = le.AppendUint32(b, clamp32(start))
	return le.AppendUint16(b, 0) // bytes of comment
}

// clamp32 returns what a field of 32 bits says of n.
func clamp32(n int64) uint32 { return uint32(min(n, in64of32)) }
