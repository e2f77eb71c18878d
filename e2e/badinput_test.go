package e2e

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// Every form that is not as it should be gets an answer that says why, and leaves
// nothing behind.
func TestMalformedUploads(t *testing.T) {
	t.Parallel()
	s := startApp(t, func(c *config.Config) { c.Server.UploadIdleTimeout = time.Second })
	file := formFile("a.txt", "content")
	large := formFile("a.bin", strings.Repeat("0123456789abcdef", 20_000))
	formType := "Content-Type: multipart/form-data; boundary=" + boundary
	for what, test := range map[string]struct {
		form    string
		kind    sheaf.ErrorKind
		headers []string
	}{
		"no file":                         {formValue("name", "n") + formEnd, sheaf.ErrInvalid, nil},
		"no parts":                        {formEnd, sheaf.ErrInvalid, nil},
		"nothing":                         {"", sheaf.ErrInvalid, nil},
		"no form":                         {strings.Repeat("no form ", 30_000), sheaf.ErrInvalid, nil},
		"another boundary":                {strings.ReplaceAll(file+formEnd, boundary, "other"), sheaf.ErrInvalid, nil},
		"no end":                          {file, sheaf.ErrInvalid, nil},
		"no end after a large file":       {large, sheaf.ErrInvalid, nil},
		"a file that is not ended":        {strings.TrimSuffix(large, "\r\n"), sheaf.ErrInvalid, nil},
		"two files":                       {file + formFile("b.txt", "other") + formEnd, sheaf.ErrInvalid, nil},
		"two large files":                 {large + large + formEnd, sheaf.ErrInvalid, nil},
		"a file after a bad field":        {formValue("nmae", "n") + large + formEnd, sheaf.ErrInvalid, nil},
		"a bad field after a file":        {large + formValue("nmae", "n") + formEnd, sheaf.ErrInvalid, nil},
		"a field twice":                   {large + formValue("name", "a") + formValue("name", "b") + formEnd, sheaf.ErrInvalid, nil},
		"a file without a name":           {formValue("file", "content") + formEnd, sheaf.ErrInvalid, nil},
		"a part without a header":         {"--" + boundary + "\r\n\r\ncontent\r\n" + file + formEnd, sheaf.ErrInvalid, nil},
		"a part that is no form data":     {"--" + boundary + "\r\nContent-Disposition: attachment; filename=a\r\n\r\nx\r\n" + file + formEnd, sheaf.ErrInvalid, nil},
		"a header that is none":           {"--" + boundary + "\r\nthis is no header\r\n\r\nx\r\n" + file + formEnd, sheaf.ErrInvalid, nil},
		"a header without an end":         {"--" + boundary + "\r\nX: " + strings.Repeat("x", 1<<20), sheaf.ErrInvalid, nil},
		"a name given twice in a header":  {"--" + boundary + "\r\nContent-Disposition: form-data; name=file; name=name; filename=a\r\n\r\nx\r\n" + formEnd, sheaf.ErrInvalid, nil},
		"a NUL in a header":               {strings.Replace(file, "filename", "\x00filename", 1) + formEnd, sheaf.ErrInvalid, nil},
		"a huge field":                    {formValue("description", strings.Repeat("x", 3<<20)) + file + formEnd, sheaf.ErrInvalid, nil},
		"a huge unknown field":            {formValue("unknown", strings.Repeat("x", 3<<20)) + file + formEnd, sheaf.ErrInvalid, nil},
		"a huge name of a field":          {formValue(strings.Repeat("x", 1<<20), "x") + file + formEnd, sheaf.ErrInvalid, nil},
		"ten thousand fields":             {strings.Repeat(formValue("name", "n"), 10_000) + file + formEnd, sheaf.ErrInvalid, nil},
		"ten thousand files":              {strings.Repeat(file, 10_000) + formEnd, sheaf.ErrInvalid, nil},
		"much before the first part":      {strings.Repeat("preamble\r\n", 100_000) + file + formEnd, sheaf.ErrInvalid, nil},
		"much after the last part":        {file + formEnd + strings.Repeat("epilogue\r\n", 100_000), sheaf.ErrInvalid, nil},
		"metadata that is no JSON":        {file + formValue("metadata", "{") + formEnd, sheaf.ErrInvalid, nil},
		"a tag that is too long":          {large + formValue("tags", strings.Repeat("t", 65)) + formEnd, sheaf.ErrInvalid, nil},
		"a name that is too long":         {large + formValue("name", strings.Repeat("n", 256)) + formEnd, sheaf.ErrInvalid, nil},
		"a collection that is none":       {large + formValue("collection", "../etc") + formEnd, sheaf.ErrInvalid, nil},
		"a collection that is not there":  {large + formValue("collection", "unknown") + formEnd, sheaf.ErrNotFound, nil},
		"a path outside books":            {large + formValue("path", "a/b.md") + formEnd, sheaf.ErrInvalid, nil},
		"no content type":                 {file + formEnd, sheaf.ErrUnsupported, []string{"X-Nothing: 1"}},
		"JSON that is no document":        {`{"file": "content"}`, sheaf.ErrInvalid, []string{"Content-Type: application/json"}},
		"a form of another kind":          {"file=content", sheaf.ErrUnsupported, []string{"Content-Type: application/x-www-form-urlencoded"}},
		"multipart of another kind":       {file + formEnd, sheaf.ErrUnsupported, []string{"Content-Type: multipart/mixed; boundary=" + boundary}},
		"no boundary":                     {file + formEnd, sheaf.ErrInvalid, []string{"Content-Type: multipart/form-data"}},
		"an empty boundary":               {file + formEnd, sheaf.ErrInvalid, []string{`Content-Type: multipart/form-data; boundary=""`}},
		"a boundary that is too long":     {file + formEnd, sheaf.ErrInvalid, []string{"Content-Type: multipart/form-data; boundary=" + strings.Repeat("b", 71)}},
		"a content type that is no type":  {file + formEnd, sheaf.ErrUnsupported, []string{"Content-Type: ;;;=,"}},
		"an idempotency key that is long": {large + formEnd, sheaf.ErrInvalid, []string{formType, "Idempotency-Key: " + strings.Repeat("k", 256)}},
	} {
		wantProblem(t, what, upload(t, s.URL, test.form, test.headers...), test.kind)
	}
	wantNothingLeft(t, s)
	pushText(t, s.Client, "fine.txt", "fine")
}

// A chunked body that is not well formed, or is announced twice, is no upload, and
// what follows on the connection is no second request.
func TestMalformedBodies(t *testing.T) {
	t.Parallel()
	s := startApp(t, func(c *config.Config) { c.Server.UploadIdleTimeout = time.Second })
	form := formFile("a.txt", "content") + formEnd
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for what, request := range map[string]string{
		"a chunk without a size":     uploadHead(-1) + "zz\r\n" + form + "\r\n0\r\n\r\n",
		"a chunk that is too long":   uploadHead(-1) + "5\r\n" + form + "\r\n0\r\n\r\n",
		"a huge chunk":               uploadHead(-1) + "ffffffffffffffff\r\n" + form,
		"no last chunk":              uploadHead(-1) + fmt.Sprintf("%x\r\n%s\r\n", len(form), form) + "x",
		"two lengths":                uploadHead(len(form), "Content-Type: multipart/form-data; boundary="+boundary, "Content-Length: 1") + form,
		"a negative length":          strings.Replace(uploadHead(7), "Length: 7", "Length: -7", 1) + form,
		"an unknown encoding":        strings.Replace(uploadHead(-1), "chunked", "gzip", 1) + form,
		"a length and chunks":        strings.Replace(uploadHead(-1), "Transfer", "Content-Length: 4\r\nTransfer", 1) + "zz\r\n" + form,
		"a header with a line break": uploadHead(len(form), "Content-Type: multipart/form-data; boundary="+boundary, "X-Agent-Id: a\r\n b: c\r\n\x00: d") + form,
	} {
		conn := dialRaw(t, s.URL)
		conn.send("%s%s", request, smuggled)
		if answer := conn.answer(http.MethodPost); answer.StatusCode < 400 || answer.StatusCode >= 500 && answer.StatusCode != http.StatusNotImplemented {
			t.Errorf("%s: %s %s, want a refusal", what, answer.Status, answer.body)
		}
		conn.wantClosed(what)
		if strings.Contains(conn.received.String(), "smuggled") {
			t.Errorf("%s: what follows was taken for another request: %s", what, conn.received.String())
		}
	}
	wantNothingLeft(t, s)
}

// A body over the limit is refused when it is announced, or else when it arrives,
// and not much later.
func TestBodiesOverTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	s := startApp(t, func(c *config.Config) { c.Limits.Content = limit })
	// What the two sides of a connection on loopback hold between them.
	const buffers = 16 << 20
	chunk := strings.Repeat("x", 64<<10)
	for what, test := range map[string]struct {
		length int
		write  string
	}{
		"announced": {1 << 30, chunk},
		"chunked":   {-1, fmt.Sprintf("%x\r\n%s\r\n", len(chunk), chunk)},
	} {
		conn := dialRaw(t, s.URL)
		head := formFile("a.bin", "")
		if test.length < 0 {
			head = fmt.Sprintf("%x\r\n%s\r\n", len(head), head)
		}
		conn.send("%s%s", uploadHead(test.length), head)
		sent := make(chan int64)
		go func() {
			var accepted int64
			for accepted < 1<<30 {
				n, err := io.WriteString(conn.Conn, test.write)
				if accepted += int64(n); err != nil {
					break
				}
			}
			sent <- accepted
		}()
		answer := conn.answer(http.MethodPost)
		wantProblem(t, what, answer, sheaf.ErrTooLarge)
		if !strings.Contains(string(answer.body), fmt.Sprint(limit)) {
			t.Errorf("%s: %s does not name the limit", what, answer.body)
		}
		if accepted := <-sent; accepted > limit+buffers {
			t.Errorf("%s: %d bytes were accepted before the connection was closed, want not much more than %d", what, accepted, limit)
		}
	}
	wantNothingLeft(t, s)

	if answer := upload(t, s.URL, formFile("a.bin", strings.Repeat("x", limit))+formEnd); answer.StatusCode != http.StatusOK {
		t.Errorf("a content at the limit: %s %s", answer.Status, answer.body)
	}
	wantProblem(t, "one byte over the limit", upload(t, s.URL, formFile("a.bin", strings.Repeat("x", limit+1))+formEnd), sheaf.ErrTooLarge)
	wantNoLeftovers(t, s)
}

// However a name is meant, it comes back as it was given, in headers that say
// nothing else.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	s := startApp(t)
	for filename, want := range map[string]string{ // as in the form, as stored
		"plain.txt":                                  "plain.txt",
		"résumé.pdf":                                 "résumé.pdf",
		"日本語.txt":                                    "日本語.txt",
		"../../../etc/passwd":                        "passwd",
		`C:\\Users\\me\\notes.md`:                    "notes.md",
		`quo\"te.txt`:                                `quo"te.txt`,
		"a;b=c.txt":                                  "a;b=c.txt",
		"%0d%0aX-Evil: 1.txt":                        "%0d%0aX-Evil: 1.txt",
		"%22; X-Evil=1":                              "%22; X-Evil=1",
		"<script>alert(1)</script>.html":             "script>.html",
		"a\u202egnp.exe":                             "a\u202egnp.exe",
		"\u2066isolate.txt":                          "\u2066isolate.txt",
		" leading and trailing ":                     " leading and trailing ",
		strings.Repeat("長", 85):                      strings.Repeat("長", 85),
		"con.txt\"; filename*=UTF-8''other%0d%0a.md": "", // two values of one parameter
	} {
		answer := upload(t, s.URL, formFile(filename, filename)+formEnd)
		if want == "" {
			wantProblem(t, filename, answer, sheaf.ErrInvalid)
			continue
		}
		if answer.StatusCode != http.StatusOK {
			t.Errorf("the filename %q: %s %s", filename, answer.Status, answer.body)
			continue
		}
		target, _ := url.Parse(answer.Header.Get("Location"))
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			wantNameInHeaders(t, ask(t, s.URL, method, target.Path), want)
		}
	}
	for _, disposition := range []string{
		"filename=\"a\nX-Evil: 1\"",
		"filename*=UTF-8''a%0d%0aX-Evil:%201.txt",
		"filename*=UTF-8''nul%00.txt",
		"filename*=UTF-8''invalid%ff.txt",
		"filename*=UTF-8''%2e%2e",
		"filename*=UTF-8''%2e%2e%2f",
		"filename*0=\"a\"; filename*1*=%0d%0a",
		`filename=".."`, `filename="/"`, `filename=" "`, `filename=""`,
		"filename=\"latin \xe9.txt\"",
		"filename=\"del\x7f.txt\"",
		`filename="` + strings.Repeat("n", 256) + `"`,
		`filename="` + strings.Repeat("n", 100_000) + `"`,
	} {
		form := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; " + disposition + "\r\n\r\nx\r\n" + formEnd
		wantProblem(t, fmt.Sprintf("%.60q", disposition), upload(t, s.URL, form), sheaf.ErrInvalid)
	}
	for _, name := range []string{"a\r\nX-Evil: 1", "a\nb", "\x00", "\x1b[2J", "\xff", " ", "a\u2028b"} {
		answer := upload(t, s.URL, formFile("a.txt", "x")+formValue("name", name)+formEnd)
		wantProblem(t, fmt.Sprintf("the name %q", name), answer, sheaf.ErrInvalid)
	}
	wantNoLeftovers(t, s)
}

// wantNameInHeaders checks the head of a download, line by line.
func wantNameInHeaders(t *testing.T, answer rawAnswer, name string) {
	t.Helper()
	allowed := []string{
		"Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Length", "Content-Security-Policy", "Content-Type",
		"Connection", "Date", "Etag", "Last-Modified", "Repr-Digest", "Vary", "X-Content-Type-Options", "X-Document-Filename",
		"X-Document-Filename*", "X-Document-Id", "X-Document-Name", "X-Document-Name*", "X-Request-Id",
	}
	for i, line := range strings.Split(answer.head, "\r\n") {
		header, value, _ := strings.Cut(line, ": ")
		if i > 0 && !slices.Contains(allowed, header) {
			t.Errorf("the name %q: an answer with the line %q", name, line)
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("the name %q: the line %q is not printable ASCII", name, line)
		}
	}
	for _, header := range []string{"X-Document-Filename", "X-Document-Name"} {
		got, encoded := answer.Header.Get(header), false
		if twin := answer.Header[header+"*"]; twin != nil {
			encoded = true
			if decoded, err := url.PathUnescape(strings.TrimPrefix(twin[0], "UTF-8''")); err != nil || decoded != name {
				t.Errorf("%s* decodes to %q, %v, want %q", header, decoded, err, name)
			}
		}
		if encoded {
			got, _ = url.PathUnescape(got)
		}
		if got != name {
			t.Errorf("%s says %q, want %q", header, got, name)
		}
	}
	disposition, params, err := mime.ParseMediaType(answer.Header.Get("Content-Disposition"))
	if err != nil || disposition != "attachment" || params["filename"] != name {
		t.Errorf("Content-Disposition is %q with the filename %q, %v, want an attachment %q", disposition, params["filename"], err, name)
	}
}

// What a browser would run in the name of this server it only saves.
func TestUploadedPagesDoNotRun(t *testing.T) {
	t.Parallel()
	s := startApp(t)
	for _, filename := range []string{"page.html", "page.HTM", "image.svg", "page.xhtml", "feed.xml", "code.js", "paper.pdf", "unknown"} {
		doc := pushText(t, s.Client, filename, "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(document.domain)</script></svg>")
		target := "/documents/" + string(doc.ID)
		for what, answer := range map[string]rawAnswer{
			"GET":           ask(t, s.URL, "GET", target),
			"HEAD":          ask(t, s.URL, "HEAD", target),
			"a version":     ask(t, s.URL, "GET", target+"?version=1"),
			"a range":       ask(t, s.URL, "GET", target, "Range: bytes=0-10"),
			"many ranges":   ask(t, s.URL, "GET", target, "Range: bytes=0-1,3-4"),
			"gzip":          ask(t, s.URL, "GET", target, "Accept-Encoding: gzip"),
			"from a page":   ask(t, s.URL, "GET", target, "Accept: text/html", "Sec-Fetch-Dest: document"),
			"not modified":  ask(t, s.URL, "GET", target, `If-None-Match: "`+doc.Digest.String()+`"`),
			"out of range":  ask(t, s.URL, "GET", target, "Range: bytes=99999-"),
			"not there":     ask(t, s.URL, "GET", target+"?version=7"),
			"the list":      ask(t, s.URL, "GET", "/documents?name=<script>"),
			"a wrong limit": ask(t, s.URL, "GET", "/documents?limit=<script>"),
			"no such place": ask(t, s.URL, "GET", "/<script>alert(1)</script>"),
		} {
			if got := answer.Header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("%s, %s: X-Content-Type-Options %q, want nosniff", filename, what, got)
			}
			mediaType, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
			if mediaType == "application/json" || mediaType == "application/problem+json" {
				continue
			}
			if got := answer.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
				t.Errorf("%s, %s: Content-Disposition %q, want an attachment", filename, what, got)
			}
			if got := answer.Header.Get("Content-Security-Policy"); !strings.Contains(got, "sandbox") || !strings.Contains(got, "default-src 'none'") {
				t.Errorf("%s, %s: Content-Security-Policy %q, want a sandbox", filename, what, got)
			}
		}
	}
}

// Web pages of others reach a server on loopback through a browser of the same
// machine: by a name of theirs that points to 127.0.0.1, or across sites.
func TestPagesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	s := startApp(t)
	doc := pushText(t, s.Client, "secret.txt", "secret")
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	target := "/documents/" + string(doc.ID)
	form := formFile("evil.txt", "evil") + formEnd
	for _, host := range []string{
		"evil.example", "evil.example" + port, "rebind.127.0.0.1.nip.io" + port, "localhost.evil.example", "127.0.0.1.evil.example",
		"0.0.0.0" + port, "[::]" + port, "192.168.1.1", "localhost.", "localhost%00", "", "2130706433", "0x7f.1",
	} {
		for _, request := range [][]string{{"GET", target}, {"HEAD", target}, {"DELETE", target}, {"GET", "/documents"}, {"GET", "/health"}, {"POST", "/admin/fsck"}, {"GET", "/docs"}} {
			answer := ask(t, s.URL, request[0], request[1], "Host: "+host)
			if answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusBadRequest || strings.Contains(string(answer.body), "secret") {
				t.Errorf("%s %s to the host %q: %s, want it refused", request[0], request[1], host, answer.Status)
			}
		}
		head := strings.Replace(uploadHead(len(form)), "Host: localhost", "Host: "+host, 1)
		conn := dialRaw(t, s.URL)
		conn.send("%s%s", head, form)
		if answer := conn.answer("POST"); answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusBadRequest {
			t.Errorf("an upload to the host %q: %s, want it refused", host, answer.Status)
		}
	}
	old := dialRaw(t, s.URL)
	old.send("GET %s HTTP/1.0\r\n\r\n", target)
	if answer := old.answer("GET"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("HTTP/1.0 without a host: %s, want it refused", answer.Status)
	}

	formType := "Content-Type: multipart/form-data; boundary=" + boundary
	for _, headers := range [][]string{
		{"Origin: https://evil.example"}, {"Origin: null"}, {"Origin: http://localhost:1"}, {"Origin: http://127.0.0.1"},
		{"Origin: http://evil.example" + port}, {"Origin: file://"}, {"Origin: garbage"}, {"Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: same-site"},
	} {
		wantProblem(t, "an upload with "+headers[0], upload(t, s.URL, form, append(headers, formType)...), sheaf.ErrForbidden)
		wantProblem(t, "a deletion with "+headers[0], ask(t, s.URL, "DELETE", target, headers...), sheaf.ErrForbidden)
		wantProblem(t, "a check with "+headers[0], ask(t, s.URL, "POST", "/admin/fsck", headers...), sheaf.ErrForbidden)
	}
	for _, headers := range [][]string{{"Origin: " + s.URL, "Host: 127.0.0.1" + port}, {"Sec-Fetch-Site: same-origin"}, {"Sec-Fetch-Site: none"}} {
		if answer := ask(t, s.URL, "GET", target, headers...); answer.StatusCode != http.StatusOK {
			t.Errorf("a download with %v: %s, want it allowed", headers, answer.Status)
		}
	}
	if docs, err := s.Client.Check(t.Context(), true); err != nil || docs.Documents != 1 {
		t.Errorf("%d documents, %v, want the one", docs.Documents, err)
	}
	wantNoLeftovers(t, s)
}

// Whatever a range says, the answer is a part of the content, the whole of it, or
// a refusal, and costs no more than the whole.
func TestRangeGarbage(t *testing.T) {
	t.Parallel()
	s := startApp(t)
	content := strings.Repeat("0123456789", 1_000_000)
	doc := pushText(t, s.Client, "digits.txt", content)
	target := "/documents/" + string(doc.ID)
	var backwards []string
	for i := range 2000 {
		backwards = append(backwards, fmt.Sprintf("%d-%[1]d", len(content)-1-2*i))
	}
	for spec, status := range map[string]int{
		"":                                http.StatusOK,
		"bytes=0-9":                       http.StatusPartialContent,
		"bytes=9999990-":                  http.StatusPartialContent,
		"bytes=-5":                        http.StatusPartialContent,
		"bytes=-99999999999":              http.StatusPartialContent,
		"bytes=0-99999999999":             http.StatusPartialContent,
		"bytes= 0 - 9 ":                   0,
		"bytes=-0":                        0,
		"bytes=":                          0,
		"bytes=-":                         http.StatusRequestedRangeNotSatisfiable,
		"bytes=--1":                       http.StatusRequestedRangeNotSatisfiable,
		"bytes=9-0":                       http.StatusRequestedRangeNotSatisfiable,
		"bytes=x-y":                       http.StatusRequestedRangeNotSatisfiable,
		"bytes=0x10-0x20":                 http.StatusRequestedRangeNotSatisfiable,
		"bytes=10000000-":                 http.StatusRequestedRangeNotSatisfiable,
		"bytes=99999999999999999999-":     http.StatusRequestedRangeNotSatisfiable,
		"bytes=0-99999999999999999999":    http.StatusPartialContent,
		"bytes=-99999999999999999999":     http.StatusPartialContent,
		"lines=1-2":                       http.StatusOK, // a unit that nobody knows
		"bytes":                           http.StatusOK,
		"bytes=0-0,1-1":                   http.StatusPartialContent,
		"bytes=0-9999999,0-9999999":       http.StatusOK, // more than the whole
		"bytes=" + commas(backwards, 16):  http.StatusPartialContent,
		"bytes=" + commas(backwards, 2e3): http.StatusOK,
		"bytes=" + strings.Repeat(",", 9): 0,
	} {
		begin := time.Now()
		answer := ask(t, s.URL, "GET", target, "Range: "+spec)
		if status == 0 { // as net/http has it
			if answer.StatusCode >= 500 {
				t.Errorf("the range %.60q: %s", spec, answer.Status)
			}
		} else if answer.StatusCode != status {
			t.Errorf("the range %.60q: %s, want %d", spec, answer.Status, status)
		}
		switch {
		case answer.StatusCode == http.StatusOK && string(answer.body) != content:
			t.Errorf("the range %.60q: %d bytes that are not the content", spec, len(answer.body))
		case answer.StatusCode == http.StatusRequestedRangeNotSatisfiable:
			wantProblem(t, fmt.Sprintf("the range %.60q", spec), answer, sheaf.ErrRange)
		case answer.StatusCode == http.StatusPartialContent && answer.Header.Get("Content-Range") != "":
			var first, last, size int
			fmt.Sscanf(answer.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size)
			if size != len(content) || string(answer.body) != content[first:last+1] {
				t.Errorf("the range %.60q: %d bytes that are not %s", spec, len(answer.body), answer.Header.Get("Content-Range"))
			}
		}
		if took := time.Since(begin); took > answerPatience/2 {
			t.Errorf("the range %.60q took %v", spec, took)
		}
	}
}

func commas(values []string, most int) string {
	return strings.Join(values[:min(len(values), most)], ",")
}

func TestListingGarbage(t *testing.T) {
	t.Parallel()
	s := startApp(t)
	pushText(t, s.Client, "a.txt", "x")
	for query, status := range map[string]int{
		"limit=1": 200, "limit=1000": 200, "limit=1001": 200, "limit=1000000000": 200, "limit=99999999999999999999": 200, "limit=": 200,
		"limit=0": 422, "limit=-1": 422, "limit=x": 422, "limit=1e9": 422, "limit=1.0": 422, "limit=0x10": 422, "limit=%00": 422,
		"limit=-99999999999999999999": 422, "limit=１": 422,
		"limit=-9223372036854775808": 422, "limit=9223372036854775807": 200,
		"name=%00": 200, "name=%ff%fe": 200, "name=%25": 200, "name=_": 200, "name='%20or%201=1--": 200, "name=" + strings.Repeat("n", 255): 200,
		"name=" + strings.Repeat("n", 256): 422, "name=" + strings.Repeat("n", 50_000): 422,
		"tags=,,,": 200, "tags=%0a": 200, "tags=a%00b": 422, "tags=%ff": 422, "tags=" + strings.Repeat("t,", 100): 200,
		"tags=" + strings.Repeat("t", 65): 422, "tags=" + manyTags(65): 422,
		"cursor=garbage": 422, "cursor=%00": 422, "cursor=e30": 422,
		"before=now": 422, "before=9999-12-31T23:59:59Z": 200, "after=0000-01-01T00:00:00Z": 200, "before=2025-13-01T00:00:00Z": 422,
		"collection=unknown": 404, "collection=..%2f": 422, "collection=%20": 422, "unknown=1": 200,
		"limit=1&limit=x": 200, "%zz=1": 200, ";": 200,
	} {
		answer := ask(t, s.URL, "GET", "/documents?"+query)
		if answer.StatusCode != status {
			t.Errorf("GET /documents?%.60s: %s %.200s, want %d", query, answer.Status, answer.body, status)
		}
		if status == 422 {
			wantProblem(t, fmt.Sprintf("GET /documents?%.60s", query), answer, sheaf.ErrInvalid)
		}
	}
}

func manyTags(n int) string {
	var tags []string
	for i := range n {
		tags = append(tags, fmt.Sprint("t", i))
	}
	return strings.Join(tags, ",")
}

func TestMalformedIDs(t *testing.T) {
	t.Parallel()
	s := startApp(t)
	doc := pushText(t, s.Client, "a.txt", "x")
	for _, id := range []string{
		"nonsense", "doc_", "doc_0123456789a", "doc_0123456789abc", "DOC_0123456789AB", strings.ToUpper(string(doc.ID)), "doc_%00123456789a",
		string(doc.ID) + "%00", string(doc.ID) + "%0ax", string(doc.ID) + ".txt", "%2e%2e%2fdocuments.db", "..%2f..%2fetc%2fpasswd", "%ff", "%e2%80%ae",
		"doc_０１２３４５６７８９ab", "-1", "*", "%27%20or%201=1", strings.Repeat("x", 10_000), "%25", "%252e%252e",
	} {
		for _, method := range []string{"GET", "HEAD", "DELETE"} {
			answer := ask(t, s.URL, method, "/documents/"+id)
			if answer.StatusCode != http.StatusNotFound {
				t.Errorf("%s /documents/%.40s: %s, want 404", method, id, answer.Status)
			}
			if method != "HEAD" && !strings.Contains(string(answer.body), `"detail":"Document not found"`) {
				t.Errorf("%s /documents/%.40s: %s, want the seed's message", method, id, answer.body)
			}
		}
	}
	// These name another place, or none.
	for target, status := range map[string]int{
		"/documents/..": 307,
		"/documents/../documents/" + string(doc.ID): 307,
		"/documents//":                                                   307,
		"/documents/" + string(doc.ID) + "/":                             404,
		"/documents/" + string(doc.ID) + "/x":                            404,
		"/documents/%zz":                                                 400,
		"/documents/a\x01b":                                              400,
		"/" + strings.Repeat("x", 100_000):                               431,
		"/documents/" + string(doc.ID) + "?version=0":                    422,
		"/documents/" + string(doc.ID) + "?version=x":                    422,
		"/documents/" + string(doc.ID) + "?version=99":                   404,
		"/documents/" + string(doc.ID) + "?version=99999999999999999999": 404,
	} {
		if answer := ask(t, s.URL, "GET", target); answer.StatusCode != status {
			t.Errorf("GET %.60q: %s, want %d", target, answer.Status, status)
		}
	}
	if answer := ask(t, s.URL, "GET", "/documents/%20"+string(doc.ID)+"%20"); answer.StatusCode != http.StatusOK {
		t.Errorf("an id between blanks: %s, want it trimmed", answer.Status)
	}
}
