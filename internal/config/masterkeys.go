package config

// Variables of the master keys. The keys themselves have no setting: a command
// line is seen by everybody on the machine, and sheaf.yaml is shared.
const (
	masterKeyEnv     = "SHEAF_MASTER_KEY"
	masterKeyFileEnv = "SHEAF_MASTER_KEY_FILE"
)

// settleMasterKeys takes the master keys of the environment. Whether they are
// needed, and good, shows when the store is opened: commands that only talk to a
// server have no use for them.
func (l *loader) settleMasterKeys() {
	storage := &l.config.Storage
	if err := secret(&storage.MasterKeys).set(l.environ[masterKeyEnv]); err != nil {
		l.reject(masterKeyEnv, err.Error())
	}
	if storage.MasterKeys != "" && storage.MasterKeyFile != "" {
		l.reject(masterKeyEnv, "is given, and so is "+l.origins["storage.master_key_file"]+": the master keys come from one of them")
	}
}
