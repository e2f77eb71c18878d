package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

const (
	trashDaysFlag       = "trash-days"
	historyDaysFlag     = "history-days"
	historyVersionsFlag = "history-versions"
)

// bindRetention adds the flags that say how long a collection keeps what is past.
func bindRetention(flags *pflag.FlagSet, r *sheaf.Retention) {
	flags.IntVar(&r.TrashDays, trashDaysFlag, 0, "`days` after which a document in the trash is purged; 0: never")
	flags.IntVar(&r.HistoryDays, historyDaysFlag, 0, "`days` for which a version stays readable after it was replaced; 0: for ever")
	flags.IntVar(&r.HistoryVersions, historyVersionsFlag, 0, "the newest `versions` of a document stay readable, however old; with --history-days")
}

// retentionGiven reports whether one of the flags was given.
func retentionGiven(flags *pflag.FlagSet) bool {
	return flags.Changed(trashDaysFlag) || flags.Changed(historyDaysFlag) || flags.Changed(historyVersionsFlag)
}

// mergeRetention changes of a collection's retention what was given as flags.
func mergeRetention(ctx context.Context, store *connection, flags *pflag.FlagSet, name string, given sheaf.Retention, change *client.CollectionChange) error {
	if !retentionGiven(flags) {
		return nil
	}
	collection, err := store.Collection(ctx, name)
	if err != nil {
		return err
	}
	retention := collection.Retention
	if flags.Changed(trashDaysFlag) {
		retention.TrashDays = given.TrashDays
	}
	if flags.Changed(historyDaysFlag) {
		retention.HistoryDays = given.HistoryDays
	}
	if flags.Changed(historyVersionsFlag) {
		retention.HistoryVersions = given.HistoryVersions
	}
	change.Retention = &retention
	return nil
}

// retentionText says how long a collection keeps what is past, for its line in a
// listing; nothing if it does so for ever.
func retentionText(r sheaf.Retention) string {
	var b strings.Builder
	if r.TrashDays > 0 {
		fmt.Fprintf(&b, ", trash %s", plural(r.TrashDays, "day"))
	}
	if r.HistoryDays > 0 {
		fmt.Fprintf(&b, ", history %s", plural(r.HistoryDays, "day"))
	}
	if r.HistoryVersions > 0 {
		fmt.Fprintf(&b, " and %s", plural(r.HistoryVersions, "version"))
	}
	return b.String()
}
