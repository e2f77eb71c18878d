package rest

import (
	"net/http"
	"strings"
	"testing"
)

func TestAcceptEncoding(t *testing.T) {
	for header, want := range map[string]struct{ gzip, identity bool }{
		"gzip":                       {true, true},
		"GZIP":                       {true, true},
		"x-gzip":                     {true, true},
		"gzip, deflate, br":          {true, true},
		"br;q=1, gzip;q=0.5":         {true, true},
		"br":                         {false, true},
		"":                           {false, true},
		"*":                          {true, true},
		"*;q=0":                      {false, false},
		"gzip;q=0":                   {false, true},
		"gzip;q=0, *":                {false, true},
		"gzip;q=0.000":               {false, true},
		"gzip;q=x":                   {false, true},
		"gzip;q=2":                   {false, true},
		"gzip;q=NaN":                 {false, true},
		"gzip ; q=0.5 , identity":    {false, true},
		"gzip;q=0.5, identity;q=0.5": {true, true},
		"gzip;q=0.5, *":              {false, true},
		"gzip, identity;q=0":         {true, false},
		"identity;q=0":               {false, false},
		"gzip, *;q=0":                {true, false},
		", ,gzip,":                   {true, true},
		"gzip;foo=bar;Q=0":           {false, true},
	} {
		accepted := acceptEncoding([]string{header})
		gzip := accepted.gzip > 0 && accepted.gzip >= accepted.identity
		if gzip != want.gzip || accepted.identity > 0 != want.identity {
			t.Errorf("%q: %+v, want gzip %v, identity %v", header, accepted, want.gzip, want.identity)
		}
	}
	if none := acceptEncoding(nil); none.gzip > 0 || none.identity <= 0 {
		t.Errorf("no header: %+v", none)
	}
}

func TestReadsSizeFromContentLength(t *testing.T) {
	for _, test := range []struct {
		agent, encoding string
		want            bool
	}{
		{"python-httpx/0.28.1", "gzip, deflate", true},
		{"python-httpx/0.28.1", "gzip, deflate, br, zstd", true},
		{"python-httpx/0.28.1", "gzip", false},
		{"curl/8.5.0", "gzip, deflate", false},
	} {
		header := http.Header{"User-Agent": {test.agent}, "Accept-Encoding": {test.encoding}}
		if got := readsSizeFromContentLength(header); got != test.want {
			t.Errorf("%s asking for %s: %v, want %v", test.agent, test.encoding, got, test.want)
		}
	}
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, header := range []string{"gzip", "gzip;q=0.5, *;q=0", "identity;q=0", ";;,,q=", "*;q=1e-400"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		accepted := acceptEncoding([]string{header})
		for _, weight := range []float64{accepted.gzip, accepted.identity} {
			if !(weight >= 0 && weight <= 1) {
				t.Errorf("%q: %+v", header, accepted)
			}
		}
		if accepted.gzip > 0 && !strings.Contains(strings.ToLower(header), "gzip") && !strings.Contains(header, "*") {
			t.Errorf("%q: gzip is accepted, and not named", header)
		}
	})
}

func FuzzEntityTags(f *testing.F) {
	for _, list := range []string{`"a"`, `W/"a", "b"`, "*", `"a`, `a"`, `,,"a"`, `W/`} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		strong, weak := matchesAny([]string{list}, []string{`"a"`}, false), matchesAny([]string{list}, []string{`"a"`}, true)
		if strong && !weak {
			t.Errorf("%q matches in a strong comparison and not in a weak one", list)
		}
		if weak && !strings.Contains(list, `"a"`) && !strings.Contains(list, "*") {
			t.Errorf("%q matches, and does not have the tag", list)
		}
	})
}

func BenchmarkAcceptEncoding(b *testing.B) {
	b.ReportAllocs()
	lines := []string{"gzip, deflate, br, zstd"}
	for b.Loop() {
		acceptEncoding(lines)
	}
}
