package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// serveBare serves the peer of the measurements until it is killed: an upload is
// streamed to a temporary file with SHA-256, fsync and rename; a download is
// http.ServeContent; a call of an agent is echoed. It prints its address.
func serveBare(dir string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /documents", func(w http.ResponseWriter, r *http.Request) {
		name, err := barePush(dir, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, "{\"document_id\":%q}\n", name)
	})
	mux.HandleFunc("GET /documents/{id}", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(filepath.Join(dir, filepath.Base(r.PathValue("id"))))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if filepath.Ext(f.Name()) == ".gz" {
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", info.ModTime(), f)
	})
	mux.Handle("/mcp", bareTool())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	return http.Serve(listener, mux)
}

// bareTool is the least that a tool for agents can be on the SDK that Sheaf uses
// and with its settings: it answers with the text that it was called with, as a
// text and as JSON, and checks nothing.
func bareTool() http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "bare", Version: "1"}, nil)
	echo := &mcp.Tool{Name: "echo", InputSchema: json.RawMessage(`{"type":"object"}`)}
	server.AddTool(echo, func(_ context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{
			StructuredContent: r.Params.Arguments,
			Content:           []mcp.Content{&mcp.TextContent{Text: string(r.Params.Arguments)}},
		}, nil
	})
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
}

func barePush(dir string, r *http.Request) (name string, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		return "", err
	}
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		if part.FormName() != "file" {
			if _, err := io.Copy(io.Discard, part); err != nil {
				return "", err
			}
			continue
		}
		if name, err = bareStore(dir, part); err != nil {
			return "", err
		}
	}
}

func bareStore(dir string, content io.Reader) (name string, err error) {
	f, err := os.CreateTemp(dir, "upload-")
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, hash), content); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	name = hex.EncodeToString(hash.Sum(nil))
	return name, os.Rename(f.Name(), filepath.Join(dir, name))
}
