package s3blob_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/resilient"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
	"github.com/sheaf-dev/sheaf/internal/sheaftest/faults"
)

// startFlapping makes a bucket behind a proxy that has bad days.
func startFlapping(t *testing.T, server *s3test.Server, bucket string) faults.RemoteBackend {
	t.Helper()
	options := server.Bucket(t, bucket)
	direct := open(t, options)
	proxy := faults.Start(t, server.Endpoint)
	proxy.Refusal = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large</Message></Error>")
	}
	options.Endpoint = proxy.URL()
	return faults.RemoteBackend{Backend: open(t, options), Direct: direct, Proxy: proxy}
}

func TestFaults(t *testing.T) {
	server := s3test.Start(t)
	faults.RunBackend(t, func(t *testing.T) faults.RemoteBackend {
		return startFlapping(t, server, strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())))
	})
}

// A clock that is wrong is what a refusal is about, by how much, and not retried.
func TestClockSkew(t *testing.T) {
	remote := startFlapping(t, s3test.Start(t), "clock")
	backend := resilient.Wrap(remote.Backend, resilient.Options{Name: "far", RetryPause: time.Hour})
	remote.Proxy.Do(faults.ClockSkew)
	before, _ := remote.Proxy.Requests()
	err := backend.Delete(t.Context(), blobtest.KeyOf(nil))
	if blob.FaultOf(err) != blob.FaultClock || !strings.Contains(err.Error(), "this machine is 23h59m") && !strings.Contains(err.Error(), "this machine is 24h0m") {
		t.Errorf("with a clock that is a day ahead: %v, fault %q, want to hear of it", err, blob.FaultOf(err))
	}
	if after, _ := remote.Proxy.Requests(); after != before+1 {
		t.Errorf("%d requests, want one", after-before)
	}
}

// A bit that is flipped on the way there is noticed there, and sent again.
func TestSpoiltUpload(t *testing.T) {
	remote := startFlapping(t, s3test.Start(t), "spoilt")
	remote.Proxy.Do(faults.CorruptUpload)
	content := blobtest.Random(5000)
	err := remote.Backend.Put(t.Context(), blobtest.KeyOf(content), strings.NewReader(string(content)), 5000)
	if !blob.Passes(err) || !strings.Contains(err.Error(), "not what was sent") {
		t.Errorf("Put: %v, want a failure that passes", err)
	}
}
