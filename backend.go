package sheaf

// A BackendInfo describes a place for blobs.
type BackendInfo struct {
	Name        string `json:"name" doc:"Of the server's configuration"`
	Kind        string `json:"kind" doc:"The kind of storage, such as fs or s3"`
	Default     bool   `json:"default" doc:"Whether new collections are stored there unless another is named"`
	Presigns    bool   `json:"presigns" doc:"Whether it can let clients upload and download without passing through the server"`
	Collections int    `json:"collections" doc:"How many are stored there, or are moving from there or to there"`
}

// A BackendTest is what came of trying all that a backend has to do.
type BackendTest struct {
	Name  string        `json:"name"`
	Kind  string        `json:"kind"`
	OK    bool          `json:"ok" doc:"Whether no step failed"`
	Steps []BackendStep `json:"steps"`
}

// A BackendStep is one thing that a backend was tried at.
type BackendStep struct {
	Step       string     `json:"step" enum:"write,stat,read,range,list,clock,presign_get,presign_put,delete" doc:"What was tried"`
	Status     StepStatus `json:"status" enum:"ok,failed,skipped"`
	DurationMS float64    `json:"duration_ms"`
	Fault      string     `json:"fault,omitempty" doc:"What is wrong, as far as it is known: credentials, permission, bucket, region, clock, path_style, endpoint, presign or unreachable"`
	Message    string     `json:"message,omitempty" doc:"What is wrong, or why the step was skipped"`
	Hint       string     `json:"hint,omitempty" doc:"What to do about it"`
	Detail     string     `json:"detail,omitempty" doc:"What the backend itself said"`
}

// A StepStatus says how a step ended.
type StepStatus string

const (
	StepOK      StepStatus = "ok"
	StepFailed  StepStatus = "failed"
	StepSkipped StepStatus = "skipped"
)
