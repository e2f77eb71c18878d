package app

import (
	"os"
	"runtime/debug"

	"github.com/sheaf-dev/sheaf/internal/config"
)

// TuneRuntime sets the garbage collector of the whole process, which is why only
// a command that serves does it. The variables GOGC and GOMEMLIMIT win.
//
// Requests allocate little that lives, so that the default of 100 percent makes
// the collector run many times a second over the same small heap.
func TuneRuntime(c config.Runtime) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(c.GOGC)
	}
	if os.Getenv("GOMEMLIMIT") == "" && c.MemoryLimit > 0 {
		debug.SetMemoryLimit(c.MemoryLimit)
	}
}
