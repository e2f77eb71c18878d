package supablob

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// claims are what Supabase says in a JSON Web Token.
type claims struct {
	Expires int64  `json:"exp"`  // seconds since 1970; 0: it does not say
	Role    string `json:"role"` // of whoever has it as a key
}

// claimsOf reads a JSON Web Token. It verifies nothing: the token comes from who
// issued it, or from the configuration.
func claimsOf(token string) (c claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, errors.New("it is no JSON Web Token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(payload, &c)
}
