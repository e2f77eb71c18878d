package cli

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/config"
)

func newServeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a store until interrupted",
		Long: `Serve a store until interrupted.

Nothing needs to be configured. What can be is given by flags, environment
variables and sheaf.yaml, in this order of precedence.

SIGINT and SIGTERM let requests finish first; a second one ends the process at
once, which loses nothing that was acknowledged.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(cmd, "serve takes no arguments, such as %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd) },
	}
	config.BindFlags(cmd.Flags())
	return cmd
}

func runServe(cmd *cobra.Command) (err error) {
	cfg, err := config.Load(config.Sources{Environ: os.Environ(), Flags: cmd.Flags()})
	if err != nil {
		return err
	}
	app.TuneRuntime(cfg.Runtime)
	server, err := app.Open(cmd.Context(), cfg, app.NewLogger(cfg.Log, cmd.ErrOrStderr()))
	if err != nil {
		return err
	}
	defer closeInto(&err, server)
	if err := server.Listen(cmd.Context()); err != nil {
		return err
	}
	if _, err := io.WriteString(cmd.OutOrStdout(), server.Greeting()); err != nil {
		return err
	}
	return server.Run(cmd.Context())
}
