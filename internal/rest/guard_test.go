package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestHostsOnLoopback(t *testing.T) {
	s := newServer(t, Options{LoopbackOnly: true, AllowedHosts: []string{"Sheaf.Example", "named.example:80"}})
	for host, allowed := range map[string]bool{
		"localhost":           true,
		"LOCALHOST:8766":      true,
		"127.0.0.1:8766":      true,
		"127.1.2.3":           true,
		"[::1]:8766":          true,
		"[::1]":               true,
		"[::ffff:127.0.0.1]":  true,
		"sheaf.example":       true,
		"sheaf.example:9":     true,
		"named.example":       true,
		"evil.example":        false,
		"localhost.evil.com":  false,
		"10.0.0.1":            false,
		"127.0.0.1.nip.io":    false,
		"sheaf.sock":          false,
		"0.0.0.0":             false,
		"[fe80::1]":           false,
		"localhost:80:80":     false,
		"2130706433":          false,
		"sheaf.example.evil":  false,
		"xsheaf.example":      false,
		"localhost@evil.test": false,
	} {
		answer := s.get("/livez", "Host", host)
		if allowed && answer.StatusCode != http.StatusOK {
			t.Errorf("Host %s: %s: %s", host, answer.Status, answer.body)
		}
		if !allowed && answer.StatusCode != http.StatusBadRequest { // net/http's own, for what is no host at all
			if p := wantProblem(t, answer, sheaf.ErrForbidden); p.Hint == "" {
				t.Errorf("Host %s is refused without a hint", host)
			}
		}
	}
	open := newServer(t, Options{})
	if answer := open.get("/livez", "Host", "any.example"); answer.StatusCode != http.StatusOK {
		t.Errorf("any Host of a server that is not bound to loopback: %s", answer.Status)
	}
}

func TestHostOverUnixSocketAndWithinTheProcess(t *testing.T) {
	l, _, dir := newLibrary(t, sheaf.DefaultLimits())
	handler, err := New(Options{Library: l, LoopbackOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	answer, err := client.Get("http://sheaf.sock/livez")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("over the socket: %s", answer.Status)
	}
	recorded := httptest.NewRecorder()
	handler.ServeHTTP(recorded, httptest.NewRequest(http.MethodGet, "http://sheaf.sock/livez", nil))
	if recorded.Code != http.StatusOK {
		t.Errorf("within the process: %d", recorded.Code)
	}
}

func TestOrigins(t *testing.T) {
	s := newServer(t, Options{LoopbackOnly: true, AllowedHosts: []string{"app.example"}})
	self := strings.TrimPrefix(s.URL, "http://")
	for _, test := range []struct {
		method, origin, site string
		allowed              bool
	}{
		{http.MethodGet, "", "", true},
		{http.MethodPost, "", "", true},
		{http.MethodGet, "http://" + self, "same-origin", true},
		{http.MethodPost, "http://" + strings.ToUpper(self), "same-origin", true},
		{http.MethodPost, "https://app.example", "cross-site", true},
		{http.MethodPost, "https://app.example:8443", "cross-site", true},
		{http.MethodGet, "https://evil.example", "cross-site", false},
		{http.MethodPost, "https://evil.example", "", false},
		{http.MethodPost, "http://localhost:3000", "same-site", false},
		{http.MethodPost, "null", "cross-site", false},
		{http.MethodPost, "http://app.example.evil", "", false},
		{http.MethodGet, "", "cross-site", true},
		{http.MethodHead, "", "cross-site", true},
		{http.MethodPost, "", "cross-site", false},
		{http.MethodDelete, "", "same-site", false},
		{http.MethodPost, "", "none", true},
	} {
		headers := []string{}
		if test.origin != "" {
			headers = append(headers, "Origin", test.origin)
		}
		if test.site != "" {
			headers = append(headers, "Sec-Fetch-Site", test.site)
		}
		answer := s.do(test.method, "/documents", nil, headers...)
		if refused := answer.StatusCode == http.StatusForbidden; refused == test.allowed {
			t.Errorf("%s from %q, %q: %s, want it allowed: %v", test.method, test.origin, test.site, answer.Status, test.allowed)
		}
		if !test.allowed {
			if p := wantProblem(t, answer, sheaf.ErrForbidden); !strings.Contains(p.Hint, "allowed hosts") {
				t.Errorf("the hint does not say how to allow it: %q", p.Hint)
			}
		}
	}
}

func TestPanics(t *testing.T) {
	var logged bytes.Buffer
	l, _, _ := newLibrary(t, sheaf.DefaultLimits())
	table := []route{
		{method: http.MethodGet, path: "/before", id: "before", hidden: true, serve: streaming(func(*server, http.ResponseWriter, *http.Request) error {
			panic("secret")
		})},
		{method: http.MethodGet, path: "/within", id: "within", hidden: true, serve: streaming(func(_ *server, w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "half")
			panic("secret")
		})},
		{method: http.MethodGet, path: "/abort", id: "abort", hidden: true, serve: streaming(func(*server, http.ResponseWriter, *http.Request) error {
			panic(http.ErrAbortHandler)
		})},
		{method: http.MethodGet, path: "/fails", id: "fails", hidden: true, serve: streaming(func(*server, http.ResponseWriter, *http.Request) error {
			return errors.New("secret")
		})},
	}
	handler, err := newHandler(Options{Library: l, Log: slog.New(slog.NewTextHandler(&logged, nil))}, table)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s := &testServer{Server: server, t: t}
	for _, path := range []string{"/before", "/fails"} {
		logged.Reset()
		answer := s.get(path)
		p := wantProblem(t, answer, sheaf.ErrInternal)
		id := answer.Header.Get("X-Request-Id")
		if strings.Contains(string(answer.body), "secret") || !strings.Contains(p.Hint, id) {
			t.Errorf("%s: %s, want the request id %s and no secret", path, answer.body, id)
		}
		if text := logged.String(); !strings.Contains(text, "secret") || !strings.Contains(text, id) {
			t.Errorf("%s: the log has %s", path, text)
		}
	}
	for _, path := range []string{"/within", "/abort"} {
		answer, err := http.Get(server.URL + path)
		if err != nil {
			continue
		}
		if body, err := io.ReadAll(answer.Body); err == nil {
			t.Errorf("%s: the answer came to its end with %q", path, body)
		}
		answer.Body.Close()
	}
}

func FuzzHostname(f *testing.F) {
	for _, host := range []string{"localhost:80", "[::1]:80", "::1", "[", "a:b:c", "]:"} {
		f.Add(host)
	}
	g := &guard{loopbackOnly: true}
	f.Fuzz(func(t *testing.T, host string) {
		r := &http.Request{Host: host}
		r = r.WithContext(context.WithValue(context.Background(), http.LocalAddrContextKey, &net.TCPAddr{}))
		if g.knownHost(r) && !strings.Contains(strings.ToLower(host), "localhost") && !strings.Contains(host, "127.") && !strings.Contains(host, ":") {
			t.Errorf("%q is taken for loopback", host)
		}
	})
}

func TestAccessLog(t *testing.T) {
	var logged bytes.Buffer
	s := newServer(t, Options{Log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	answer := s.get("/no%0Asuch")
	s.Close()
	want := fmt.Sprintf(`request_id=%s method=GET path="/no\nsuch" status=404`, answer.Header.Get("X-Request-Id"))
	if !strings.Contains(logged.String(), want) {
		t.Errorf("the log has %s, want %s", logged.String(), want)
	}
}
