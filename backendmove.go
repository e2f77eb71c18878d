package sheaf

import "time"

// A MovePhase says how far a move of a collection to another backend is.
type MovePhase string

// The phases of a move that is under way. Contents are written to one backend and
// read from both in all of them.
const (
	MoveCopying   MovePhase = "copying"   // to the new backend; new contents still go to the old one
	MoveSettling  MovePhase = "settling"  // switched: new contents go to the new backend, the last old ones are copied
	MoveKept      MovePhase = "kept"      // all is on the new backend, the old one keeps its copy for a while
	MoveReturning MovePhase = "returning" // rolled back: the old backend gets what was written to the new one only
)

// What has become of a move that is over.
const (
	MoveDone       MovePhase = "done"        // everything is on the new backend
	MoveRolledBack MovePhase = "rolled_back" // everything is on the old backend
	MoveDeleted    MovePhase = "deleted"     // the collection was deleted meanwhile
)

// IsOver reports whether a move that is so far is over.
func (p MovePhase) IsOver() bool {
	return p == MoveDone || p == MoveRolledBack || p == MoveDeleted
}

// A BackendMove is the latest move of a collection to another backend.
type BackendMove struct {
	ID            string           `json:"move_id" doc:"In the log entries of the move, as their operation_id"`
	Collection    Slug             `json:"collection"`
	Status        CollectionStatus `json:"status" doc:"Of the collection"`
	Phase         MovePhase        `json:"phase" enum:"copying,settling,kept,returning,done,rolled_back,deleted" doc:"How far it is. copying, settling (switched, the last contents are copied), kept (all is on the new backend, the old one keeps its copy until keep_until) or returning (rolled back, what the new backend alone has is copied back); or how it ended"`
	From          string           `json:"from" doc:"The backend that is left"`
	To            string           `json:"to" doc:"The backend that the collection moves to"`
	Contents      int64            `json:"contents" doc:"How many contents have to be copied, as far as is known by now"`
	Bytes         int64            `json:"bytes" doc:"Their size together"`
	Copied        int64            `json:"contents_copied" doc:"How many of them are on the new backend and were read back from it, and had their digest"`
	CopiedBytes   int64            `json:"bytes_copied"`
	Verified      int64            `json:"contents_verified" doc:"How many the new backend had before, and were read back from it"`
	StartedAt     time.Time        `json:"started_at"`
	SwitchedAt    *time.Time       `json:"switched_at,omitempty" doc:"Since when new contents go to the new backend"`
	KeepUntil     *time.Time       `json:"keep_until,omitempty" doc:"Until when the old backend keeps its copy, so that the move can be rolled back"`
	EndedAt       *time.Time       `json:"ended_at,omitempty"`
	Problem       string           `json:"problem,omitempty" doc:"Why it does not go on. It is tried again by itself"`
	ProblemSince  *time.Time       `json:"problem_since,omitempty"`
	GraceSeconds  int64            `json:"grace_seconds" doc:"For how long the old backend keeps its copy once all is on the new one"`
	AlreadyMoving bool             `json:"already_moving,omitempty" doc:"The move that was asked for was under way already"`
}

// A MovePlan counts what a move to another backend would copy.
type MovePlan struct {
	Collection     Slug   `json:"collection"`
	From           string `json:"from"`
	To             string `json:"to"`
	Documents      int64  `json:"documents" doc:"That have a content, the trash and what users have for themselves included"`
	Versions       int64  `json:"versions"`
	Contents       int64  `json:"contents" doc:"Different contents of all versions"`
	Bytes          int64  `json:"bytes"`
	PresentContent int64  `json:"contents_present" doc:"Of these, on the new backend already; they are verified, and not copied"`
	PresentBytes   int64  `json:"bytes_present"`
	Unreadable     int64  `json:"contents_unreadable" doc:"Known to be damaged or missing where they are. A move does not end before they are healed or purged"`
	GraceSeconds   int64  `json:"grace_seconds" doc:"For how long the old backend would keep its copy"`
}
