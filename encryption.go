package sheaf

// An EncryptionReport says what of a store is sealed, and by which master keys.
type EncryptionReport struct {
	CurrentKey string              `json:"current_key"` // id of the master key that seals; "" if none is given
	Keys       []string            `json:"keys"`        // ids of all that are given, the current one first; never nil
	Backends   []BackendEncryption `json:"backends"`    // by name; never nil
}

// BackendEncryption says what of one backend is sealed.
type BackendEncryption struct {
	Name       string        `json:"name"`
	Encrypt    bool          `json:"encrypt"` // whether new contents are sealed
	Problem    string        `json:"problem,omitempty"`
	Sealed     []SealedBlobs `json:"sealed"`      // by master key; never nil
	PlainBlobs int64         `json:"plain_blobs"` // readable without a key
	PlainBytes int64         `json:"plain_bytes"` // stored bytes of these
}

// SealedBlobs are blobs whose data keys are wrapped by the same master key.
type SealedBlobs struct {
	Key   string `json:"key"` // id
	Blobs int64  `json:"blobs"`
	Given bool   `json:"given"` // whether the store has the key
}

// A KeyRotation says what a part of a rotation of the master key has done.
type KeyRotation struct {
	CurrentKey string   `json:"current_key"` // id of the master key that wraps data keys now
	Rewrapped  int64    `json:"rewrapped"`   // blobs, by this part
	Remaining  int64    `json:"remaining"`   // blobs whose data keys another master key wraps yet
	Failed     int64    `json:"failed"`      // of the remaining: those whose seal is damaged
	Missing    []string `json:"missing"`     // ids of master keys that are needed and not given; never nil
}
