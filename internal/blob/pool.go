package blob

import (
	"bufio"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// chunkSize is the unit of reading, hashing and writing, and how much of a
// content the choice of its encoding looks at.
const chunkSize = 64 << 10

// deflateLevel is where smaller begins to cost much more time.
const deflateLevel = 6

// pools keep what is dear to make. They hand out clean things; who takes one
// gives it back or leaves it to the garbage collector.
type pools struct {
	small, medium, large sync.Pool // buffers
	deflaters            sync.Pool
	inflaters            sync.Pool
	checksums            sync.Pool
}

const (
	smallBuffer  = 4 << 10
	mediumBuffer = 16 << 10
	largeBuffer  = chunkSize + smallBuffer // a whole chunk, and room for the read that finds its end
)

// buffer returns an empty buffer with room for at least size bytes, which are
// at most largeBuffer.
func (p *pools) buffer(size int) []byte {
	switch {
	case size <= smallBuffer:
		if b, ok := p.small.Get().(*[smallBuffer]byte); ok {
			return b[:0]
		}
		return make([]byte, 0, smallBuffer)
	case size <= mediumBuffer:
		if b, ok := p.medium.Get().(*[mediumBuffer]byte); ok {
			return b[:0]
		}
		return make([]byte, 0, mediumBuffer)
	}
	if b, ok := p.large.Get().(*[largeBuffer]byte); ok {
		return b[:0]
	}
	return make([]byte, 0, largeBuffer)
}

// release takes back a buffer; nil is nothing.
func (p *pools) release(buf []byte) {
	switch buf = buf[:cap(buf)]; cap(buf) {
	case smallBuffer:
		p.small.Put((*[smallBuffer]byte)(buf))
	case mediumBuffer:
		p.medium.Put((*[mediumBuffer]byte)(buf))
	case largeBuffer:
		p.large.Put((*[largeBuffer]byte)(buf))
	}
}

// copy is io.Copy with a pooled buffer.
func (p *pools) copy(dst io.Writer, src io.Reader) (int64, error) {
	buf := p.buffer(largeBuffer)
	defer p.release(buf)
	return io.CopyBuffer(dst, src, buf[:cap(buf)])
}

func (p *pools) deflater(w io.Writer) *flate.Writer {
	if d, ok := p.deflaters.Get().(*flate.Writer); ok {
		d.Reset(w)
		return d
	}
	d, err := flate.NewWriter(w, deflateLevel)
	if err != nil {
		panic(err) // the level is a constant
	}
	return d
}

func (p *pools) releaseDeflater(d *flate.Writer) {
	d.Reset(nil)
	p.deflaters.Put(d)
}

// An inflater reads the plain bytes of a deflated blob.
type inflater struct {
	stored *bufio.Reader
	plain  io.ReadCloser
}

func (p *pools) inflater(stored io.Reader) *inflater {
	if i, ok := p.inflaters.Get().(*inflater); ok {
		i.reset(stored)
		return i
	}
	i := &inflater{stored: bufio.NewReaderSize(stored, mediumBuffer)}
	i.plain = flate.NewReader(i.stored)
	return i
}

func (p *pools) releaseInflater(i *inflater) {
	i.reset(nil)
	p.inflaters.Put(i)
}

func (i *inflater) reset(stored io.Reader) {
	i.stored.Reset(stored)
	if err := i.plain.(flate.Resetter).Reset(i.stored, nil); err != nil {
		panic(err) // it has no way to fail without a dictionary
	}
}

// Read reads plain bytes. Its [io.EOF] says that the stored bytes end where the
// DEFLATE stream does.
func (i *inflater) Read(p []byte) (int, error) {
	n, err := i.plain.Read(p)
	if err == io.EOF {
		err = i.storedEnd()
	}
	return n, err
}

// WriteTo writes all plain bytes to w, without the copy that Read needs.
func (i *inflater) WriteTo(w io.Writer) (int64, error) {
	n, err := i.plain.(io.WriterTo).WriteTo(w)
	if err == nil {
		err = i.atEnd()
	}
	return n, err
}

// atEnd returns nil when neither plain nor stored bytes follow.
func (i *inflater) atEnd() error {
	var next [1]byte
	n, err := io.ReadFull(i, next[:])
	switch {
	case n > 0:
		return errTooLong
	case err != io.EOF:
		return err
	}
	return nil
}

// storedEnd returns io.EOF when no stored bytes follow.
func (i *inflater) storedEnd() error {
	if _, err := i.stored.ReadByte(); err != nil {
		return err
	}
	return errTrailing
}
