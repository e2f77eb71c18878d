package mcp

import (
	"context"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// A progress tells the caller of a tool how much of its work is done, in a unit
// of the tool's choice, and in a few words what that is. A total of 0 is not
// known. It may be called as often as is convenient, by one goroutine; what is
// told is what is worth it, and nothing if the caller has not asked.
type progress func(done, total int, message string)

// progressInterval is the least time between two things that are told.
const progressInterval = 100 * time.Millisecond

// noProgress tells nobody.
func noProgress(int, int, string) {}

// progressOf returns where a call tells of its progress.
func progressOf(ctx context.Context, request *sdk.CallToolRequest) progress {
	token := request.Params.GetProgressToken()
	if token == nil {
		return noProgress
	}
	var last time.Time
	told := 0
	return func(done, total int, message string) {
		now := time.Now()
		// What a client gets has to increase every time.
		if done <= told || done != total && now.Sub(last) < progressInterval {
			return
		}
		last, told = now, done
		// A caller that is gone ends the context, which ends the work.
		_ = request.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{
			ProgressToken: token, Progress: float64(done), Total: float64(total), Message: message,
		})
	}
}
