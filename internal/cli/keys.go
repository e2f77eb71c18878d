package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

func newKeysCommand(shared *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Show what is encrypted, and by which master keys",
		Long: `Show what is encrypted, and by which master keys: of each backend, how many
contents are sealed by which key and how many are not sealed. Master keys are named
by ids, which tell nothing about them.

A backend is encrypted by encrypt: true in sheaf.yaml. That seals what is new; what
was there before stays as it is and readable. The master keys come from the
variable SHEAF_MASTER_KEY or from the file that SHEAF_MASTER_KEY_FILE names, the
current one first. Without them nothing that is sealed can be read by anybody:
keep a copy elsewhere.`,
		Args: cobra.ArbitraryArgs, // so that RunE words the error
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return runKeys(cmd, shared)
		},
	}
	cmd.AddCommand(newKeysNewCommand(), newKeysRotateCommand(shared))
	return cmd
}

func runKeys(cmd *cobra.Command, o *options) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	report, err := store.Encryption(cmd.Context())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		return printJSON(out, report)
	}
	_, err = fmt.Fprint(out, encryptionText(report))
	return err
}

// encryptionText returns a report as people read it.
func encryptionText(report sheaf.EncryptionReport) string {
	var b strings.Builder
	current := report.CurrentKey
	if current == "" {
		current = "none is given"
	}
	fmt.Fprintf(&b, "current master key: %s\n", current)
	for _, backend := range report.Backends {
		how := "not encrypted"
		if backend.Encrypt {
			how = "encrypted"
		}
		fmt.Fprintf(&b, "%s: %s\n", backend.Name, how)
		for _, sealed := range backend.Sealed {
			fmt.Fprintf(&b, "  sealed by %s: %s", sealed.Key, plural(int(sealed.Blobs), "content"))
			switch {
			case !sealed.Given:
				b.WriteString(", and the key is not given")
			case sealed.Key != report.CurrentKey:
				b.WriteString(", to be rotated")
			}
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "  not sealed: %s, %s\n", plural(int(backend.PlainBlobs), "content"), formatSize(backend.PlainBytes))
		if backend.Problem != "" {
			fmt.Fprintf(&b, "  locked: %s\n", printable(backend.Problem))
		}
	}
	return b.String()
}
