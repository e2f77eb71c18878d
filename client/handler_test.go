package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf/client"
)

// transports are two ways to the same handler, which have to be alike.
func transports(t *testing.T, handler http.HandlerFunc) map[string]func(*http.Request) (*http.Response, error) {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	network := &http.Transport{DisableCompression: true}
	t.Cleanup(network.CloseIdleConnections)
	return map[string]func(*http.Request) (*http.Response, error){
		"network": func(r *http.Request) (*http.Response, error) {
			r.URL.Host = server.Listener.Addr().String()
			return network.RoundTrip(r)
		},
		"handler": client.HandlerTransport(handler).RoundTrip,
	}
}

func request(t *testing.T, method string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://sheaf.test/a%2Fb?q=1", body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHandlerTransportIsLikeTheNetwork(t *testing.T) {
	for _, test := range []struct {
		name    string
		method  string
		handler http.HandlerFunc
		status  int // 0: no answer at all
		length  int64
		body    string
		cut     bool // reading the body ends with an error
	}{
		{"nothing written", "GET", func(http.ResponseWriter, *http.Request) {}, 200, 0, "", false},
		{"status only", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, 0, "", false},
		{"body of known length", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "hello")
		}, 200, 5, "hello", false},
		{"body of unknown length", "GET", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hel")
			w.(http.Flusher).Flush()
			io.WriteString(w, "lo")
		}, 200, -1, "hello", false},
		{"HEAD", "HEAD", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "hello")
		}, 200, 5, "", false},
		{"body shorter than announced", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "6")
			io.WriteString(w, "hello")
		}, 200, 6, "hello", true},
		{"body longer than announced", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "hello")
			if _, err := io.WriteString(w, "!"); !errors.Is(err, http.ErrContentLength) {
				t.Errorf("writing too much: %v, want ErrContentLength", err)
			}
		}, 200, 5, "hello", false},
		{"aborted in the middle", "GET", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hello")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, 200, -1, "hello", true},
		{"aborted at once", "GET", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, 0, "", false},
		{"header after the status", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			w.Header().Set("X-Late", "1")
		}, 404, 0, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, roundTrip := range transports(t, test.handler) {
				res, err := roundTrip(request(t, test.method, nil))
				if test.status == 0 {
					if err == nil {
						t.Errorf("%s: answered %s, want an error", name, res.Status)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if res.StatusCode != test.status || string(body) != test.body || (err != nil) != test.cut {
					t.Errorf("%s: got %d %q %v, want %d %q, cut %t", name, res.StatusCode, body, err, test.status, test.body, test.cut)
				}
				if test.cut && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%s: a body that is cut ends with %v, want ErrUnexpectedEOF", name, err)
				}
				if test.status != 404 && res.ContentLength != test.length {
					t.Errorf("%s: Content-Length %d, want %d", name, res.ContentLength, test.length)
				}
				if res.Header.Get("X-Late") != "" {
					t.Errorf("%s: a header set after the status was sent", name)
				}
			}
		})
	}
}

func TestHandlerTransportPassesTheRequestOn(t *testing.T) {
	for name, roundTrip := range transports(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Host == "" || r.URL.Host != "" || r.RemoteAddr == "" {
			t.Errorf("request %+v with body error %v is not what servers get", r, err)
		}
		io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.URL.Path+" "+r.Header.Get("X-A")+" "+string(body))
	}) {
		r := request(t, "POST", strings.NewReader("body"))
		r.Header.Set("X-A", "a")
		res, err := roundTrip(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if want := "POST /a%2Fb?q=1 /a/b a body"; err != nil || string(body) != want {
			t.Errorf("%s: the handler saw %q (%v), want %q", name, body, err, want)
		}
	}
}

// Both bodies move at the same time, a piece at a time.
func TestHandlerTransportStreams(t *testing.T) {
	source, sink := io.Pipe()
	echo := func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }
	answers := make(chan *http.Response, 1)
	go func() {
		res, err := client.HandlerTransport(http.HandlerFunc(echo)).RoundTrip(request(t, "POST", source))
		if err != nil {
			t.Error(err)
		}
		answers <- res
	}()
	piece := make([]byte, 4)
	var res *http.Response
	for range 3 {
		if _, err := io.WriteString(sink, "ping"); err != nil {
			t.Fatal(err)
		}
		if res == nil {
			res = <-answers
			defer res.Body.Close()
		}
		if _, err := io.ReadFull(res.Body, piece); err != nil || string(piece) != "ping" {
			t.Fatalf("echoed %q, %v", piece, err)
		}
	}
	sink.Close()
	if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
		t.Errorf("at the end: %q, %v", rest, err)
	}
}

// A handler must not hang in this process when nobody wants its answer.
func TestHandlerTransportEndsHandlers(t *testing.T) {
	for name, giveUp := range map[string]func(res *http.Response, cancel func()){
		"closed":    func(res *http.Response, _ func()) { res.Body.Close() },
		"cancelled": func(_ *http.Response, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{})
			handler := func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				for {
					if _, err := io.WriteString(w, "more"); err != nil {
						break
					}
				}
				<-r.Context().Done()
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			res, err := client.HandlerTransport(http.HandlerFunc(handler)).RoundTrip(request(t, "GET", nil).WithContext(ctx))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			io.ReadFull(res.Body, make([]byte, 100))
			giveUp(res, cancel)
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Error("the handler still writes")
			}
		})
	}
	t.Run("cancelled before the answer", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		handler := func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() }
		_, err := client.HandlerTransport(http.HandlerFunc(handler)).RoundTrip(request(t, "GET", nil).WithContext(ctx))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("RoundTrip: %v, want the context's error", err)
		}
	})
}
