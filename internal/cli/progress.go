package cli

import (
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

const (
	progressDelay    = time.Second // shorter work shows none
	progressInterval = 200 * time.Millisecond
)

// A progress shows how far long work has come: on a terminal, when the work lasts
// longer than a moment, and neither with --quiet nor with --json. A nil one shows
// nothing. It may be used by several goroutines.
type progress struct {
	screen  *screen
	noun    string // of what is counted: "file"
	started time.Time

	items, bytes           atomic.Int64 // done
	totalItems, totalBytes atomic.Int64 // 0 while unknown

	stopping sync.Once
	end      chan struct{}
	ended    sync.WaitGroup
}

// showProgress begins to show progress on a command's work. The caller stops it
// before the command writes its last words.
func (o *options) showProgress(cmd *cobra.Command, noun string) *progress {
	writer, ok := cmd.ErrOrStderr().(*screenWriter)
	if !ok || writer.screen.terminal == nil || o.quiet || o.json {
		return nil
	}
	p := &progress{screen: writer.screen, noun: noun, started: time.Now(), end: make(chan struct{})}
	p.ended.Go(p.run)
	return p
}

func (p *progress) run() {
	timer := time.NewTimer(progressDelay)
	defer timer.Stop()
	for {
		select {
		case <-p.end:
			p.screen.hide()
			return
		case now := <-timer.C:
			p.screen.show(p.line(now.Sub(p.started), p.screen.width()-1))
			timer.Reset(progressInterval)
		}
	}
}

// stop takes the line away. It may be called again.
func (p *progress) stop() {
	if p != nil {
		p.stopping.Do(func() { close(p.end) })
		p.ended.Wait()
	}
}

// isForOne reports whether one item is all that is expected.
func (p *progress) isForOne() bool { return p != nil && p.totalItems.Load() == 1 }

// expect says how much there is to do in all; 0 is not known.
func (p *progress) expect(items int, bytes int64) {
	if p != nil {
		p.totalItems.Store(int64(items))
		p.totalBytes.Store(bytes)
	}
}

// measure adds up what there is to do, until the progress is stopped. Sources whose
// size is known only once they were read leave the total unknown.
func (p *progress) measure(files iter.Seq[source]) {
	items, bytes := 0, int64(0)
	for file := range files {
		select {
		case <-p.end:
			return
		default:
		}
		if file.err == nil && file.size < 0 {
			return
		}
		items++
		bytes += file.size
	}
	p.expect(items, bytes)
}

// reached says how far work is that is done elsewhere.
func (p *progress) reached(items, totalItems int, bytes, totalBytes int64) {
	if p != nil {
		p.expect(totalItems, totalBytes)
		p.items.Store(int64(items))
		p.bytes.Store(bytes)
	}
}

// did says that an item is done.
func (p *progress) did() { p.didMany(1) }

// didMany says that some items are done.
func (p *progress) didMany(items int64) {
	if p != nil {
		p.items.Add(items)
	}
}

// count returns content, whose bytes count as they are read. A file stays one:
// what can be read again can be sent again.
func (p *progress) count(content io.Reader) io.Reader {
	if p == nil {
		return content
	}
	if file, ok := content.(*os.File); ok {
		return &countedFile{file, &p.bytes}
	}
	return &countedReader{content, &p.bytes}
}

type countedReader struct {
	from  io.Reader
	count *atomic.Int64
}

// Read implements [io.Reader].
func (r *countedReader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	r.count.Add(int64(n))
	return n, err
}

type countedFile struct {
	*os.File
	count *atomic.Int64
}

// Read implements [io.Reader].
func (f *countedFile) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	f.count.Add(int64(n))
	return n, err
}

// ReadAt implements [io.ReaderAt].
func (f *countedFile) ReadAt(b []byte, offset int64) (int, error) {
	n, err := f.File.ReadAt(b, offset)
	f.count.Add(int64(n))
	return n, err
}

const barWidth = 24

// line says how far the work has come after a time, in at most width columns:
// what matters least is left out first.
func (p *progress) line(elapsed time.Duration, width int) string {
	items, bytes := p.items.Load(), p.bytes.Load()
	totalItems, totalBytes := p.totalItems.Load(), p.totalBytes.Load()
	rate := float64(bytes) / elapsed.Seconds()

	count, size := plural(int(items), p.noun), formatSize(bytes)
	share := -1.0 // unknown
	if totalItems > 0 {
		count = fmt.Sprintf("%d/%s", items, plural(int(totalItems), p.noun))
		share = float64(items) / float64(totalItems)
	}
	if totalBytes > 0 {
		bytes = min(bytes, totalBytes) // a content that is sent again counts again
		size = fmt.Sprintf("%s/%s", formatSize(bytes), formatSize(totalBytes))
		share = float64(bytes) / float64(totalBytes)
	}
	var bar, percent, left string
	if share >= 0 {
		filled := int(share * barWidth)
		bar = "[" + strings.Repeat("=", filled) + strings.Repeat(" ", barWidth-filled) + "]"
		percent = fmt.Sprintf("%3.0f%%", share*100)
	}
	if share > 0 {
		left = formatDuration(time.Duration(float64(elapsed)*(1-share)/share)) + " left"
	}
	speed := formatSize(int64(rate)) + "/s"
	for _, parts := range [][]string{
		{bar, percent, count, size, speed, left},
		{percent, count, size, speed, left},
		{percent, size, left},
		{percent, size},
	} {
		line := joinParts(parts)
		if len(line) <= width {
			return line
		}
	}
	return size[:max(min(len(size), width), 0)]
}

func joinParts(parts []string) string {
	given := make([]string, 0, len(parts))
	for _, part := range parts {
		if part != "" {
			given = append(given, part)
		}
	}
	return strings.Join(given, "  ")
}

// formatDuration returns a time as a clock shows it, such as 1:05 or 2:00:00.
func formatDuration(d time.Duration) string {
	const most = 100 * time.Hour // further away nobody knows
	seconds := int(min(d, most).Seconds())
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}
