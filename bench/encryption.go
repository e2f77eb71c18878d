package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// encryption compares a server whose backend is encrypted with one whose backend
// is not.
func (b *bench) encryption(ctx context.Context) error {
	all := []transfer{
		{name: "encrypted push 10 KB random", connections: 16, content: randomBytes(10 << 10), filename: "a.bin"},
		{name: "encrypted push 1 MB random", connections: 8, content: randomBytes(1 << 20), filename: "a.bin", wanted: 0.8},
		{name: "encrypted push 1 MB text", connections: 8, content: prose(1 << 20), filename: "a.md", wanted: 0.8},
		{name: "encrypted pull 1 MB random", connections: 16, content: randomBytes(1 << 20), filename: "a.bin", pull: true},
		{name: "encrypted pull 1 MB text, gzip", connections: 16, content: prose(1 << 20), filename: "a.md", pull: true, gzip: true},
	}
	if !slices.ContainsFunc(all, func(t transfer) bool { return b.wants(t.name) }) {
		return nil
	}
	fmt.Println()
	fmt.Println("| benchmark | connections | plain/s | encrypted/s | ratio | wanted | plain CPU µs | encrypted CPU µs |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, t := range all {
		if b.wants(t.name) {
			if err := b.encrypted(ctx, t); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return nil
}

// encrypted measures a plain and an encrypted server in turn, fresh ones for each
// benchmark.
func (b *bench) encrypted(ctx context.Context, t transfer) error {
	dir, err := os.MkdirTemp(b.dir, "encryption-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "encrypted.yaml")
	if err := os.WriteFile(config, []byte("storage: {backends: {fs: {kind: fs, dir: blobs, encrypt: true}}}\n"), 0o600); err != nil {
		return err
	}
	plain, err := startSheaf(b.binary, filepath.Join(dir, "plain"))
	if err != nil {
		return err
	}
	defer plain.stop()
	encrypted, err := startSheaf(b.binary, filepath.Join(dir, "encrypted"),
		"SHEAF_CONFIG="+config, "SHEAF_MASTER_KEY="+strings.Repeat("5a", 32))
	if err != nil {
		return err
	}
	defer encrypted.stop()
	plainLoad, encryptedLoad, err := t.loads(ctx, filepath.Join(dir, "plain"), plain, encrypted, true)
	if err != nil {
		return err
	}
	return b.alternate(ctx, t.name, t.connections, t.wanted, plain, encrypted, plainLoad, encryptedLoad)
}
