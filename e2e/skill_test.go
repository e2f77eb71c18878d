package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

const skill = "../skills/document-sync"

// What agents read to decide whether they want the skill has to be what the
// Agent Skills format allows.
func TestSkillDescribesItself(t *testing.T) {
	var manifest struct{ Name, Version, Description string }
	if err := json.Unmarshal([]byte(readFile(t, filepath.Join(skill, "skill.json"))), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Name != filepath.Base(skill) || manifest.Description != "Document push/pull/query system for AI coding sessions" {
		t.Errorf("skill.json says %+v", manifest)
	}
	text := readFile(t, filepath.Join(skill, "SKILL.md"))
	head, body, found := strings.Cut(strings.TrimPrefix(text, "---\n"), "\n---\n")
	if !found || !strings.HasPrefix(text, "---\n") {
		t.Fatal("SKILL.md has no front matter")
	}
	fields := map[string]string{}
	for line := range strings.Lines(head) {
		if key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); ok && !strings.HasPrefix(line, " ") {
			fields[key] = value
		}
	}
	if fields["name"] != filepath.Base(skill) || !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(fields["name"]) {
		t.Errorf("the skill's name is %q, want that of its folder", fields["name"])
	}
	if n := len(fields["description"]); n == 0 || n > 1024 || !strings.Contains(fields["description"], "Use it to") {
		t.Errorf("the description has %d characters and should say what and when: %s", n, fields["description"])
	}
	if n := len(fields["compatibility"]); n > 500 {
		t.Errorf("the compatibility has %d characters, the limit is 500", n)
	}
	if lines := strings.Count(body, "\n"); lines > 100 {
		t.Errorf("SKILL.md has %d lines, want it concise", lines)
	}
	// Every command that it tells of is there.
	for _, command := range regexp.MustCompile("`(sheaf [a-z]+|commands/doc-[a-z]+)").FindAllStringSubmatch(body, -1) {
		words := strings.Fields(command[1])
		var help *exec.Cmd
		if words[0] == "sheaf" {
			help = exec.Command(program("sheaf"), words[1], "--help")
		} else if runtime.GOOS != "windows" {
			help = skillCommand(filepath.Base(words[0]), filepath.Dir(program("sheaf")), "--help")
		} else {
			continue
		}
		if out, err := help.CombinedOutput(); err != nil {
			t.Errorf("%s --help: %v\n%s", command[1], err, out)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// skillCommand returns a command of the skill, with the directories in path
// before those of the system.
func skillCommand(name, path string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(skill, "commands", name), args...)
	cmd.Env = environment("PATH=" + path + string(os.PathListSeparator) + "/usr/bin" + string(os.PathListSeparator) + "/bin")
	return cmd
}

func TestSkillCommands(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are shell scripts")
	}
	t.Parallel()
	server := sheaftest.Start(t)
	programs := filepath.Dir(program("sheaf"))
	run := func(name, path string, args ...string) string {
		t.Helper()
		cmd := skillCommand(name, path, args...)
		cmd.Env = append(cmd.Env, "DOCUMENT_SERVER_URL="+server.URL)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	dir := t.TempDir()
	plan := filepath.Join(dir, "plan one.md")
	if err := os.WriteFile(plan, []byte("# Plan\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pushed := run("doc-push", programs, plan, "--name", "The  Plan $1 *", "--tags", "a,b")
	if !strings.HasPrefix(pushed, "Document pushed successfully!\n") {
		t.Errorf("doc-push prints %q", pushed)
	}
	id := regexp.MustCompile(`doc_[0-9a-f]{12}`).FindString(pushed)
	if found := run("doc-query", programs, "--name", "plan $1 *", "--format", "json"); !strings.Contains(found, id) {
		t.Errorf("doc-query does not find %s: %s", id, found)
	}
	back := filepath.Join(dir, "back.md")
	run("doc-pull", programs, id, "--output", back)
	if got := readFile(t, back); got != "# Plan\n" {
		t.Errorf("doc-pull brings %q", got)
	}

	// Installed under the short names only, with the scripts before them on PATH.
	only := filepath.Join(dir, "only")
	if err := os.Mkdir(only, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program("doc-query"), filepath.Join(only, "doc-query")); err != nil {
		t.Fatal(err)
	}
	commands, err := filepath.Abs(filepath.Join(skill, "commands"))
	if err != nil {
		t.Fatal(err)
	}
	if found := run("doc-query", commands+string(os.PathListSeparator)+only, "--format", "json"); !strings.Contains(found, id) {
		t.Errorf("doc-query beside nothing else does not find %s: %s", id, found)
	}
}

// Without the program the commands say how to get it, wherever they are on PATH
// themselves: they do not run each other for ever.
func TestSkillCommandsWithoutTheProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are shell scripts")
	}
	t.Parallel()
	commands, err := filepath.Abs(filepath.Join(skill, "commands"))
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	for _, name := range []string{"doc-push", "doc-pull", "doc-query"} {
		// A copy of another edition of the script.
		script := readFile(t, filepath.Join(commands, name)) + "# another edition\n"
		if err := os.WriteFile(filepath.Join(other, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/nonexistent", commands, other, commands + ":" + other} {
			out, err := skillCommand(name, path, "x").CombinedOutput()
			if code := exitCode(err); code != 127 || !strings.Contains(string(out), "go install github.com/sheaf-dev/sheaf/cmd/sheaf@latest") {
				t.Errorf("%s without the program, PATH %s: exit code %d, %s", name, path, code, out)
			}
		}
	}
}

func exitCode(err error) int {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	return 0
}
