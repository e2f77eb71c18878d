package rest

import (
	"context"
	"fmt"
	"strconv"

	"github.com/sheaf-dev/sheaf"
)

type checkInput struct{ call }

type checkOutput struct {
	Body sheaf.CheckReport
}

// checkStore looks for damage, and repairs it if that is asked for: POST
// /admin/fsck.
func (s *server) checkStore(ctx context.Context, in *checkInput) (*checkOutput, error) {
	full, fullErr := parseFlag("full", in.request.URL.Query())
	repair, repairErr := parseFlag("repair", in.request.URL.Query())
	if err := sheaf.InvalidFields(fullErr, repairErr); err != nil {
		return nil, err
	}
	session := s.session(in.request)
	check := session.Check
	if repair {
		check = session.Repair
	}
	report, err := check(ctx, full)
	if err != nil {
		return nil, err
	}
	return &checkOutput{report}, nil
}

type planGarbageInput struct{ call }

type planGarbageOutput struct {
	Body sheaf.GarbagePlan
}

// planGarbage says what could be reclaimed: GET /admin/gc.
func (s *server) planGarbage(ctx context.Context, in *planGarbageInput) (*planGarbageOutput, error) {
	plan, err := s.session(in.request).PlanGarbage(ctx)
	if err != nil {
		return nil, err
	}
	return &planGarbageOutput{plan}, nil
}

type collectGarbageInput struct{ call }

type collectGarbageOutput struct {
	Body sheaf.GarbageReport
}

// collectGarbage applies retention and reclaims garbage: POST /admin/gc.
func (s *server) collectGarbage(ctx context.Context, in *collectGarbageInput) (*collectGarbageOutput, error) {
	now, err := parseFlag("now", in.request.URL.Query())
	if err != nil {
		return nil, err
	}
	report, err := s.session(in.request).CollectGarbage(ctx, now)
	if err != nil {
		return nil, err
	}
	return &collectGarbageOutput{report}, nil
}

// parseFlag reads a boolean parameter; named without a value, it is true.
func parseFlag(name string, values map[string][]string) (bool, error) {
	given, present := values[name]
	switch {
	case !present:
		return false, nil
	case given[0] == "":
		return true, nil
	}
	flag, err := strconv.ParseBool(given[0])
	if err != nil {
		return false, sheaf.Invalid(name, fmt.Sprintf("%s has to be true or false, %q is neither", name, sheaf.Clip(given[0])))
	}
	return flag, nil
}
