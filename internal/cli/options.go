package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// options are the flags that all commands have.
type options struct {
	url     string
	dataDir string
	timeout string
	json    bool
	quiet   bool
}

const (
	urlVariable     = "DOCUMENT_SERVER_URL"
	timeoutVariable = "DOCUMENT_SERVER_TIMEOUT"
	dataDirFlag     = "data-dir" // package config has it too: the same for `sheaf serve`
)

// bind adds the flags to root and sets what all commands have in common.
func (o *options) bind(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&o.url, "url", "", "server to use (default $"+urlVariable+", else "+client.DefaultURL+")")
	flags.StringVar(&o.dataDir, dataDirFlag, "", "data directory to use when no URL is given (default $DOCUMENT_STORAGE_DIR)")
	flags.StringVar(&o.timeout, "timeout", "", "how long the server may be silent, such as 30 (seconds) or 2m (default $"+timeoutVariable+", else 30)")
	flags.BoolVar(&o.json, "json", false, "print JSON")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "print no notes, only errors")
	root.SilenceErrors = true // Main tells them
	root.SilenceUsage = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(cmd, "%s", err)
	})
}

// silence returns how long a server may be silent.
func (o *options) silence() (time.Duration, error) {
	name, text := "--timeout", o.timeout
	if text == "" {
		name, text = timeoutVariable, strings.TrimSpace(os.Getenv(timeoutVariable))
	}
	if text == "" {
		return client.DefaultTimeout, nil
	}
	d, err := time.ParseDuration(text)
	if seconds, numberErr := strconv.ParseFloat(text, 64); numberErr == nil {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d <= 0 {
		return 0, sheaf.Invalid(name, fmt.Sprintf("%s is a time such as 30 (seconds) or 2m, not %q", name, text))
	}
	return d, nil
}

// config returns the configuration of the store that would be opened here.
func (o *options) config() (config.Config, error) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.BindFlags(flags)
	if o.dataDir != "" {
		if err := flags.Set(dataDirFlag, o.dataDir); err != nil {
			return config.Config{}, err
		}
	}
	return config.Load(config.Sources{Environ: os.Environ(), Flags: flags})
}

// note writes a line about the work to standard error, unless --quiet.
func (o *options) note(cmd *cobra.Command, format string, args ...any) {
	if !o.quiet {
		io.WriteString(cmd.ErrOrStderr(), printable(fmt.Sprintf(format, args...))+"\n")
	}
}
