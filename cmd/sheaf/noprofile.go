//go:build !profile

package main

// startProfile does nothing, except in a binary built with -tags profile.
func startProfile() (stop func()) { return func() {} }
