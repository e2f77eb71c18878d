package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// presignedSettings let contents of 1 MB be uploaded in two steps. An upload whose
// bytes alone are measured is never completed.
const presignedSettings = "limits: {asset_direct: 1MiB}\n"

// presignedBook is whose assets are uploaded and downloaded.
const presignedBook = "presigned"

// presignedDownload measures downloads from the bucket by URLs that Sheaf hands
// out: one for each, and then one for many.
func (b *bench) presignedDownload(ctx context.Context, name string, x *bucketed) error {
	for i := range bucketObjects {
		picture := randomPicture()
		_, err := x.client.UploadAsset(ctx, client.AssetInput{
			Book: presignedBook, Type: sheaf.AssetImages, Filename: pictureName(strconv.Itoa(i)), Body: bytes.NewReader(picture),
		})
		if err == nil {
			err = x.direct.put(ctx, strconv.Itoa(i), picture)
		}
		if err != nil {
			return err
		}
	}
	transfers := newTransferClient()
	defer transfers.CloseIdleConnections()
	download := func(ctx context.Context, number int) error {
		asset, err := x.client.Asset(ctx, presignedBook, sheaf.AssetImages, pictureName(strconv.Itoa(number)))
		if err != nil {
			return err
		}
		return getURL(ctx, transfers, asset.DownloadURL, asset.Size)
	}
	if err := x.compare(ctx, b, name, 0.9, repeated(x.direct.getAny), repeated(func(ctx context.Context, _ int) error {
		return download(ctx, mathrand.IntN(bucketObjects))
	})); err != nil {
		return err
	}
	var known []sheaf.Asset
	for i := range bucketObjects {
		asset, err := x.client.Asset(ctx, presignedBook, sheaf.AssetImages, pictureName(strconv.Itoa(i)))
		if err != nil {
			return err
		}
		known = append(known, asset)
	}
	return x.compare(ctx, b, name+", by a URL that is known", 0.9, repeated(x.direct.getAny), repeated(func(ctx context.Context, _ int) error {
		asset := known[mathrand.IntN(bucketObjects)]
		return getURL(ctx, transfers, asset.DownloadURL, asset.Size)
	}))
}

// presignedUpload measures uploads in two steps: first what is sent to the bucket,
// then all of it, from announcing the asset until it is one.
func (b *bench) presignedUpload(ctx context.Context, name string, x *bucketed) error {
	if _, err := x.client.CreateBook(ctx, client.BookInput{ID: presignedBook}); err != nil {
		return err
	}
	transfers := newTransferClient()
	defer transfers.CloseIdleConnections()
	begin := func(ctx context.Context, content []byte, name string) (sheaf.AssetUpload, error) {
		digest := sheaf.Digest(sha256.Sum256(content))
		return x.client.BeginUpload(ctx, client.UploadInput{
			Book: presignedBook, Type: sheaf.AssetImages, Filename: pictureName(name), Size: int64(len(content)), SHA256: &digest,
		})
	}
	pictures := copies(bucketConnections, randomPicture())
	var begun []sheaf.AssetUpload
	for worker, picture := range pictures {
		stamp(picture)
		upload, err := begin(ctx, picture, "same-"+strconv.Itoa(worker))
		if err != nil {
			return err
		}
		begun = append(begun, upload)
	}
	// The service takes the same bytes again until the grant expires.
	putSame := func(ctx context.Context, worker int) error {
		return x.direct.put(ctx, strconv.Itoa(worker), pictures[worker])
	}
	err := x.compare(ctx, b, name+", its bytes alone", 0.9, repeated(putSame), repeated(func(ctx context.Context, worker int) error {
		return putURL(ctx, transfers, begun[worker], pictures[worker])
	}))
	if err != nil {
		return err
	}
	// Those stay as they are: versitygw removes a directory with its last object, and
	// may do so while another one comes.
	return x.compare(ctx, b, name+", begun and completed", 0, repeated(x.direct.putNew(bucketConnections, pictures[0])), repeated(func(ctx context.Context, worker int) error {
		name := stamp(pictures[worker])
		upload, err := begin(ctx, pictures[worker], name)
		if err == nil {
			err = putURL(ctx, transfers, upload, pictures[worker])
		}
		if err == nil {
			_, err = x.client.CompleteUpload(ctx, upload.ID, nil)
		}
		return err
	}))
}

// randomPicture returns 1 MB that begins as a picture does and is random else.
func randomPicture() []byte {
	picture := randomBytes(1 << 20)
	copy(picture, "\x89PNG\r\n\x1a\n")
	return picture
}

func pictureName(name string) string { return name + ".png" }

// newTransferClient returns a client that keeps as many connections as it uses.
func newTransferClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: bucketConnections, DisableCompression: true}}
}

// getURL downloads what a URL leads to.
func getURL(ctx context.Context, c *http.Client, url string, size int64) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response)
	}
	return discard(response.Body, size)
}

// putURL sends the bytes of an upload to where they are wanted.
func putURL(ctx context.Context, c *http.Client, to sheaf.AssetUpload, content []byte) error {
	request, err := http.NewRequestWithContext(ctx, to.Method, to.URL, bytes.NewReader(content))
	if err != nil {
		return err
	}
	for name, value := range to.Header {
		request.Header.Set(name, value)
	}
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response)
	}
	return discard(response.Body, 0)
}

func refusal(response *http.Response) error {
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
	return fmt.Errorf("%s %s: %s: %s", response.Request.Method, response.Request.URL, response.Status, text)
}
