package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

var supabaseEnv = []string{"SUPABASE_URL=https://abc.supabase.co", "SUPABASE_SERVICE_KEY=very-secret", "SUPABASE_BUCKET=books"}

// The variables alone define a backend beside the default one, which stays that.
func TestSupabaseByVariables(t *testing.T) {
	got, err := load(t, "", supabaseEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := Backend{Kind: BackendSupabase, Bucket: "books", Supabase: Supabase{"https://abc.supabase.co", "very-secret"}}
	if got.Storage.Backends["supabase"] != want || len(got.Storage.Backends) != 2 || got.Storage.DefaultBackend != "fs" {
		t.Errorf("the backends are %+v, the default %q", got.Storage.Backends, got.Storage.DefaultBackend)
	}
	if shown := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(shown, "very-secret") {
		t.Error("a configuration that is printed shows the service key")
	}
	if got, err = load(t, "", append(supabaseEnv, "SHEAF_STORAGE_DEFAULT_BACKEND=supabase")); err != nil || got.Storage.DefaultBackend != "supabase" {
		t.Errorf("made the default: %q, %v", got.Storage.DefaultBackend, err)
	}
}

// A file says what the variables need not.
func TestSupabaseByFile(t *testing.T) {
	const file = "storage:\n  backends:\n    team: {kind: supabase, url: 'https://team.supabase.co', bucket: shared}\n"
	got, err := load(t, file, []string{"SHEAF_STORAGE_BACKENDS_TEAM_SERVICE_KEY=very-secret"})
	if err != nil {
		t.Fatal(err)
	}
	want := Backend{Kind: BackendSupabase, Bucket: "shared", Supabase: Supabase{"https://team.supabase.co", "very-secret"}}
	if len(got.Storage.Backends) != 1 || got.Storage.Backends["team"] != want || got.Storage.DefaultBackend != "team" {
		t.Errorf("the backends are %+v, the default %q", got.Storage.Backends, got.Storage.DefaultBackend)
	}
}

func TestSupabaseIncomplete(t *testing.T) {
	const backends = "storage:\n  backends:\n    "
	for what, test := range map[string]struct {
		file    string
		environ []string
		says    []string
	}{
		"only some variables":         {"", supabaseEnv[:1], []string{"SUPABASE_SERVICE_KEY", "SUPABASE_BUCKET"}},
		"a file without a key":        {backends + "team: {kind: supabase, url: 'https://a.example', bucket: b}", nil, []string{"storage.backends.team", "service_key"}},
		"a bucket of files":           {backends + "fs: {kind: fs, dir: blobs, bucket: b}", nil, []string{"storage.backends.fs", "supabase"}},
		"a directory of Supabase":     {backends + "team: {kind: supabase, dir: blobs}", supabaseEnv, []string{"dir"}},
		"a setting that there is not": {backends + "team: {kind: supabase, buckt: b}", supabaseEnv, []string{"buckt"}},
	} {
		_, err := load(t, test.file, test.environ)
		if sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("%s: %v, want invalid", what, err)
			continue
		}
		for _, says := range test.says {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want to hear of %s", what, err, says)
			}
		}
	}
}
