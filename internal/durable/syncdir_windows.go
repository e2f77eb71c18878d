package durable

// SyncDir does nothing: Windows cannot sync a directory, and NTFS journals its names.
func SyncDir(string) error { return nil }
