package library

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// A placeCursor is where a listing goes on that is sorted by texts, tied to the
// conditions it began with.
type placeCursor struct {
	After      []string `json:"p"`
	Conditions string   `json:"c"`
}

func encodePlace(conditions string, after ...string) string {
	text, err := json.Marshal(placeCursor{after, conditionsHash(conditions)})
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// decodePlace returns the texts of a cursor, as many as are wanted. Without a
// cursor they are empty, which is before all others.
func decodePlace(cursor, conditions string, wanted int) ([]string, error) {
	if cursor == "" {
		return make([]string, wanted), nil
	}
	var c placeCursor
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(cursor))
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil || len(c.After) != wanted {
		return make([]string, wanted), sheaf.Invalid("cursor", "the cursor is not one that this server gave out")
	}
	if c.Conditions != conditionsHash(conditions) {
		return make([]string, wanted), sheaf.Invalid("cursor", "the cursor belongs to a listing with other filters").
			WithHint("repeat the filters of the first page, or start again without a cursor")
	}
	return c.After, nil
}
