//go:build !linux

package cli

import "errors"

// tryAnonymousFile makes a file without a name, which only Linux can.
func tryAnonymousFile(string) error { return errors.New("only Linux has them") }
