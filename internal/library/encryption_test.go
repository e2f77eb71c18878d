package library_test

// Master keys of tests.
const (
	masterKey    = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	newMasterKey = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f"
)
