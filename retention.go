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
	for name, days := range map[string]int{"trash_days": r.TrashDays, "history_days": r.HistoryDays} {
		if days < 0 || days > maxRetentionDays {
			return Invalid("retention", fmt.Sprintf("%s is from 0, which keeps for ever, to %d, not %d", name, maxRetentionDays, days))
		}
	}
	switch {
	case r.HistoryVersions < 0 || r.HistoryVersions > maxRetentionVersions:
		return Invalid("retention", fmt.Sprintf("history_versions is from 0 to %d, not %d", maxRetentionVersions, r.HistoryVersions))
	case r.HistoryVersions > 0 && r.HistoryDays == 0:
		return Invalid("retention", "history_versions says what stays when history_days is over; give history_days too")
	}
	return nil
}
