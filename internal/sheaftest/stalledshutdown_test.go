package sheaftest

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
	"github.com/sheaf-dev/sheaf/internal/sheaftest/faults"
)

// A server that is asked to end while its bucket stalls answers who waits for it,
// and ends before the ten seconds are over after which others kill it.
func TestStopWhileABucketStalls(t *testing.T) {
	options := s3test.Start(t).Bucket(t, "stalled")
	proxy := faults.Start(t, options.Endpoint)
	options.Endpoint = proxy.URL()
	s := Start(t, onS3(options))
	doc, err := s.Client.Push(t.Context(), client.PushInput{Filename: "first.bin", Body: bytes.NewReader(blobtest.Random(200_000))})
	if err != nil {
		t.Fatal(err)
	}
	proxy.Do(faults.Stall)
	defer proxy.Do(faults.None)
	answer := make(chan int, 1)
	go func() { // not by the client, which would ask again
		status := 0
		if got, err := http.Get(s.URL + "/documents/" + string(doc.ID)); err == nil {
			got.Body.Close()
			status = got.StatusCode
		}
		answer <- status
	}()
	for _, faulty := proxy.Requests(); faulty < 1; _, faulty = proxy.Requests() {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	s.Stop()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it ended after %v, want less than ten seconds", took)
	}
	if status := <-answer; status != http.StatusServiceUnavailable {
		t.Errorf("who waited got the status %d, want %d", status, http.StatusServiceUnavailable)
	}
}
