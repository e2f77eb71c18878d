package app

import "runtime/debug"

// Version returns the version of the program: that of the module, which for a
// build in a clone is made from the commit, and "(devel)" when nothing is known.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
