package client

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// HandlerTransport returns a transport that calls h in this process, so that a
// program can embed a server and still speak to it as to any other. Bodies
// stream in both directions, without a buffer. When an answer's body has been
// read to its end, h has returned.
//
// Informational answers, trailers and hijacking are not carried.
func HandlerTransport(h http.Handler) http.RoundTripper { return handlerTransport{h} }

type handlerTransport struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (t handlerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	in := serverRequest(ctx, req)
	w := newPipedAnswer(req)
	// Giving up wakes the handler, wherever it reads or writes.
	release := context.AfterFunc(ctx, func() {
		in.Body.Close()
		w.body.CloseWithError(context.Cause(ctx))
	})
	go func() {
		defer cancel()
		defer in.Body.Close()
		defer release()
		defer w.finish()
		t.handler.ServeHTTP(w, in)
	}()
	select {
	case begun := <-w.begun:
		if begun.err != nil {
			return nil, begun.err
		}
		begun.response.Body = &pipedBody{w.body, cancel}
		return begun.response, nil
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
}

// serverRequest turns a client's request into what a server passes to a handler.
func serverRequest(ctx context.Context, req *http.Request) *http.Request {
	in := req.Clone(ctx)
	in.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	in.RequestURI = in.URL.RequestURI()
	in.Host = cmp.Or(req.Host, req.URL.Host)
	in.RemoteAddr = "@" // as on a Unix socket
	in.Header.Del("Expect")
	in.GetBody = nil
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

// pipedAnswer is the handler's side of an answer. Only the handler's goroutine
// uses it, but for body and begun.
type pipedAnswer struct {
	req     *http.Request
	header  http.Header
	begun   chan beginning // gets one, when the status is known or there will be none
	body    *io.PipeReader
	pipe    *io.PipeWriter
	started bool
	left    int64 // bytes still due by the Content-Length, -1 when there is none
}

type beginning struct {
	response *http.Response
	err      error
}

func newPipedAnswer(req *http.Request) *pipedAnswer {
	body, pipe := io.Pipe()
	return &pipedAnswer{req: req, header: http.Header{}, begun: make(chan beginning, 1), body: body, pipe: pipe, left: -1}
}

// Header implements [http.ResponseWriter].
func (w *pipedAnswer) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *pipedAnswer) WriteHeader(status int) {
	if w.started || status < 200 {
		return
	}
	w.started = true
	length := int64(-1)
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		length = n
	}
	switch {
	case status == http.StatusNoContent:
		length, w.left = 0, 0
	case w.req.Method == http.MethodHead, status == http.StatusNotModified:
		w.left = 0
	default:
		w.left = length
	}
	w.begun <- beginning{response: &http.Response{
		Status:     fmt.Sprintf("%d %s", status, http.StatusText(status)),
		StatusCode: status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.header.Clone(),
		ContentLength: length,
		Request:       w.req,
	}}
}

// Write implements [http.ResponseWriter].
func (w *pipedAnswer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.left < 0 {
		return w.pipe.Write(p)
	}
	if w.req.Method == http.MethodHead {
		return len(p), nil
	}
	if int64(len(p)) > w.left {
		return 0, http.ErrContentLength
	}
	n, err := w.pipe.Write(p)
	w.left -= int64(n)
	return n, err
}

// Flush implements [http.Flusher]: a pipe holds nothing back.
func (w *pipedAnswer) Flush() { w.WriteHeader(http.StatusOK) }

// SetReadDeadline and its like belong to connections that may stall. Here the
// other side is this process, so that handlers that set deadlines get none.
func (w *pipedAnswer) SetReadDeadline(time.Time) error  { return nil }
func (w *pipedAnswer) SetWriteDeadline(time.Time) error { return nil }
func (w *pipedAnswer) EnableFullDuplex() error          { return nil }

// finish ends the answer when the handler has returned or panicked, as a
// connection's end would: a panic, [http.ErrAbortHandler] among them, and a
// body shorter than announced break it off.
func (w *pipedAnswer) finish() {
	panicked := recover()
	switch {
	case panicked != nil && panicked != http.ErrAbortHandler:
		w.abort(fmt.Errorf("the handler panicked: %v", panicked))
	case panicked != nil, w.started && w.left > 0:
		w.abort(io.ErrUnexpectedEOF)
	default:
		if !w.started {
			w.header.Set("Content-Length", "0")
		}
		w.WriteHeader(http.StatusOK)
		w.pipe.Close()
	}
}

func (w *pipedAnswer) abort(err error) {
	if !w.started {
		w.begun <- beginning{err: err}
	}
	w.pipe.CloseWithError(err)
}

// pipedBody is the client's side of an answer's body.
type pipedBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close makes the handler's writes fail and ends its request's context.
func (b *pipedBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
