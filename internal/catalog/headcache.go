package catalog

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

const (
	// headCacheSize is how many documents are remembered: the ones that are read
	// again and again.
	headCacheSize = 4096

	// maxCachedText bounds what is said of a document that is remembered, in
	// bytes, and so the memory of all of them.
	maxCachedText = 2048
)

// A headCache remembers what [Catalog.HeadContent] and [Catalog.VersionContent]
// have read, of contents whose bytes are in their backend.
//
// It must never give what a commit has replaced, once that commit can be seen by
// anyone. So the writer drops what a transaction has touched right before it is
// committed, and from then until after the commit nothing that was read is
// remembered, because nobody knows on which side it was read.
type headCache struct {
	heads    *lru.Cache[sheaf.DocumentID, cachedHead]
	versions *lru.Cache[versionName, cachedVersion]

	// paths says which document was last read at a path. It is a hint that may
	// be wrong: what a head that is remembered says of its path is right.
	paths *lru.Cache[bookPath, sheaf.DocumentID]

	mu         sync.Mutex
	generation uint64 // grows before and after every commit that changes something; odd in between
}

type cachedHead struct {
	head Head
	ref  blob.Ref
}

// A bookPath is a path of a book, by the book's pk.
type bookPath struct {
	book int64
	path string
}

func newHeadCache() (*headCache, error) {
	heads, err := lru.New[sheaf.DocumentID, cachedHead](headCacheSize)
	if err != nil {
		return nil, err
	}
	versions, err := lru.New[versionName, cachedVersion](headCacheSize)
	if err != nil {
		return nil, err
	}
	paths, err := lru.New[bookPath, sheaf.DocumentID](headCacheSize)
	return &headCache{heads: heads, versions: versions, paths: paths}, err
}

// getAt returns what is remembered of the document at a path.
func (c *headCache) getAt(at bookPath) (cachedHead, bool) {
	id, ok := c.paths.Get(at)
	if !ok {
		return cachedHead{}, false
	}
	cached, ok := c.heads.Get(id)
	return cached, ok && cached.head.CollectionPK == at.book && cached.head.Path == at.path && !cached.head.Deleted
}

func (c *headCache) get(id sheaf.DocumentID) (cachedHead, bool) { return c.heads.Get(id) }

// version returns a version as it was read when its document had the revision.
func (c *headCache) version(name versionName, rev int64) (cachedVersion, bool) {
	cached, ok := c.versions.Get(name)
	return cached, ok && cached.rev == rev
}

// now returns the generation to pass to put. It has to be asked for before reading.
func (c *headCache) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

// put remembers what was read, unless something was changed since now.
func (c *headCache) put(generation uint64, read cachedHead) {
	if len(read.head.Description)+len(read.head.Metadata)+len(encodeTags(read.head.Tags)) > maxCachedText {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation == c.generation && generation%2 == 0 {
		c.heads.Add(read.head.ID, read)
		if read.head.Path != "" {
			c.paths.Add(bookPath{read.head.CollectionPK, read.head.Path}, read.head.ID)
		}
	}
}

// putVersion remembers a version that was read, unless something was changed since
// now.
func (c *headCache) putVersion(generation uint64, name versionName, read cachedVersion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation == c.generation && generation%2 == 0 {
		c.versions.Add(name, read)
	}
}

// A touched set is what a transaction has changed of documents that may be remembered.
type touched struct {
	documents []sheaf.DocumentID // which have another revision now
	digests   []sheaf.Digest     // of blobs that are on their way out
	all       bool               // a change that may concern any document or blob
	past      bool               // what was there at some revision is not to be had any more
}

func (t touched) nothing() bool { return len(t.documents) == 0 && len(t.digests) == 0 && !t.all }

// rewrites reports whether what is said of a past revision may be another now:
// which contents there are, or how they are stored.
func (t touched) rewrites() bool { return t.all || t.past || len(t.digests) > 0 }

// committing forgets what a transaction has touched, right before its commit.
// The writer calls done once the commit has succeeded or failed.
func (c *headCache) committing(t touched) (done func()) {
	if t.nothing() {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	if t.all {
		c.heads.Purge()
		c.versions.Purge()
	}
	for _, id := range t.documents {
		c.heads.Remove(id)
	}
	if len(t.digests) > 0 {
		c.forgetContents(t.digests)
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.generation++
	}
}

// forgetContents forgets all that has one of some contents. It looks at whatever
// is remembered, which takes less than reading that again would: garbage
// collection changes many blobs, and hardly one that somebody reads.
func (c *headCache) forgetContents(digests []sheaf.Digest) {
	gone := make(map[sheaf.Digest]struct{}, len(digests))
	for _, digest := range digests {
		gone[digest] = struct{}{}
	}
	for _, id := range c.heads.Keys() {
		if cached, ok := c.heads.Peek(id); ok {
			if _, ok := gone[cached.ref.Digest]; ok {
				c.heads.Remove(id)
			}
		}
	}
	for _, name := range c.versions.Keys() {
		if cached, ok := c.versions.Peek(name); ok {
			if _, ok := gone[cached.ref.Digest]; ok {
				c.versions.Remove(name)
			}
		}
	}
}
