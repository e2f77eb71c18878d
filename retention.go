package sheaf

import "fmt"

const (
	maxRetentionDays     = 36_525 // a century
	maxRetentionVersions = 1_000_000
)

// KeepsEverything reports whether nothing is ever removed.
func (r Retention) KeepsEverything() bool { return r.TrashDays == 0 && r.HistoryDays == 0 }

// Check returns an error of kind invalid unless the retention makes sense.
func (r Retention) Check() error {
	var versionsErr error
	switch {
	case r.HistoryVersions < 0 || r.HistoryVersions > maxRetentionVersions:
		versionsErr = Invalid("retention.history_versions", fmt.Sprintf("history_versions is from 0 to %d, not %d", maxRetentionVersions, r.HistoryVersions))
	case r.HistoryVersions > 0 && r.HistoryDays == 0:
		versionsErr = Invalid("retention.history_versions", "history_versions says what stays when history_days is over; give history_days too")
	}
	return InvalidFields(checkRetentionDays("trash_days", r.TrashDays), checkRetentionDays("history_days", r.HistoryDays), versionsErr)
}

func checkRetentionDays(name string, days int) error {
	if days < 0 || days > maxRetentionDays {
		return Invalid("retention."+name, fmt.Sprintf("%s is from 0, which keeps for ever, to %d, not %d", name, maxRetentionDays, days))
	}
	return nil
}
