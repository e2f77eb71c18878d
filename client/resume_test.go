package client_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// breaking serves a content and breaks the connection after each piece of it.
func breaking(content []byte, piece int, requests *atomic.Int32) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.Header().Set("ETag", `"`+sheaf.DigestOf(content).String()+`"`)
		sending := &cutting{ResponseWriter: w, left: piece}
		http.ServeContent(sending, r, "", time.Time{}, bytes.NewReader(content))
		if sending.left < 0 {
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond) // let what was sent arrive
			panic(http.ErrAbortHandler)
		}
	}
}

// cutting sends some bytes of a body and then no more.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	n, _ := c.ResponseWriter.Write(p[:max(c.left, 0)])
	c.left = -1
	return n, io.ErrShortWrite
}

func TestPullResumes(t *testing.T) {
	content := make([]byte, 300_000)
	rand.Read(content)
	var requests atomic.Int32
	c := dial(t, breaking(content, 70_000, &requests))
	download, err := c.Pull(t.Context(), "doc_0123456789ab")
	if err != nil {
		t.Fatal(err)
	}
	defer download.Body.Close()
	got, err := io.ReadAll(download.Body)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("Pull over a connection that breaks: %d bytes, %v, want all %d", len(got), err, len(content))
	}
	if n := requests.Load(); n != 5 {
		t.Errorf("Pull took %d requests, want 5: four pieces and the rest", n)
	}
}

// Another content under the same id is not glued to the first half of this one.
func TestPullDoesNotResumeWithOtherContent(t *testing.T) {
	first, second := strings.Repeat("a", 200_000), strings.Repeat("b", 200_000)
	var requests atomic.Int32
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		content := second
		if requests.Load() == 0 {
			content = first
		}
		breaking([]byte(content), 70_000, &requests)(w, r)
	})
	download, err := c.Pull(t.Context(), "doc_0123456789ab")
	if err != nil {
		t.Fatal(err)
	}
	defer download.Body.Close()
	got, err := io.ReadAll(download.Body)
	wantKind(t, "Pull of what changes meanwhile", err, sheaf.ErrUnavailable)
	if strings.Contains(string(got), "b") {
		t.Error("two contents were mixed")
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("Pull took %d requests, want 2", n)
	}
}

func TestPullGivesUpResuming(t *testing.T) {
	content := make([]byte, 100_000)
	var requests atomic.Int32
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		piece := 0
		if requests.Load() == 0 {
			piece = 50_000
		}
		breaking(content, piece, &requests)(w, r)
	})
	download, err := c.Pull(t.Context(), "doc_0123456789ab")
	if err != nil {
		t.Fatal(err)
	}
	defer download.Body.Close()
	_, err = io.ReadAll(download.Body)
	wantKind(t, "Pull of what breaks again and again", err, sheaf.ErrUnavailable)
	if n := requests.Load(); n != 4 {
		t.Errorf("Pull took %d requests, want the first and three more", n)
	}
}

func TestConflictIsRebuilt(t *testing.T) {
	current := sheaf.DigestOf([]byte("current"))
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, `{"detail":"moved","code":"conflict","hint":"merge","conflict":{"current_hash":"%s","current_version":3,"current_author":"local",
			"current_at":"2026-01-31T12:00:00Z","base_version":2,"merge":{"clean":false,"text":"<<<<<<< %s","conflicts":[]}}}`, current, strings.Repeat("x", 1<<20))
	})
	_, err := c.PutContent(t.Context(), "doc_0123456789ab", client.ContentInput{Body: strings.NewReader("mine")})
	e := wantKind(t, "PutContent", err, sheaf.ErrConflict)
	if e.Conflict == nil || e.Conflict.CurrentHash != current || e.Conflict.CurrentVersion != 3 || e.Conflict.BaseVersion != 2 ||
		e.Conflict.Merge == nil || len(e.Conflict.Merge.Text) != 1<<20+len("<<<<<<< ") {
		t.Errorf("the conflict came as %+v", e.Conflict)
	}
}

func TestParseMoment(t *testing.T) {
	for text, want := range map[string]client.Moment{
		"":                          {},
		" 42 ":                      {Revision: 42},
		"2026-01-31T12:00:00+01:00": {Time: time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC)},
		"2026-01-31":                {Time: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)},
	} {
		if got, err := client.ParseMoment(text); err != nil || got.Revision != want.Revision || !got.Time.Equal(want.Time) {
			t.Errorf("ParseMoment(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"0", "-1", "yesterday", "2026-01"} {
		_, err := client.ParseMoment(text)
		wantKind(t, fmt.Sprintf("ParseMoment(%q)", text), err, sheaf.ErrInvalid)
	}
}
