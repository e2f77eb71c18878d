package s3blob

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// A diagnosis is what an error code of the protocol means for its reader.
type diagnosis struct {
	fault         blob.Fault
	message, hint string
}

const (
	keyHint     = "check the access key and the secret key of the backend: they come as a pair, and belong to one service"
	bucketHint  = "create the bucket, or correct its name, the endpoint or the region of the backend; path_style matters too"
	patienceFor = "try again later"
	spoilt      = "what arrived at the storage backend is not what was sent"
)

// diagnoses are the error codes that somebody can do something about.
var diagnoses = map[string]diagnosis{
	"InvalidAccessKeyId":    {blob.FaultCredentials, "the storage backend does not know its access key", keyHint},
	"SignatureDoesNotMatch": {blob.FaultCredentials, "the storage backend refuses the signature: the secret key is not that of the access key", keyHint},
	"InvalidToken":          {blob.FaultCredentials, "the storage backend refuses the session token", "get new credentials, or leave the token out where the keys are permanent"},
	"ExpiredToken":          {blob.FaultCredentials, "the session token of the storage backend has expired", "get new credentials, or use permanent keys"},
	"InvalidJWT":            {blob.FaultCredentials, "the storage backend refuses the session token", "get a new one, or use S3 access keys"},
	"TokenRefreshRequired":  {blob.FaultCredentials, "the session token of the storage backend has expired", "get new credentials, or use permanent keys"},
	"XAdminUserNotFound":    {blob.FaultCredentials, "the storage backend does not know its access key", keyHint}, // of versitygw
	"Unauthorized":          {blob.FaultCredentials, "the storage backend refuses the credentials", keyHint},

	"AccessDenied":                       {blob.FaultPermission, "the storage backend does not permit this to its access key", "the key needs to read, write, delete and list objects of the bucket"},
	"AllAccessDisabled":                  {blob.FaultPermission, "the storage backend has disabled all access to the bucket", "ask its operator"},
	"AccountProblem":                     {blob.FaultPermission, "the storage backend has a problem with the account", "ask its operator"},
	"MethodNotAllowed":                   {blob.FaultPermission, "the storage backend does not permit this", "the key needs to read, write, delete and list objects of the bucket"},
	"InvalidObjectState":                 {blob.FaultPermission, "the storage backend has archived the object", "bring it back, and take such rules off the bucket"},
	"NoSuchBucket":                       {blob.FaultBucket, "the bucket of the storage backend does not exist", bucketHint},
	"InvalidBucketName":                  {blob.FaultBucket, "the storage backend does not take the name of the bucket", bucketHint},
	"RequestTimeTooSkewed":               {blob.FaultClock, "the storage backend and this machine do not agree what time it is", "set the clock of this machine, best by NTP"},
	"RequestExpired":                     {blob.FaultClock, "the storage backend and this machine do not agree what time it is", "set the clock of this machine, best by NTP"},
	"RequestNotYetValid":                 {blob.FaultClock, "the storage backend and this machine do not agree what time it is", "set the clock of this machine, best by NTP"},
	"PermanentRedirect":                  {blob.FaultRegion, "the bucket of the storage backend is in another region", "correct the region, and the endpoint if there is one"},
	"TemporaryRedirect":                  {blob.FaultRegion, "the bucket of the storage backend is in another region", "correct the region, and the endpoint if there is one"},
	"IncorrectEndpoint":                  {blob.FaultRegion, "the bucket of the storage backend is in another region", "correct the region, and the endpoint if there is one"},
	"InvalidRegionName":                  {blob.FaultRegion, "the storage backend does not know its region", "correct the region"},
	"InvalidLocationConstraint":          {blob.FaultRegion, "the storage backend does not know its region", "correct the region"},
	"IllegalLocationConstraintException": {blob.FaultRegion, "the bucket of the storage backend is in another region", "correct the region"},
	"AuthorizationHeaderMalformed":       {blob.FaultRegion, "the storage backend expects another region", "correct the region"},
	"AuthorizationQueryParametersError":  {blob.FaultRegion, "the storage backend expects another region", "correct the region"},
	"BadDigest":                          {blob.FaultUnreachable, spoilt, patienceFor},
	"XAmzContentSHA256Mismatch":          {blob.FaultUnreachable, spoilt, patienceFor},
	"XAmzContentChecksumMismatch":        {blob.FaultUnreachable, spoilt, patienceFor},
	"IncompleteBody":                     {blob.FaultUnreachable, spoilt, patienceFor},
	"SecondLevelDomainForbidden":         {blob.FaultPathStyle, "the storage backend wants the bucket in the host name", "set path_style: false"},
	"PathStyleNotSupported":              {blob.FaultPathStyle, "the storage backend wants the bucket in the host name", "set path_style: false"},
	"VirtualHostDomainRequired":          {blob.FaultPathStyle, "the storage backend wants the bucket in the host name", "set path_style: false"},
}

// explain turns an error of the SDK into one of ours: nil stays nil, and the end
// of the caller's context is that.
func (b *Backend) explain(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%s: %w", what, ended)
	}
	d := b.diagnose(err)
	return blob.NewFault(d.fault, d.message, d.hint, fmt.Errorf("%s: %w", what, err))
}

func (b *Backend) diagnose(err error) diagnosis {
	code, status := codeOf(err), statusOf(err)
	if isAboutKey(err) {
		return diagnoses["InvalidAccessKeyId"]
	}
	if d, ok := diagnoses[code]; ok {
		switch d.fault {
		case blob.FaultClock:
			d.message += clockText(err)
		case blob.FaultBucket:
			if b.options.VirtualHost {
				d.hint = "create the bucket or correct its name; or set path_style: true, if the service does not take the bucket from the host name"
			}
		}
		return d
	}
	var dns *net.DNSError
	switch {
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return diagnosis{blob.FaultUnreachable, "the storage backend cannot answer just now", patienceFor}
	case status == http.StatusConflict: // "try again", by the protocol; of versitygw, that a directory just went
		return diagnosis{blob.FaultUnreachable, "the storage backend has something else under way at the same place", patienceFor}
	case status == http.StatusUnauthorized:
		return diagnoses["Unauthorized"]
	case status == http.StatusForbidden:
		return diagnoses["AccessDenied"]
	case status >= 300 && status < 400:
		return diagnoses["PermanentRedirect"]
	case status != 0 && code == "":
		return diagnosis{blob.FaultEndpoint, fmt.Sprintf("what answers for the storage backend does not speak the S3 protocol: status %d", status), "correct the endpoint of the backend"}
	case status != 0:
		return diagnosis{blob.FaultEndpoint, fmt.Sprintf("the storage backend refuses a request: status %d, %s", status, code), "correct the endpoint of the backend; the server's log says more"}
	case errors.As(err, &dns) && b.options.VirtualHost && strings.HasPrefix(dns.Name, b.options.Bucket+"."):
		return diagnosis{blob.FaultPathStyle, "the storage backend has no host of the bucket's name", "set path_style: true"}
	case errors.As(err, &dns):
		return diagnosis{blob.FaultUnreachable, "the name of the storage backend's host is not known", "correct the endpoint of the backend, or the network of this machine"}
	}
	return diagnosis{blob.FaultUnreachable, "the storage backend does not answer", patienceFor + "; check its endpoint and the network if this goes on"}
}

// codeOf returns the error code of an answer; "" if there is none.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// isAboutKey reports whether a general error is about the form of the access key:
// AWS and R2 look at that before they look for the key.
func isAboutKey(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	message := strings.ToLower(api.ErrorMessage())
	switch api.ErrorCode() {
	case "InvalidArgument", "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError":
		return strings.Contains(message, "access key") || strings.Contains(message, "credential") && !strings.Contains(message, "region")
	}
	return false
}

// statusOf returns the HTTP status of an answer; 0 if there was none.
func statusOf(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// isMissing reports whether err says that an object is not there. HEAD cannot
// say so.
func isMissing(err error) bool { return codeOf(err) == "NoSuchKey" }

// clockText says by how much the clock of this machine differs from that of
// whoever answered; "" if the answer does not tell.
func clockText(err error) string {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil {
		return ""
	}
	theirs, parseErr := http.ParseTime(answer.Response.Header.Get("Date"))
	if parseErr != nil {
		return ""
	}
	switch ahead := time.Since(theirs).Round(time.Second); {
	case ahead > 0:
		return fmt.Sprintf(": this machine is %s ahead", ahead)
	case ahead < 0:
		return fmt.Sprintf(": this machine is %s behind", -ahead)
	}
	return ""
}
