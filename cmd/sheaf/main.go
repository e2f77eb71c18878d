// Sheaf is a document and book store for AI agents and the people who work with
// them. `sheaf serve` starts a server; `sheaf --help` lists the commands.
//
// Under the names doc-push, doc-pull and doc-query the program is that command.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sheaf-dev/sheaf/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	stopProfile := startProfile()
	code := cli.Main(ctx, os.Args, cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stopProfile()
	os.Exit(code)
}
