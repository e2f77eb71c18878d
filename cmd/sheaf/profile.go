//go:build profile

package main

import (
	"os"
	"runtime/pprof"
)

// startProfile writes the process's CPU profile to the file that
// SHEAF_CPU_PROFILE names, until stop is called.
func startProfile() (stop func()) {
	f, err := os.Create(os.Getenv("SHEAF_CPU_PROFILE"))
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		panic(err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}
}
