# What can be done here:
#
#   make run      start a server on .document-storage in this directory
#   make build    the commands, statically linked, in bin/
#   make test     every test, with the race detector
#   make check    what a change has to pass before it is read: format, vet,
#                 staticcheck, other platforms, modules
#   make bench    the benchmarks; docs/benchmarks.md says how to read them
#   make fuzz     every fuzz target in turn, then the crash test with many rounds
#
# Go is all that is needed; what a target needs beyond it, it installs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The race detector; empty where there is no C compiler: make test RACE=
# SQLite and the C library under it, translated from C, are not instrumented:
# their races would not be ours, and tests take four times as long with it. No
# others: a package may carry copies of generic code of the standard library, such
# as that of sync.Map in modernc.org/sqlite, and the linker takes any copy. One
# that the detector does not see makes it report races that are none.
RACE ?= -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

# What is measured: make bench BENCH='-only push'; go run ./bench -help has more.
BENCH ?= -listing

# How long each fuzz target runs, and how often the crash test kills a server.
FUZZTIME ?= 30s
CRASH_ROUNDS ?= 200

# The platforms that are promised; the first is also the one most are on.
PLATFORMS := linux/amd64 linux/arm64 darwin/arm64 windows/amd64

.PHONY: run
run:
	go run ./cmd/sheaf serve

.PHONY: build
build:
	CGO_ENABLED=0 go build -trimpath -o bin/sheaf ./cmd/sheaf
	for name in doc-push doc-pull doc-query; do ln -sf sheaf "bin/$$name"; done

.PHONY: test
test: $(if $(RACE),compiler) clients s3server
	go test $(RACE) -timeout 40m ./...

# A real S3 server for the tests of that backend, with a module of its own.
.PHONY: s3server
s3server: bin/versitygw

bin/versitygw: tools/s3/go.mod tools/s3/go.sum
	CGO_ENABLED=0 go -C tools/s3 build -trimpath -o ../../bin/versitygw github.com/versity/versitygw/cmd/versitygw

# The official TypeScript clients of the Model Context Protocol.
.PHONY: clients
clients: tools/mcp-clients/node_modules/.package-lock.json

tools/mcp-clients/node_modules/.package-lock.json: tools/mcp-clients/package-lock.json
	@if ! command -v npm >/dev/null; then
		echo "installing Node for the clients in tools/mcp-clients"
		sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi
		$$sudo apt-get update -q
		$$sudo apt-get install -qy --no-install-recommends nodejs npm
	fi
	npm ci --prefix tools/mcp-clients --no-audit --no-fund --ignore-scripts
	touch $@

# The race detector is linked with C.
.PHONY: compiler
compiler:
	@if command -v "$$(go env CC)" >/dev/null; then exit; fi
	echo "installing a C compiler for the race detector"
	sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi
	$$sudo apt-get update -q
	$$sudo apt-get install -qy --no-install-recommends gcc libc6-dev

.PHONY: check
check: check-format check-vet check-platforms check-modules check-static

.PHONY: check-format
check-format:
	@unformatted=$$(gofmt -l .)
	if [ -n "$$unformatted" ]; then
		echo "not formatted; run gofmt -w on:"; echo "$$unformatted"; exit 1
	fi

# staticcheck has a module of its own, so that what it needs is not in go.mod;
# staticcheck.conf says what it checks.
.PHONY: check-vet
check-vet:
	go vet ./...
	go -C tools build -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	bin/staticcheck ./...

# Tests are compiled too (vet does), because they differ by platform as well.
.PHONY: check-platforms
check-platforms:
	@for platform in $(PLATFORMS); do
		echo "$$platform"
		export CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/}
		go build -o /dev/null ./cmd/sheaf
		go vet ./...
	done

.PHONY: check-modules
check-modules:
	go mod verify
	go mod tidy -diff
	go -C tools mod verify
	go -C tools mod tidy -diff
	go -C tools/openapi-client mod verify
	go -C tools/s3 mod verify

# One file without an interpreter, which runs in an empty container.
.PHONY: check-static
check-static: build
	go version -m bin/sheaf | grep -q 'CGO_ENABLED=0'
	bin/sheaf version

.PHONY: bench
bench:
	go run ./bench $(BENCH)

# Go fuzzes one target at a time. What it finds is kept in testdata/fuzz of the
# package: commit it with the fix. Making an input smaller is cut short: where one
# run takes milliseconds, the minute that Go spends on each new one is all the time.
.PHONY: fuzz
fuzz:
	@grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sort | while IFS=: read -r file _ target; do
		target=$${target#func }
		echo "== $$target in $$(dirname "$$file")"
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$(dirname "$$file")" </dev/null
	done
	SHEAF_CRASH_ROUNDS=$(CRASH_ROUNDS) go test -run 'Crash' -count 1 -timeout 2h -v ./...
