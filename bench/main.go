// Command bench measures Sheaf against a bare Go handler that does the least
// that could be called the same, over loopback and in one run: machines differ
// and are noisy, ratios much less. docs/benchmarks.md says what is measured and
// what came out.
//
//	go run ./bench              everything but the listing
//	go run ./bench -only push   what has "push" in its name
//	go run ./bench -only bucket everything that has an S3 server behind it
//	go run ./bench -only move   moves of a book between directories, and under a load
//	go run ./bench -only audit  pages of a million entries of the audit
//	go run ./bench -listing     with the listing of a million documents
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	var b bench
	bare := flag.String("bare", "", "be the bare server that keeps its files in `dir`")
	flag.StringVar(&b.only, "only", "", "run only benchmarks with `text` in their names")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds of each benchmark; the median counts")
	flag.DurationVar(&b.duration, "duration", 3*time.Second, "of one round on one side")
	flag.BoolVar(&b.listing, "listing", false, "measure listings of a million documents")
	flag.StringVar(&b.store, "store", "", "keep the million documents in `dir`, or find them there")
	flag.StringVar(&b.against, "against", "", "compare transfers with the Sheaf of another `binary`, not with the bare server")
	flag.IntVar(&b.deadBlobs, "dead", 100_000, "blobs that a garbage collection removes")
	flag.StringVar(&b.dir, "dir", "", "work in `dir`, on the disk to be measured (default a temporary directory)")
	flag.StringVar(&b.profile, "profile", "", "write the CPU profiles of the Sheaf server to files that begin with `path`")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *bare != "" {
		err = serveBare(*bare)
	} else {
		err = b.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A bench is one run.
type bench struct {
	only      string
	rounds    int
	duration  time.Duration
	listing   bool
	store     string
	dir       string
	against   string
	deadBlobs int
	profile   string

	binary string // of Sheaf
}

func (b *bench) run(ctx context.Context) error {
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "sheaf-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		b.dir = dir
	}
	b.binary = filepath.Join(b.dir, "sheaf")
	if err := build(ctx, b.binary, b.profile != ""); err != nil {
		return err
	}
	fmt.Printf("%d processors, %d rounds of %v on each side, medians\n", runtime.GOMAXPROCS(0), b.rounds, b.duration)
	if err := b.transfers(ctx); err != nil {
		return err
	}
	if err := b.comparisons(ctx); err != nil {
		return err
	}
	if err := b.encryption(ctx); err != nil {
		return err
	}
	for _, bucket := range []func(context.Context) error{b.buckets, b.bucketArchive, b.backlogs} {
		if err := bucket(ctx); err != nil {
			return err
		}
	}
	if b.wants("move") {
		if err := b.moves(ctx); err != nil {
			return err
		}
	}
	if err := b.agents(ctx); err != nil {
		return err
	}
	if b.wants("archive of 500 files") {
		if err := b.archives(ctx); err != nil {
			return err
		}
	}
	if b.wants("memory") {
		if err := b.memory(ctx); err != nil {
			return err
		}
	}
	if b.wants("tree") {
		if err := b.tree(ctx); err != nil {
			return err
		}
	}
	if b.wants("grep") {
		if err := b.greps(ctx); err != nil {
			return err
		}
	}
	if b.wants("audit") {
		if err := b.audits(ctx); err != nil {
			return err
		}
	}
	if b.wants("garbage") {
		if err := b.garbage(ctx); err != nil {
			return err
		}
	}
	if b.listing && b.wants("listing") {
		return b.listings(ctx)
	}
	return nil
}

func (b *bench) wants(name string) bool { return strings.Contains(name, b.only) }
