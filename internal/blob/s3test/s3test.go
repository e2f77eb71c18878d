// Package s3test runs a real S3 server for tests, versitygw over a temporary
// directory. The program is bin/versitygw, which `make s3server` builds; where it
// is missing, the first test that needs it does.
package s3test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/gofrs/flock"

	"github.com/sheaf-dev/sheaf/internal/blob/s3blob"
)

// Region is where the servers' buckets are.
const Region = "us-east-1"

// Credentials of the servers' only user.
const (
	AccessKey = "sheaf-test"
	SecretKey = "not-secret-at-all"
)

// A Server is a running S3 server. It ends with its test.
type Server struct {
	Endpoint string // its URL, without a slash at the end

	dir     string // with a directory for each bucket
	options []string
	process *exec.Cmd
	exited  chan struct{} // closed when the process has ended
}

// Start starts a server with options of the program, such as "--readonly". The
// test fails if it does not start.
func Start(t testing.TB, options ...string) *Server {
	t.Helper()
	return start(t, t.TempDir(), options)
}

func start(t testing.TB, dir string, options []string) *Server {
	t.Helper()
	s, err := Run(dir, t.Output(), options...)
	if err != nil {
		t.Fatalf("the S3 server: %v", err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Run runs a server over a directory, whose messages go to log. The caller stops
// it.
func Run(dir string, log io.Writer, options ...string) (*Server, error) {
	for _, name := range []string{bucketsDir, metadataDir} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, err
		}
	}
	program, err := program()
	if err != nil {
		return nil, err
	}
	const attempts = 5 // others may take the port meanwhile
	for range attempts {
		var s *Server
		if s, err = run(program, dir, log, options); err == nil {
			return s, nil
		}
	}
	return nil, err
}

const (
	bucketsDir  = "buckets"
	metadataDir = "metadata"
)

// run runs the program on a port that is free, until it answers.
func run(program, dir string, log io.Writer, options []string) (*Server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	args := append([]string{"--port", address, "--quiet", "--keep-alive", "--region", Region}, options...)
	// Extended attributes, where it keeps its metadata otherwise, are not
	// everywhere.
	args = append(args, "posix", "--sidecar", filepath.Join(dir, metadataDir), filepath.Join(dir, bucketsDir))
	s := &Server{
		Endpoint: "http://" + address, dir: dir, options: options,
		process: exec.Command(program, args...), exited: make(chan struct{}),
	}
	s.process.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	s.process.Stderr = log
	s.process.Dir = dir
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(s.exited)
		_ = s.process.Wait() // it is killed, which is an error
	}()
	if err := s.awaitAnswer(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// awaitAnswer waits until the server answers at all.
func (s *Server) awaitAnswer() error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if answer, err := client.Get(s.Endpoint); err == nil {
			return answer.Body.Close()
		}
		select {
		case <-s.exited:
			return fmt.Errorf("it ended: %s", s.process.ProcessState)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return errors.New("it does not answer")
}

// PID returns the number of its process.
func (s *Server) PID() int { return s.process.Process.Pid }

// Stop kills the server, as a crash would. Stopping again does nothing.
func (s *Server) Stop() {
	_ = s.process.Process.Kill() // or it has ended already
	<-s.exited
}

// Restart starts a server over the same buckets, at another address, with
// further options.
func (s *Server) Restart(t testing.TB, options ...string) *Server {
	t.Helper()
	s.Stop()
	return start(t, s.dir, append(s.options[:len(s.options):len(s.options)], options...))
}

// Bucket makes a bucket and returns the options of a backend in it.
func (s *Server) Bucket(t testing.TB, name string) s3blob.Options {
	t.Helper()
	client := s.Client()
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatalf("creating the bucket %s: %v", name, err)
	}
	return s3blob.Options{
		Endpoint: s.Endpoint, Region: Region, Bucket: name, AccessKey: AccessKey, SecretKey: SecretKey,
		SpoolDir: t.TempDir(),
	}
}

// BucketDir returns the directory that holds the objects of a bucket, as files of
// their names.
func (s *Server) BucketDir(bucket string) string { return filepath.Join(s.dir, bucketsDir, bucket) }

// Client returns a client of the SDK, for what no backend does.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		Region: Region, BaseEndpoint: &s.Endpoint, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey}, nil
		}),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

// program returns the path of the server's program, which it builds if nobody did.
func program() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	path := filepath.Join(root, "bin", "versitygw")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	lock := flock.New(path + ".lock") // the tests of several packages run at once
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	build := exec.Command("go", "build", "-trimpath", "-o", path, "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = filepath.Join(root, "tools", "s3")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building it in tools/s3, as `make s3server` does: %w\n%s", err, out)
	}
	return path, nil
}
