package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A server is a process that is measured.
type server struct {
	url string
	cmd *exec.Cmd
}

// build builds the binary that is measured. One that can be profiled differs in
// nothing else.
func build(ctx context.Context, binary string, profiled bool) error {
	args := []string{"build", "-o", binary}
	if profiled {
		args = append(args, "-tags", "profile")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/sheaf")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build sheaf (run the benchmarks from the top of the repository): %w", err)
	}
	return nil
}

// startBare starts this program as the bare server.
func startBare(dir string) (*server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-bare", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the bare server said no address: %w", err)
	}
	return &server{url: strings.TrimSpace(line), cmd: cmd}, nil
}

// startPeer starts what transfers are compared with.
func (b *bench) startPeer(dir string) (*server, error) {
	if b.against != "" {
		return startSheaf(b.against, dir)
	}
	return startBare(dir)
}

// startSheaf starts the binary as it comes, on a data directory.
func startSheaf(binary, dir string, environment ...string) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	cmd := exec.Command(binary, "serve", "--port", strconv.Itoa(port), "--data-dir", dir)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stderr = os.Stderr
	cmd.Dir = filepath.Dir(dir)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{url: fmt.Sprintf("http://127.0.0.1:%d", port), cmd: cmd}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(s.url + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		if time.Now().After(deadline) {
			s.stop()
			return nil, fmt.Errorf("sheaf is not ready after 30 s: %v", err)
		}
	}
}

// startProfiled starts the server of a benchmark, profiled if that is wanted.
func (b *bench) startProfiled(dir, name string, environment ...string) (*server, error) {
	if b.profile != "" {
		environment = append(environment, "SHEAF_CPU_PROFILE="+b.profile+sanitized(name)+".prof")
	}
	return startSheaf(b.binary, dir, environment...)
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
}

// undrained returns how many small contents the server has still to move to
// their backend.
func (s *server) undrained() (int64, error) {
	response, err := http.Get(s.url + "/health")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var health struct {
		Undrained *int64 `json:"undrained_blobs"`
	}
	if err := json.NewDecoder(response.Body).Decode(&health); err != nil {
		return 0, err
	}
	if health.Undrained == nil {
		return 0, fmt.Errorf("/health says nothing of undrained blobs")
	}
	return *health.Undrained, nil
}

// drained waits until nothing is left to be moved.
func (s *server) drained(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := s.undrained()
		if err != nil || n == 0 {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return ctx.Err()
}

// cpu returns the processor time that the process has used.
func (s *server) cpu() (time.Duration, error) { return processCPU(s.cmd.Process.Pid) }

// processCPU returns the processor time that a process has used.
func processCPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The fields after the name, which is in parentheses and may have spaces;
	// utime and stime are the 14th and 15th of all, in hundredths of a second.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, err1 := strconv.ParseInt(fields[14-3], 10, 64)
	system, err2 := strconv.ParseInt(fields[15-3], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}

// loadAverage returns how many processes of the machine wanted a processor lately,
// this one and its servers among them.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg") // where there is none, nothing is said
	load, _, _ := strings.Cut(string(text), " ")
	return load
}

// memoryKB returns a field of /proc/PID/status in kilobytes: VmRSS, or VmHWM for
// the peak since resetPeak.
func (s *server) memoryKB(field string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		}
	}
	return 0, fmt.Errorf("no %s in the status of the process", field)
}

func (s *server) resetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0)
}

// wantDocuments fails unless the default collection has so many.
func (s *server) wantDocuments(want int) error {
	response, err := http.Get(s.url + "/collections/default")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var collection struct {
		Documents int `json:"documents"`
	}
	if err := json.NewDecoder(response.Body).Decode(&collection); err != nil {
		return err
	}
	if collection.Documents != want {
		return fmt.Errorf("%d documents are stored, want %d", collection.Documents, want)
	}
	return nil
}
