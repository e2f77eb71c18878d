package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

func newKeysRotateCommand(shared *options) *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Rotate to the current master key",
		Long: `Rotate to the current master key: wrap the key of every sealed content by it. No
content is rewritten, and the store is in use meanwhile.

First give the server the new master key and the old ones after it, and start it
again. A rotation that is cut off goes on where it was. When it says that nothing
remains, the old master keys are needed only for older backups.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runKeysRotate(cmd, shared) },
	}
}

func runKeysRotate(cmd *cobra.Command, o *options) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	progress := o.showProgress(cmd, "content")
	var total sheaf.KeyRotation
	for {
		part, err := store.RotateKeys(cmd.Context())
		if err != nil {
			progress.stop()
			return err
		}
		rewrapped := total.Rewrapped + part.Rewrapped
		total = part
		total.Rewrapped = rewrapped
		progress.expect(int(total.Rewrapped+total.Remaining), 0)
		progress.didMany(part.Rewrapped)
		if part.Remaining == 0 || part.Rewrapped == 0 {
			break
		}
	}
	progress.stop()
	out := cmd.OutOrStdout()
	if o.json {
		err = printJSON(out, total)
	} else {
		_, err = fmt.Fprintf(out, "current master key: %s\nrewrapped: %s\nremaining: %d\n",
			total.CurrentKey, plural(int(total.Rewrapped), "content"), total.Remaining)
	}
	switch {
	case err != nil:
		return err
	case len(total.Missing) > 0:
		return sheaf.Errorf(sheaf.ErrBackendUnavailable, "contents remain whose master key is not given: %s", strings.Join(total.Missing, ", ")).
			WithHint("give these keys after the current one, start the server again, and rotate again")
	case total.Failed > 0:
		return sheaf.Errorf(sheaf.ErrDamaged, "%s remain whose seal in the catalog is damaged", plural(int(total.Failed), "content")).
			WithHint("`sheaf admin fsck --full` names every document they belong to")
	}
	return nil
}
