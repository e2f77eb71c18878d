package e2e

import (
	"bytes"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob/supatest"
)

// Variables of their own are all that the backends r2 and supabase need.
func TestBackendsOfVariables(t *testing.T) {
	t.Parallel()
	gateway := s3test.Start(t, "--region", "auto") // as that of Cloudflare is called
	_, err := gateway.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("books")}, func(o *s3.Options) { o.Region = "auto" })
	if err != nil {
		t.Fatal(err)
	}
	storage := supatest.New()
	project := httptest.NewServer(storage)
	t.Cleanup(project.Close)
	for backend, variables := range map[string][]string{
		"r2": {
			"R2_ACCESS_KEY_ID=" + s3test.AccessKey, "R2_SECRET_ACCESS_KEY=" + s3test.SecretKey,
			"R2_ENDPOINT=" + gateway.Endpoint + "/books", "R2_BUCKET=books", // as Cloudflare shows it
		},
		"supabase": {"SUPABASE_URL=" + project.URL, "SUPABASE_SERVICE_KEY=" + supatest.ServiceKey, "SUPABASE_BUCKET=" + supatest.Bucket},
	} {
		t.Run(backend, func(t *testing.T) {
			cmd := serveCommand(t.TempDir())
			cmd.Env = environment(variables...)
			s := launch(t, cmd)
			s.wantServing(t)
			test, err := s.client.TestBackend(t.Context(), backend)
			if err != nil || !test.OK {
				t.Errorf("test of the backend: %+v, %v", test, err)
			}
			if _, err := s.client.CreateBook(t.Context(), client.BookInput{ID: "guide", Backend: backend}); err != nil {
				t.Fatal(err)
			}
			content := make([]byte, 200_000) // too large, as it cannot be deflated, to be kept in the catalog
			rand.NewChaCha8([32]byte{5}).Read(content)
			place := client.Place{Book: "guide", Path: "large.bin"}
			if _, err := s.client.PutFile(t.Context(), place, client.FileInput{Body: bytes.NewReader(content)}); err != nil {
				t.Fatal(err)
			}
			report, err := s.client.Check(t.Context(), true)
			if err != nil || len(report.Problems) > 0 || len(report.Backends) != 2 || report.Backends[1].Name != backend || report.Backends[1].Objects != 1 {
				t.Errorf("a check: %+v, %v, want one object on %s", report, err, backend)
			}
			s.stop(t)
		})
	}

	// A command that needs no bucket asks none.
	before := storage.Requests()
	pushed, err := run(t.Context(), t.TempDir(), strings.NewReader("a document"), []string{
		"SUPABASE_URL=" + project.URL, "SUPABASE_SERVICE_KEY=" + supatest.ServiceKey, "SUPABASE_BUCKET=" + supatest.Bucket,
	}, "sheaf", "push", "-", "--name", "note", "--data-dir", "store")
	if err != nil || pushed.exit != 0 {
		t.Errorf("a push: %v, exit code %d, %s", err, pushed.exit, pushed.stderr)
	}
	if n := storage.Requests() - before; n > 0 {
		t.Errorf("a push to files of this machine made %d requests to Supabase", n)
	}
}
