package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A transfer is measured on both servers.
type transfer struct {
	name        string
	connections int
	content     []byte
	filename    string
	wanted      float64 // ratio to the bare handler, 0 to report only
	pull        bool
	gzip        bool
}

func (b *bench) transfers(ctx context.Context) error {
	all := []transfer{
		{name: "push 10 KB random", connections: 16, content: randomBytes(10 << 10), filename: "a.bin", wanted: 0.6},
		{name: "push 10 KB text", connections: 16, content: prose(10 << 10), filename: "a.md"},
		{name: "push 1 MB random", connections: 8, content: randomBytes(1 << 20), filename: "a.bin", wanted: 0.75},
		{name: "push 1 MB text", connections: 8, content: prose(1 << 20), filename: "a.md"},
		{name: "pull 10 KB random", connections: 16, content: randomBytes(10 << 10), filename: "a.bin", wanted: 0.6, pull: true},
		{name: "pull 1 MB random", connections: 16, content: randomBytes(1 << 20), filename: "a.bin", wanted: 0.9, pull: true},
		{name: "pull 1 MB text, gzip", connections: 16, content: prose(1 << 20), filename: "a.md", wanted: 0.8, pull: true, gzip: true},
		{name: "pull 1 MB text, identity", connections: 16, content: prose(1 << 20), filename: "a.md", pull: true},
	}
	if !slices.ContainsFunc(all, func(t transfer) bool { return b.wants(t.name) }) {
		return nil
	}
	printDuels()
	for _, t := range all {
		if b.wants(t.name) {
			if err := b.transfer(ctx, t); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return nil
}

func (b *bench) transfer(ctx context.Context, t transfer) error {
	return b.duel(ctx, t.name, t.connections, t.wanted, func(bareDir string, bare, sheaf *server) (bareLoad, sheafLoad load, err error) {
		return t.loads(ctx, bareDir, bare, sheaf, b.against != "")
	})
}

// loads returns what is measured on two servers. The one that the other is
// compared with is a bare one, unless it is a Sheaf, too.
func (t transfer) loads(ctx context.Context, bareDir string, bare, sheaf *server, bareIsSheaf bool) (bareLoad, sheafLoad load, err error) {
	if t.pull {
		return t.pulls(ctx, bareDir, bare, sheaf, bareIsSheaf)
	}
	bareLoad = pushLoad(bare.url, t.connections, t.content, t.filename)
	sheafLoad = pushLoad(sheaf.url, t.connections, t.content, t.filename)
	sheafLoad.afterwards = sheaf.drained // what the drain has to do counts
	if bareIsSheaf {
		bareLoad.afterwards = bare.drained
	}
	return bareLoad, sheafLoad, nil
}

// printDuels prints the head of the table that duels are the rows of.
func printDuels() {
	fmt.Println("\n| benchmark | connections | bare/s | sheaf/s | ratio | wanted | bare CPU µs | sheaf CPU µs |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
}

// duel measures loads on both servers in turn, fresh ones for each benchmark.
// Wanted is the ratio, 0 to report only.
func (b *bench) duel(ctx context.Context, name string, connections int, wanted float64, loads func(bareDir string, bare, sheaf *server) (bareLoad, sheafLoad load, err error)) error {
	dir, err := os.MkdirTemp(b.dir, "transfer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bareDir := filepath.Join(dir, "bare")
	bare, err := b.startPeer(bareDir)
	if err != nil {
		return err
	}
	defer bare.stop()
	sheaf, err := b.startProfiled(filepath.Join(dir, "sheaf"), name)
	if err != nil {
		return err
	}
	defer sheaf.stop()
	bareLoad, sheafLoad, err := loads(bareDir, bare, sheaf)
	if err != nil {
		return err
	}
	return b.alternate(ctx, name, connections, wanted, bare, sheaf, bareLoad, sheafLoad)
}

// alternate measures two servers in turn and prints a row of the table.
func (b *bench) alternate(ctx context.Context, name string, connections int, wanted float64, bare, sheaf *server, bareLoad, sheafLoad load) error {
	var bares, sheaves, ratios, bareCPU, sheafCPU []float64
	for round := range b.rounds + 1 {
		bareResult, sheafResult, err := inTurn(ctx, round, bare, sheaf, bareLoad, sheafLoad, b.duration)
		if err != nil {
			return err
		}
		if round == 0 {
			continue // warms up both
		}
		bares = append(bares, bareResult.perSecond())
		sheaves = append(sheaves, sheafResult.perSecond())
		ratios = append(ratios, sheafResult.perSecond()/bareResult.perSecond())
		bareCPU = append(bareCPU, bareResult.cpuEach())
		sheafCPU = append(sheafCPU, sheafResult.cpuEach())
	}
	want := "report"
	if wanted != 0 {
		want = fmt.Sprintf("%.2f", wanted)
	}
	fmt.Printf("| %s | %d | %.0f | %.0f | %.2f | %s | %.0f | %.0f |\n", name, connections,
		median(bares), median(sheaves), median(ratios), want, median(bareCPU), median(sheafCPU))
	return nil
}

// inTurn measures both servers, the one or the other first: whoever comes second
// finds the machine warmer, or busier.
func inTurn(ctx context.Context, round int, bare, sheaf *server, bareLoad, sheafLoad load, duration time.Duration) (bareResult, sheafResult result, err error) {
	measureBare := func() error {
		if bareResult, err = measure(ctx, bare, bareLoad, duration); err != nil {
			return fmt.Errorf("bare: %w", err)
		}
		return nil
	}
	measureSheaf := func() error {
		if sheafResult, err = measure(ctx, sheaf, sheafLoad, duration); err != nil {
			return fmt.Errorf("sheaf: %w", err)
		}
		return nil
	}
	first, second := measureBare, measureSheaf
	if round%2 == 1 {
		first, second = second, first
	}
	if err := first(); err != nil {
		return result{}, result{}, err
	}
	err = second()
	return bareResult, sheafResult, err
}

// measure runs a load and adds what it cost the server.
func measure(ctx context.Context, s *server, l load, duration time.Duration) (result, error) {
	before, err := s.cpu()
	if err != nil {
		return result{}, err
	}
	r, err := l.run(ctx, duration)
	if err != nil {
		return result{}, err
	}
	after, err := s.cpu()
	r.cpu = after - before
	return r, err
}

// pulls stores contents on both sides, as each side stores them, and returns the
// loads that read them.
func (t transfer) pulls(ctx context.Context, bareDir string, bare, sheaf *server, alike bool) (bareLoad, sheafLoad load, err error) {
	const documents = 32
	var bareIDs, sheafIDs []string
	for i := range documents {
		content := bytes.Clone(t.content)
		copy(content, fmt.Sprintf("document %d ", i))
		id, err := upload(sheaf.url, content, t.filename)
		if err != nil {
			return load{}, load{}, err
		}
		sheafIDs = append(sheafIDs, id)
		if t.gzip && !alike {
			id, err = storeZipped(bareDir, fmt.Sprintf("document-%d.gz", i), content)
		} else {
			id, err = upload(bare.url, content, t.filename)
		}
		if err != nil {
			return load{}, load{}, err
		}
		bareIDs = append(bareIDs, id)
	}
	if err := sheaf.drained(ctx); err != nil {
		return load{}, load{}, err
	}
	if alike {
		if err := bare.drained(ctx); err != nil {
			return load{}, load{}, err
		}
	}
	accept := "identity"
	if t.gzip {
		accept = "gzip"
	}
	return pullLoad(bare.url, t.connections, bareIDs, accept), pullLoad(sheaf.url, t.connections, sheafIDs, accept), nil
}

// storeZipped gives the bare server a file that was compressed before, which it
// cannot make itself.
func storeZipped(dir, name string, content []byte) (id string, err error) {
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, 6)
	if err != nil {
		return "", err
	}
	if _, err := z.Write(content); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return name, os.WriteFile(filepath.Join(dir, name), zipped.Bytes(), 0o644)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func sanitized(name string) string {
	clean := []byte(name)
	for i, c := range clean {
		if c == ' ' || c == ',' {
			clean[i] = '-'
		}
	}
	return string(clean)
}
