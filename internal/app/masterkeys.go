package app

import (
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// maxKeyFile is more than any file of master keys has, in bytes.
const maxKeyFile = 64 << 10

// masterKeys returns the master keys that the configuration gives, nil if it
// gives none, and the names of the backends whose new contents are sealed. It
// fails if there are such and there is no key: starting all the same would mean
// to refuse every write.
func masterKeys(storage config.Storage) (keys *blob.Keyring, sealed []string, err error) {
	for name, b := range storage.Backends {
		if b.Encrypt {
			sealed = append(sealed, name)
		}
	}
	switch {
	case storage.MasterKeys != "":
		if keys, err = blob.ParseKeyring(storage.MasterKeys.Reveal()); err != nil {
			return nil, nil, fmt.Errorf("SHEAF_MASTER_KEY: %w", err)
		}
	case storage.MasterKeyFile != "":
		text, err := readKeyFile(storage.MasterKeyFile)
		if err != nil {
			return nil, nil, err
		}
		if keys, err = blob.ParseKeyring(text); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", storage.MasterKeyFile, err)
		}
	case len(sealed) > 0:
		return nil, nil, sheaf.Errorf(sheaf.ErrInvalid, "the backend %s is to be encrypted, and there is no master key", sealed[0]).
			WithHint("make one with `sheaf admin keys new`, keep it safe, and give it in SHEAF_MASTER_KEY or in the file that storage.master_key_file names")
	}
	return keys, sealed, nil
}

// readKeyFile reads a file that only its owner may read.
func readKeyFile(path string) (string, error) {
	// Looked at before it is opened: a pipe would keep the start waiting until
	// somebody writes to it.
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return "", sheaf.Errorf(sheaf.ErrInvalid, "the file of the master keys, %s, is not a regular file", path).
			WithHint("give keys that another program hands out in SHEAF_MASTER_KEY, or have it write them to a file of mode 0600")
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(path)
	}
	if err != nil {
		return "", sheaf.Errorf(sheaf.ErrInvalid, "cannot read the master keys: %w", err).
			WithHint("storage.master_key_file names a file that the server's user may read, and nobody else")
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return "", fmt.Errorf("read the master keys: %w", err)
	}
	// Windows has no such modes; there, who may read it is its directory's affair.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return "", sheaf.Errorf(sheaf.ErrInvalid, "the file of the master keys, %s, has the mode %04o: others than its owner have access to it", path, mode).
			WithHint("chmod 600 it, and consider whether the keys in it have been read by somebody")
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	switch {
	case err != nil:
		return "", sheaf.Errorf(sheaf.ErrInvalid, "cannot read the master keys: %w", err)
	case len(text) > maxKeyFile:
		return "", sheaf.Errorf(sheaf.ErrInvalid, "the file of the master keys, %s, has more than %d bytes", path, maxKeyFile).
			WithHint("it holds the master keys, one in a line, and nothing else")
	}
	return string(text), nil
}
