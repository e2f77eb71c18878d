package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// More uploads than are received at once begin and send nothing more. Everything
// else goes on meanwhile, and uploads do when those are given up.
func TestStalledUploadsDelayNobody(t *testing.T) {
	t.Parallel()
	const idle = 4 * time.Second
	s := startApp(t, func(c *config.Config) { c.Server.UploadIdleTimeout = idle })
	most := s.Config.Server.MaxUploads
	doc := pushText(t, s.Client, "a.txt", "content")
	half := formFile("stalled.bin", strings.Repeat("x", 200_000))[:100_000]
	beginnings := []string{
		uploadHead(1000),
		uploadHead(1_000_000),
		uploadHead(1000) + "--" + boundary + "\r\nContent-Dis",
		uploadHead(1_000_000) + half,
		uploadHead(-1) + fmt.Sprintf("%x\r\n%s\r\n", len(half), half),
		uploadHead(-1) + fmt.Sprintf("%x\r\n%s", 2*len(half), half),
	}
	stalled := most + 44
	statuses := make(chan int, stalled)
	for i := range stalled {
		conn := dialRaw(t, s.URL)
		conn.send("%s", beginnings[i%len(beginnings)])
		go func() { statuses <- conn.status() }()
	}

	begin := time.Now()
	for range 50 {
		download, err := s.Client.Pull(t.Context(), doc.ID)
		if err != nil {
			t.Fatalf("pulling beside stalled uploads: %v", err)
		}
		io.Copy(io.Discard, download.Body)
		download.Body.Close()
		if answer := ask(t, s.URL, "GET", "/documents"); answer.StatusCode != http.StatusOK {
			t.Errorf("listing beside stalled uploads: %s", answer.Status)
		}
	}
	if took := time.Since(begin); took > idle {
		t.Errorf("50 pulls and listings took %v beside stalled uploads", took)
	}
	if time.Since(begin) < idle/2 { // none has been given up yet
		answer := upload(t, s.URL, formFile("one-more.txt", "x")+formEnd)
		wantProblem(t, "one more upload", answer, sheaf.ErrRateLimited)
		if answer.Header.Get("Retry-After") == "" {
			t.Error("one more upload is not told when to try again")
		}
	}

	got := map[int]int{}
	for range stalled {
		got[<-statuses]++
	}
	if got[http.StatusRequestTimeout] < most || got[http.StatusRequestTimeout]+got[http.StatusTooManyRequests] != stalled {
		t.Errorf("the answers to %d stalled uploads by status: %v, want %d of 408, the others 429", stalled, got, most)
	}
	pushText(t, s.Client, "b.txt", "after the stall")
	wantNoLeftovers(t, s)
}

// status returns the status of the next answer, 0 if there is none.
func (c *rawConn) status() int {
	c.SetReadDeadline(time.Now().Add(answerPatience))
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// A body that is announced and does not come is not waited for, whether the
// operation wants it or not, or has all it wants already.
func TestBodiesThatDoNotCome(t *testing.T) {
	t.Parallel()
	s := startApp(t, func(c *config.Config) { c.Server.UploadIdleTimeout = 300 * time.Millisecond })
	form := formFile("a.txt", "content") + formEnd
	large := formFile("a.txt", strings.Repeat("x", 300_000)) + formValue("description", strings.Repeat("d", 10_000)) + formEnd
	formType := "Content-Type: multipart/form-data; boundary=" + boundary
	for what, test := range map[string]struct {
		request string
		status  int
	}{
		"more was announced than the form":       {uploadHead(len(form)+100) + form, 408},
		"more was announced than the large form": {uploadHead(len(large)+100) + large, 408},
		"no last chunk after the form":           {uploadHead(-1) + fmt.Sprintf("%x\r\n%s\r\n", len(form), form), 408},
		"a chunk that is not finished":           {uploadHead(-1) + fmt.Sprintf("%x\r\n%s", 10*len(form), form), 408},
		"nothing after a line break":             {uploadHead(len(form)) + form[:len(form)-2], 408},
		"a form of a wrong type":                 {uploadHead(1000, "Content-Type: text/plain"), 415},
		"a form from another site":               {uploadHead(1000, formType, "Origin: http://evil.example"), 403},
		"a form for another place":               {strings.Replace(uploadHead(1000), "/documents", "/nowhere", 1), 404},
		"a deletion with a body":                 {strings.Replace(uploadHead(1000), "POST /documents", "DELETE /documents/doc_0123456789ab", 1), 422},
		"a listing with a body":                  {strings.Replace(uploadHead(1000), "POST", "GET", 1), 422},
		"a check with chunks":                    {strings.Replace(uploadHead(-1), "/documents", "/admin/fsck", 1), 422},
	} {
		conn := dialRaw(t, s.URL)
		conn.send("%s", test.request)
		if answer := conn.answer(http.MethodPost); answer.StatusCode != test.status {
			t.Errorf("%s: %s %s, want %d", what, answer.Status, answer.body, test.status)
		}
		conn.wantClosed(what)
	}
	wantNothingLeft(t, s)
}

// A header has to arrive within its time, however busily it drips.
func TestDrippingHeaders(t *testing.T) {
	t.Parallel()
	const patience = 500 * time.Millisecond
	s := startApp(t, func(c *config.Config) { c.Server.HeaderTimeout = patience })
	for _, kept := range []bool{false, true} { // whether a request came before on the connection
		conn := dialRaw(t, s.URL)
		if kept {
			conn.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
			conn.answer("GET")
		}
		begin := time.Now()
		conn.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n")
		for time.Since(begin) < answerPatience {
			if _, err := io.WriteString(conn.Conn, "X: y\r\n"); err != nil {
				break
			}
			time.Sleep(patience / 20)
		}
		if took := time.Since(begin); took >= answerPatience {
			t.Errorf("a header that drips for %v, on a used connection %t, is still read", took, kept)
		}
	}
}

// However an upload is cut off, nothing of it stays.
func TestUploadsCutOff(t *testing.T) {
	t.Parallel()
	s := startApp(t)
	small := formValue("name", "n") + formFile("a.txt", "content") + formValue("tags", "t") + formEnd
	large := formValue("name", "n") + formFile("a.bin", string(blobtest.Random(500_000))) + formValue("tags", "t") + formEnd
	for i := range 120 {
		form := small
		if i%2 == 1 {
			form = large
		}
		request, end := uploadHead(len(form))+form, 2
		if i%4 >= 2 {
			request, end = uploadHead(-1)+fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(form), form), 5
		}
		at := rand.IntN(len(request) - end)
		conn := dialRaw(t, s.URL)
		conn.send("%s", request[:at])
		if i%3 == 0 {
			conn.abort()
		} else {
			conn.Close()
		}
	}
	// A connection is closed in no order with what the others do. Those that
	// were accepted are done once the server has stopped.
	s = s.Restart()
	wantNothingLeft(t, s)
}

// Clients that are killed in the middle of a download leave nothing open.
func TestDownloadsCutOff(t *testing.T) { // not in parallel: it counts what the process has
	s := startApp(t)
	docs := []sheaf.Document{
		pushText(t, s.Client, "random.bin", string(blobtest.Random(8<<20))),
		pushText(t, s.Client, "text.txt", strings.Repeat("0123456789abcdef", 1<<19)),
	}
	before, filesBefore := runtime.NumGoroutine(), openFiles(t)
	for i := range 40 {
		conn := dialRaw(t, s.URL)
		headers := []string{"", "Accept-Encoding: gzip\r\n", "Range: bytes=1000-\r\n"}[i%3]
		conn.send("GET /documents/%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", docs[i%2].ID, headers)
		io.CopyN(io.Discard, conn.reader, int64(1+i*100))
		if i%4 == 0 {
			conn.Close()
		} else {
			conn.abort()
		}
	}
	for deadline := time.Now().Add(answerPatience); ; time.Sleep(10 * time.Millisecond) {
		goroutines, files := runtime.NumGoroutine(), openFiles(t)
		if goroutines <= before && files <= filesBefore {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d open files after downloads that were cut off, %d and %d before", goroutines, files, before, filesBefore)
		}
	}
	for _, doc := range docs {
		wantPull(t, s.Client, doc)
	}
	wantNoLeftovers(t, s)
}

// openFiles returns how many files the process has open, 0 where nobody can say.
func openFiles(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// wantPull fails unless a document can be read, and is what was pushed.
func wantPull(t testing.TB, c *client.Client, doc sheaf.Document) {
	t.Helper()
	download, err := c.Pull(t.Context(), doc.ID)
	if err != nil {
		t.Errorf("pulling %s: %v", doc.ID, err)
		return
	}
	defer download.Body.Close()
	// The client compares the digest.
	if n, err := io.Copy(io.Discard, download.Body); err != nil || n != doc.Size {
		t.Errorf("pulling %s: %d bytes, %v, want %d", doc.ID, n, err, doc.Size)
	}
}

// A reader that takes its time gets everything, and holds up nobody.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	s := startApp(t)
	const size = 4 << 20
	docs := []sheaf.Document{
		pushText(t, s.Client, "random.bin", string(blobtest.Random(size))),
		pushText(t, s.Client, "text.txt", strings.Repeat("0123456789abcdef", size/16)),
	}
	var slow sync.WaitGroup
	for i := range 20 {
		doc := docs[i%2]
		conn := dialRaw(t, s.URL)
		conn.Conn.(*net.TCPConn).SetReadBuffer(16 << 10)
		conn.send("GET /documents/%s HTTP/1.1\r\nHost: localhost\r\n\r\n", doc.ID)
		slow.Go(func() {
			answer, err := http.ReadResponse(conn.reader, nil)
			if err != nil {
				t.Errorf("a slow reader: %v", err)
				return
			}
			defer answer.Body.Close()
			var read []byte
			for part := make([]byte, size/20); err == nil; time.Sleep(50 * time.Millisecond) {
				var n int
				n, err = io.ReadFull(answer.Body, part)
				read = append(read, part[:n]...)
			}
			if sheaf.DigestOf(read) != doc.Digest {
				t.Errorf("a slow reader got %d bytes that are not the %d of %s: %v", len(read), size, doc.Filename, err)
			}
		})
	}
	for range 20 {
		for _, doc := range docs {
			wantPull(t, s.Client, doc)
		}
	}
	slow.Wait()
}

// Archives that nobody reads on hold their memory until their connections end;
// whoever finds it taken is told when to come again.
func TestStalledArchives(t *testing.T) {
	t.Parallel()
	s := startApp(t, func(c *config.Config) { c.Storage.ArchiveMemory = 20_000 })
	for i := range 6 { // more than sockets buffer
		pushText(t, s.Client, fmt.Sprintf("%d.bin", i), string(blobtest.Random(4<<20)))
	}
	const path = "/collections/default/archive.zip"
	var stalled []*rawConn
	for begin := time.Now(); ; {
		answer := askHead(t, s.URL, path)
		if answer.StatusCode == http.StatusTooManyRequests {
			if answer.Header.Get("Retry-After") == "" {
				t.Error("an archive too many is not told when to try again")
			}
			break
		}
		if len(stalled) == 20 || time.Since(begin) > answerPatience {
			t.Fatalf("%d archives are being downloaded, and another is %s", len(stalled), answer.Status)
		}
		conn := dialRaw(t, s.URL)
		conn.Conn.(*net.TCPConn).SetReadBuffer(16 << 10)
		conn.send("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
		if _, err := conn.reader.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		stalled = append(stalled, conn)
	}
	for _, conn := range stalled {
		conn.abort()
	}
	for deadline := time.Now().Add(answerPatience); askHead(t, s.URL, path).StatusCode != http.StatusOK; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the memory of downloads that were cut off is not given back")
		}
	}
}

func askHead(t testing.TB, url, path string) *http.Response {
	t.Helper()
	answer, err := http.Head(url + path)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer
}
