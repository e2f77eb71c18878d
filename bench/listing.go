package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// listingDocuments have three tags each, one of which is "even" or "odd", so that
// these two are as common as can be and never meet.
const listingDocuments = 1_000_000

// listings measures GET /documents over a store of a million documents.
func (b *bench) listings(ctx context.Context) error {
	dir := b.store
	if dir == "" {
		dir = filepath.Join(b.dir, "million")
	}
	if _, err := os.Stat(filepath.Join(dir, "documents.db")); err != nil {
		started := time.Now()
		if err := makeMillion(ctx, dir); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "made %d documents in %v\n", listingDocuments, time.Since(started).Round(time.Second))
	}
	sheaf, err := startSheaf(b.binary, dir)
	if err != nil {
		return err
	}
	defer sheaf.stop()

	fmt.Println("\n| listing 100 of 1,000,000 | found | p50 ms | p99 ms | first ms | p50 wanted |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, q := range []struct {
		name, query string
		wanted      float64
	}{
		{"newest", "", 2},
		{"two ordinary tags", "tags=topic-17,topic-42", 5},
		{"an ordinary and a common tag", "tags=topic-17,even", 5},
		{"two common tags that never meet", "tags=even,odd", 50},
		{"name, long piece", "name=" + url.QueryEscape("Harvest-0001"), 5},
		{"name, three characters, common", "name=har", 5},
		{"name, three characters, one document", "name=xqz", 5},
		{"name, nothing", "name=qqq", 5},
		{"name, two characters", "name=zz", 50},
		{"name, two characters, common", "name=ar", 50},
		{"name, one character, rare", "name=" + url.QueryEscape("§"), 50},
		{"name and tag", "name=river&tags=topic-42", 5},
		{"page 100 of the newest", "page", 5},
	} {
		if err := b.measureListing(ctx, sheaf.url, q.name, q.query, q.wanted); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
	}
	return nil
}

func (b *bench) measureListing(ctx context.Context, base, name, query string, wanted float64) error {
	target := base + "/documents?limit=100&" + query
	if query == "page" {
		next, err := followPages(ctx, base, 100)
		if err != nil {
			return err
		}
		target = next
	}
	var found int
	times := make([]float64, 0, 200)
	for range cap(times) {
		started := time.Now()
		documents, _, err := getPage(ctx, target)
		if err != nil {
			return err
		}
		times = append(times, float64(time.Since(started).Microseconds())/1000)
		found = documents
	}
	first := times[0]
	slices.Sort(times)
	fmt.Printf("| %s | %d | %.2f | %.2f | %.2f | %.0f |\n", name, found, times[len(times)/2], times[len(times)*99/100], first, wanted)
	return nil
}

func followPages(ctx context.Context, base string, pages int) (target string, err error) {
	target = base + "/documents?limit=100"
	for range pages - 1 {
		_, link, err := getPage(ctx, target)
		if err != nil {
			return "", err
		}
		var path string
		if _, err := fmt.Sscanf(link, "<%s", &path); err != nil {
			return "", fmt.Errorf("the link %q: %w", link, err)
		}
		next, err := url.Parse(path[:len(path)-len(">;")])
		if err != nil {
			return "", err
		}
		root, err := url.Parse(base)
		if err != nil {
			return "", err
		}
		target = root.ResolveReference(next).String()
	}
	return target, nil
}

func getPage(ctx context.Context, target string) (documents int, link string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, "", err
	}
	if response.StatusCode != http.StatusOK {
		return 0, "", fmt.Errorf("%s: %s", response.Status, body)
	}
	return bytes.Count(body, []byte(`"document_id"`)), response.Header.Get("Link"), nil
}

// makeMillion fills a store the way the library does, only many documents to a
// transaction, and brings its listing index up to date.
func makeMillion(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c, err := catalog.Open(ctx, catalog.Options{Path: filepath.Join(dir, "documents.db"), Clock: func() time.Time { return clock }})
	if err != nil {
		return err
	}
	defer c.Close()
	err = c.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		err := tx.CreateCollection(sheaf.Collection{Name: sheaf.DefaultCollection, Kind: sheaf.KindDocuments,
			Backend: "fs", Status: sheaf.StatusActive, Policy: sheaf.PolicyUpsert})
		if err != nil {
			return err
		}
		_, err = tx.Append(string(sheaf.DefaultCollection), &sheaf.LogPayload{Principal: "bench", Operation: "collection.create", Status: "success"})
		return err
	})
	if err != nil {
		return err
	}
	collection, _ := c.Collection(sheaf.DefaultCollection)
	random := mathrand.New(mathrand.NewPCG(7, 7))
	for made := 0; made < listingDocuments; {
		clock = clock.Add(7 * time.Millisecond)
		err := c.Mutate(ctx, 0, func(tx *catalog.Tx) error {
			for range 250 {
				if err := makeListed(tx, collection, made, random); err != nil {
					return err
				}
				made++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for more := true; more; {
		if more, err = c.IndexListing(ctx, 16384); err != nil {
			return err
		}
	}
	return nil
}

var listingWords = []string{"Amber", "Basin", "Cedar", "Delta", "Ember", "Fjord", "Grove", "Harvest", "Island", "Juniper",
	"Kelp", "Lagoon", "Meadow", "North", "Orchard", "Prairie", "Quarry", "River", "Summit", "Tundra", "Umber", "Valley",
	"Willow", "Yonder", "Zenith", "report", "notes", "plan", "review", "summary", "budget", "design", "draft", "final"}

func makeListed(tx *catalog.Tx, collection *catalog.Collection, i int, random *mathrand.Rand) error {
	name := fmt.Sprintf("%s-%07d %s.md", listingWords[random.IntN(len(listingWords))], i, listingWords[random.IntN(len(listingWords))])
	switch i {
	case 123_456:
		name = "xqzy " + name
	case 234_567:
		name = "fizz " + name
	case 345_678:
		name = "§ " + name
	}
	parity := "even"
	if i%2 == 1 {
		parity = "odd"
	}
	// Of 100 topics, a pair meets in about 200 documents.
	topic := random.IntN(100)
	tags := []string{parity, fmt.Sprintf("topic-%d", topic), fmt.Sprintf("topic-%d", (topic+1+random.IntN(99))%100)}

	content := fmt.Appendf(nil, "document %d", i%1000)
	ref := blob.Ref{Backend: collection.Backend, Digest: sheaf.DigestOf(content), Size: int64(len(content)),
		Encoding: blob.Identity, StoredSize: int64(len(content)), Inline: content}
	if _, err := tx.KeepBlob(ref); err != nil {
		return err
	}
	h := catalog.Head{CollectionPK: collection.PK, Document: sheaf.Document{
		Collection: collection.Name, Name: name, Filename: "document.md", Tags: tags, Metadata: json.RawMessage("{}"),
		Version: 1, Digest: ref.Digest, Size: ref.Size, MIME: "text/markdown"}}
	if err := tx.CreateDocument(&h); err != nil {
		return err
	}
	if err := tx.AddVersion(h.PK, &sheaf.Version{Number: 1, Digest: h.Digest, Size: h.Size, MIME: h.MIME, Author: "bench"}); err != nil {
		return err
	}
	_, err := tx.Append(string(h.Collection), &sheaf.LogPayload{Principal: "bench", Operation: "document.create", Status: "success",
		Documents: []sheaf.LogDocument{{ID: h.ID, After: h.LogState()}}})
	return err
}
