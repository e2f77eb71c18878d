package blob

import (
	"errors"

	"github.com/sheaf-dev/sheaf"
)

// A Fault is the reason why a backend does not do what it should, as far as its
// driver can tell. Somebody has to change something: trying again is no use,
// except with [FaultUnreachable].
type Fault string

const (
	FaultCredentials Fault = "credentials" // the backend does not know the key, or its secret is another
	FaultPermission  Fault = "permission"  // it knows the key, which may not do this
	FaultBucket      Fault = "bucket"      // there is no such bucket
	FaultRegion      Fault = "region"      // the bucket is elsewhere
	FaultClock       Fault = "clock"       // its time and that of this machine are too far apart
	FaultPathStyle   Fault = "path_style"  // it wants the bucket in the host name, or in the path
	FaultEndpoint    Fault = "endpoint"    // what answers at the address is no such backend
	FaultPresign     Fault = "presign"     // URLs that it should accept are refused
	FaultRefused     Fault = "refused"     // it refuses the request, for a reason that is in the log
	FaultUnreachable Fault = "unreachable" // it does not answer, or says that it cannot just now
)

// NewFault returns an error of kind ErrBackendUnavailable, of which [FaultOf]
// knows the fault. The message is for every caller and names no secrets; the
// hint is for whoever set the backend up; the cause, which may be nil, is for
// the log.
func NewFault(fault Fault, message, hint string, cause error) *sheaf.Error {
	return &sheaf.Error{
		Kind: sheaf.ErrBackendUnavailable, Message: message, Hint: hint,
		Err: &faultError{fault: fault, cause: cause},
	}
}

// FaultOf returns the fault that an error of a driver names; "" if it names none.
func FaultOf(err error) Fault {
	var f *faultError
	if errors.As(err, &f) {
		return f.fault
	}
	return ""
}

// Passes reports whether an error of a driver may be gone when the same is tried
// again, without that anybody changes something.
func Passes(err error) bool {
	fault := FaultOf(err)
	return sheaf.KindOf(err) == sheaf.ErrBackendUnavailable && (fault == "" || fault == FaultUnreachable)
}

// A faultError carries a fault within the error of a driver.
type faultError struct {
	fault Fault
	cause error
}

// Error returns the cause, or else the fault itself.
func (e *faultError) Error() string {
	if e.cause == nil {
		return string(e.fault)
	}
	return e.cause.Error()
}

// Unwrap returns the cause.
func (e *faultError) Unwrap() error { return e.cause }
