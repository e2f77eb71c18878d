package mcp_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

type assetAnswer struct {
	Method      string            `json:"upload_method"`
	UploadID    string            `json:"upload_id"`
	UploadURL   string            `json:"upload_url"`
	Headers     map[string]string `json:"headers"`
	CDNURL      string            `json:"cdn_url"`
	DownloadURL string            `json:"download_url"`
	Hash        sheaf.Digest      `json:"file_hash_sha256"`
	Size        int64             `json:"file_size"`
	Binary      string            `json:"binary_data"`
	Omitted     string            `json:"binary_omitted"`
	UploadedBy  string            `json:"uploaded_by_agent_id"`
	Backend     string            `json:"storage_backend"`
	Total       int               `json:"total_count"`
	Assets      []assetAnswer
}

// film returns the bytes of a film as far as anyone looks.
func film(size int) []byte {
	content := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(content)
	copy(content, "\x1a\x45\xdf\xa3")
	return content
}

// An agent uploads both ways, and finds what it has uploaded.
func TestAssetTools(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	asset := func(filename string, more arguments) arguments {
		all := arguments{"book_id": "field-notes", "asset_type": "videos", "filename": filename}
		for name, value := range more {
			all[name] = value
		}
		return all
	}

	small := film(9_900_000)
	uploaded := call[assetAnswer](t, session, "add_asset", asset("small.webm", arguments{"binary_data": base64.StdEncoding.EncodeToString(small), "file_size": len(small)}))
	if uploaded.Method != "direct" || uploaded.Hash != sheaf.DigestOf(small) || uploaded.Size != int64(len(small)) || !strings.HasSuffix(uploaded.CDNURL, "/books/field-notes/assets/videos/small.webm") {
		t.Errorf("upload_asset of a small file: %+v", uploaded)
	}

	large := film(12 << 20)
	begun := call[assetAnswer](t, session, "upload_asset", asset("large.webm", arguments{"file_size": len(large), "sha256": sheaf.DigestOf(large).String(), "mime_type": "video/webm"}))
	if begun.Method != "presigned" || begun.UploadURL == "" || begun.UploadID == "" {
		t.Fatalf("upload_asset of a large file: %+v", begun)
	}
	put, err := http.NewRequest(http.MethodPut, begun.UploadURL, bytes.NewReader(large))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range begun.Headers {
		put.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(put)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("PUT to the upload_url: %s", answer.Status)
	}

	listed := call[assetAnswer](t, session, "list_assets", arguments{"book_id": "field-notes"})
	if listed.Total != 2 || len(listed.Assets) != 2 || listed.Assets[0].Hash != sheaf.DigestOf(large) {
		t.Errorf("list_assets: %+v", listed)
	}
	found := call[assetAnswer](t, session, "get_asset", asset("large.webm", arguments{"include_binary": true}))
	if found.Omitted == "" || found.Binary != "" || found.Hash != sheaf.DigestOf(large) || found.UploadedBy != "local" || found.Backend != "fs" {
		t.Errorf("get_asset of the large file: %+v", found)
	}
	download, err := http.Get(found.DownloadURL)
	if err != nil {
		t.Fatal(err)
	}
	defer download.Body.Close()
	if content, err := io.ReadAll(download.Body); err != nil || !bytes.Equal(content, large) {
		t.Errorf("the download_url answers %s with %d bytes, %v", download.Status, len(content), err)
	}
	if found := call[assetAnswer](t, session, "get_asset", asset("small.webm", arguments{"include_binary": true})); found.Binary != base64.StdEncoding.EncodeToString(small) {
		t.Errorf("get_asset of the small file has %d characters", len(found.Binary))
	}
}

// Every refusal says what to do next.
func TestBadAssetCalls(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	for name, test := range map[string]struct {
		more arguments
		code sheaf.ErrorKind
		says string
	}{
		"neither":               {arguments{}, sheaf.ErrInvalid, "Must provide either binary_data (<10MB) or file_size (≥10MB)"},
		"the URL alphabet":      {arguments{"binary_data": "AAA_AAAA"}, sheaf.ErrInvalid, "at character 3"},
		"a line break":          {arguments{"binary_data": "AAAA\nAAAA"}, sheaf.ErrInvalid, "at character 4"},
		"no padding":            {arguments{"binary_data": "AAAAAA"}, sheaf.ErrInvalid, "ends at character 6"},
		"bits behind the end":   {arguments{"binary_data": "AAAAAB=="}, sheaf.ErrInvalid, "character 5"},
		"nothing":               {arguments{"binary_data": ""}, sheaf.ErrInvalid, "empty"},
		"a size that lies":      {arguments{"binary_data": "iVBORw0KGgo=", "file_size": 9}, sheaf.ErrInvalid, "binary_data has 8 bytes"},
		"a small file to come":  {arguments{"file_size": 10<<20 - 1}, sheaf.ErrInvalid, "binary_data"},
		"a file that is larger": {arguments{"file_size": 100<<20 + 1}, sheaf.ErrTooLarge, "at most 104857600 bytes"},
		"too much at once":      {arguments{"binary_data": base64.StdEncoding.EncodeToString(film(10 << 20))}, sheaf.ErrTooLarge, "below 10485760"},
		"another type":          {arguments{"file_size": 10 << 20, "mime_type": "text/html"}, sheaf.ErrInvalid, "mime_type"},
	} {
		call := arguments{"book_id": "field-notes", "asset_type": "images", "filename": "map.png"}
		for name, value := range test.more {
			call[name] = value
		}
		if told := refuse(t, session, "upload_asset", call); told.Code != test.code || !strings.Contains(told.Message, test.says) {
			t.Errorf("%s: %+v, want %s that says %q", name, told, test.code, test.says)
		}
	}
	wantFields(t, session, "upload_asset", arguments{"book_id": "Field Notes", "asset_type": "maps", "filename": "map.png", "binary_data": "!", "sha256": "1"},
		[]string{"book_id", "asset_type", "binary_data", "sha256"})
	told := refuse(t, session, "get_asset", arguments{"book_id": "field-notes", "asset_type": "images", "filename": "map.png"})
	if told.Code != sheaf.ErrNotFound || told.Hint == "" {
		t.Errorf("an asset that is not there: %+v", told)
	}
}

// What is wrong with binary_data is said of binary_data, whatever REST calls it.
func TestErrorsNameTheArgumentsOfTools(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	told := refuse(t, session, "upload_asset", arguments{
		"book_id": "book", "asset_type": "images", "filename": "a.png", "binary_data": "bm90IGFuIGltYWdl",
	})
	if len(told.Fields) != 1 || told.Fields[0].Field != "binary_data" {
		t.Errorf("a text as an image: %+v", told)
	}
	told = refuse(t, session, "grep_search", arguments{"pattern": "", "all_books": true})
	if strings.Contains(told.Hint, "glob") && !strings.Contains(told.Hint, "glob_search") {
		t.Errorf("no pattern: %+v", told)
	}
}
