package markup

import (
	"slices"
	"sort"
	"strings"
)

// A change says that the lines [oldFrom, oldTo) of one text became the lines
// [newFrom, newTo) of another. One of the two ranges may be empty.
type change struct{ oldFrom, oldTo, newFrom, newTo int }

// changes returns what makes new of old, in order. Between two changes is at
// least one line that both texts have.
//
// Up to a thousand changed lines it is the shortest such list. Beyond that it is
// found in parts, cut where lines that occur once on each side correspond; and
// once changeBudget is spent, whatever has not been compared counts as replaced.
// So the list is always correct, and time and memory are bounded for any two
// texts.
func changes(old, new []string) []change { return changesWithin(changeBudget, old, new) }

func changesWithin(budget int, old, new []string) []change {
	head, tail := 0, 0
	for head < len(old) && head < len(new) && old[head] == new[head] {
		head++
	}
	for tail < len(old)-head && tail < len(new)-head && old[len(old)-1-tail] == new[len(new)-1-tail] {
		tail++
	}
	oldChanged, newChanged := changedLines(budget, old[head:len(old)-tail], new[head:len(new)-tail])

	var list []change
	for o, n := 0, 0; o < len(oldChanged) || n < len(newChanged); {
		c := change{oldFrom: o, newFrom: n}
		for o < len(oldChanged) && oldChanged[o] {
			o++
		}
		for n < len(newChanged) && newChanged[n] {
			n++
		}
		if c.oldTo, c.newTo = o, n; o > c.oldFrom || n > c.newFrom {
			list = append(list, change{head + c.oldFrom, head + o, head + c.newFrom, head + n})
		}
		o, n = o+1, n+1
	}
	return settle(list, old, new)
}

// changedLines tells for each line of two texts whether it is changed. The lines
// that are not are the same in both, in order.
func changedLines(budget int, old, new []string) (oldChanged, newChanged []bool) {
	oldChanged, newChanged = make([]bool, len(old)), make([]bool, len(new))
	if len(old) == 0 || len(new) == 0 {
		fill(oldChanged)
		fill(newChanged)
		return
	}

	// Lines become numbers, which are quick to compare.
	numbers := make(map[string]int32, len(old))
	var inOld, inNew []bool
	number := func(lines []string, in *[]bool) []int32 {
		numbered := make([]int32, len(lines))
		for i, line := range lines {
			n, ok := numbers[line]
			if !ok {
				n = int32(len(numbers))
				numbers[line] = n
				inOld, inNew = append(inOld, false), append(inNew, false)
			}
			(*in)[n] = true
			numbered[i] = n
		}
		return numbered
	}
	oldNumbers, newNumbers := number(old, &inOld), number(new, &inNew)

	// A line that the other text does not have is changed in any case; without
	// those the rest is often short.
	a := sequence{changed: oldChanged}
	b := sequence{changed: newChanged}
	a.keep(oldNumbers, inNew)
	b.keep(newNumbers, inOld)

	diagonals := len(a.lines) + len(b.lines) + 3
	m := matcher{
		a: a, b: b,
		forward: make([]int32, diagonals), backward: make([]int32, diagonals),
		origin: len(b.lines) + 1,
		budget: budget,
		seen:   make([]occurrence, len(numbers)),
	}
	m.match(0, len(a.lines), 0, len(b.lines))
	return oldChanged, newChanged
}

func fill(flags []bool) {
	for i := range flags {
		flags[i] = true
	}
}

// A sequence is the lines of a text that take part in matching.
type sequence struct {
	lines   []int32 // their numbers: equal numbers are equal lines
	at      []int32 // where they are in changed
	changed []bool  // of all lines of the text
}

// keep takes the lines that also the other text has, and marks the rest as
// changed.
func (s *sequence) keep(numbers []int32, inOther []bool) {
	for i, n := range numbers {
		if inOther[n] {
			s.lines, s.at = append(s.lines, n), append(s.at, int32(i))
		} else {
			s.changed[i] = true
		}
	}
}

// change marks the lines [from, to) of the sequence as changed.
func (s *sequence) change(from, to int) {
	for _, i := range s.at[from:to] {
		s.changed[i] = true
	}
}

const (
	// changeBudget is how many steps one comparison may take, most of them a
	// nanosecond or two.
	changeBudget = 30_000_000

	// maxSearch is how many differences a search for the shortest way goes into a
	// box from either side, before the box is cut another way.
	maxSearch = 512

	// anchorShare is the part of a box's lines that have to be anchors for the
	// box to be cut at them, as one to this.
	anchorShare = 32
)

// A matcher finds which lines of two sequences correspond, with the algorithm of
// E. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), section
// 4b, in linear space: it looks for the middle of a shortest way through the
// box from both corners, and then does the same for the two boxes beside it.
type matcher struct {
	a, b sequence

	// How far a search has come on each diagonal, as an index into a. Diagonal
	// d, which is an index into a less one into b, is at origin+d.
	forward, backward []int32
	origin            int

	budget int
	seen   []occurrence // by number of line; all zero between calls of anchors
	unique []anchor     // room for the candidates of anchors
}

// match marks in the box [aLo, aHi) x [bLo, bHi) what is changed.
func (m *matcher) match(aLo, aHi, bLo, bHi int) {
	for {
		for aLo < aHi && bLo < bHi && m.a.lines[aLo] == m.b.lines[bLo] {
			aLo, bLo = aLo+1, bLo+1
		}
		for aLo < aHi && bLo < bHi && m.a.lines[aHi-1] == m.b.lines[bHi-1] {
			aHi, bHi = aHi-1, bHi-1
		}
		if aLo == aHi || bLo == bHi {
			m.a.change(aLo, aHi)
			m.b.change(bLo, bHi)
			return
		}

		aMid, bMid, shortest := m.middle(aLo, aHi, bLo, bHi)
		if !shortest {
			anchors := m.anchors(aLo, aHi, bLo, bHi)
			if m.budget <= 0 && len(anchors) == 0 {
				m.a.change(aLo, aHi)
				m.b.change(bLo, bHi)
				return
			}
			if m.budget <= 0 || len(anchors)*anchorShare >= min(aHi-aLo, bHi-bLo) {
				for _, anchor := range anchors {
					m.match(aLo, anchor.a, bLo, anchor.b)
					aLo, bLo = anchor.a+1, anchor.b+1
				}
				continue
			}
		}
		m.match(aLo, aMid, bLo, bMid)
		aLo, bLo = aMid, bMid
	}
}

// middle returns a point through which to cut the box, whose sequences begin and
// end differently. It is on a shortest way if shortest says so. Otherwise it is
// where the search had come farthest; once the budget is spent, it is nowhere.
func (m *matcher) middle(aLo, aHi, bLo, bHi int) (aMid, bMid int, shortest bool) {
	if m.budget <= 0 {
		return aLo, bLo, false
	}
	a, b := m.a.lines, m.b.lines
	forward, backward, origin := m.forward, m.backward, m.origin
	first, last := aLo-bHi, aHi-bLo // the diagonals that touch the box
	top, bottom := aLo-bLo, aHi-bHi // those of its corners
	forward[origin+top], backward[origin+bottom] = int32(aLo), int32(aHi)
	odd := (top-bottom)%2 != 0
	fLo, fHi, bkLo, bkHi := top, top, bottom, bottom

	for range maxSearch {
		// One difference farther from the top. Beyond the first and the last
		// diagonal is nothing, which -1 says here and aHi+1 below.
		if fLo > first {
			fLo--
			forward[origin+fLo-1] = -1
		} else {
			fLo++
		}
		if fHi < last {
			fHi++
			forward[origin+fHi+1] = -1
		} else {
			fHi--
		}
		for d := fHi; d >= fLo; d -= 2 {
			x := int(max(forward[origin+d-1]+1, forward[origin+d+1]))
			from := x
			for x < aHi && x-d < bHi && a[x] == b[x-d] {
				x++
			}
			m.budget -= 1 + x - from
			forward[origin+d] = int32(x)
			if odd && bkLo <= d && d <= bkHi && int(backward[origin+d]) <= x {
				return x, x - d, true
			}
		}

		// And from the bottom.
		if bkLo > first {
			bkLo--
			backward[origin+bkLo-1] = int32(aHi + 1)
		} else {
			bkLo++
		}
		if bkHi < last {
			bkHi++
			backward[origin+bkHi+1] = int32(aHi + 1)
		} else {
			bkHi--
		}
		for d := bkHi; d >= bkLo; d -= 2 {
			x := int(min(backward[origin+d-1], backward[origin+d+1]-1))
			from := x
			for x > aLo && x-d > bLo && a[x-1] == b[x-d-1] {
				x--
			}
			m.budget -= 1 + from - x
			backward[origin+d] = int32(x)
			if !odd && fLo <= d && d <= fHi && x <= int(forward[origin+d]) {
				return x, x - d, true
			}
		}
	}

	// The point farthest from its corner, of all that either search has reached.
	farthest := -1
	for d := fLo; d <= fHi; d += 2 {
		x := min(int(forward[origin+d]), aHi, bHi+d)
		if way := x - aLo + x - d - bLo; way > farthest {
			farthest, aMid, bMid = way, x, x-d
		}
	}
	for d := bkLo; d <= bkHi; d += 2 {
		x := max(int(backward[origin+d]), aLo, bLo+d)
		if way := aHi - x + bHi - (x - d); way > farthest {
			farthest, aMid, bMid = way, x, x-d
		}
	}
	return aMid, bMid, false
}

// An anchor is a pair of lines that correspond.
type anchor struct{ a, b int }

// An occurrence counts a line within a box and says where it was seen last.
type occurrence struct{ inA, inB, b int32 }

// anchors returns the longest list, in order on both sides, of lines that occur
// once in either sequence of the box: what B. Cohen calls a patience diff.
func (m *matcher) anchors(aLo, aHi, bLo, bHi int) []anchor {
	a, b := m.a.lines[aLo:aHi], m.b.lines[bLo:bHi]
	// What is left to do when the budget is spent may take a few such looks at
	// everything, not one for every line.
	if m.budget < -8*(len(m.a.lines)+len(m.b.lines)) {
		return nil
	}
	m.budget -= len(a) + len(b)
	for _, n := range a {
		m.seen[n].inA++
	}
	for i, n := range b {
		m.seen[n].inB++
		m.seen[n].b = int32(i)
	}
	m.unique = m.unique[:0]
	for i, n := range a {
		if seen := m.seen[n]; seen.inA == 1 && seen.inB == 1 {
			m.unique = append(m.unique, anchor{aLo + i, bLo + int(seen.b)})
		}
	}
	for _, n := range a {
		m.seen[n] = occurrence{}
	}
	for _, n := range b {
		m.seen[n] = occurrence{}
	}
	return longestAscending(m.unique)
}

// longestAscending returns a longest part of the list, which ascends in a, that
// also ascends in b.
func longestAscending(list []anchor) []anchor {
	var ends []int                   // ends[n] ends the ascending part of length n+1 with the least end
	before := make([]int, len(list)) // what comes before each in such a part, or -1
	for i, candidate := range list {
		n := sort.Search(len(ends), func(n int) bool { return list[ends[n]].b >= candidate.b })
		if before[i] = -1; n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	if len(ends) == 0 {
		return nil
	}
	ascending := make([]anchor, 0, len(ends))
	for i := ends[len(ends)-1]; i >= 0; i = before[i] {
		ascending = append(ascending, list[i])
	}
	slices.Reverse(ascending)
	return ascending
}

// maxSlide is how many lines a change is moved at most in search of its place.
const maxSlide = 500

// settle moves the changes that only add or only remove to where they read best.
// A paragraph that was added before another which begins with the same line
// could as well begin one line later, and a shortest list has it at either
// place. A change that can be moved next to another becomes one with it.
//
// It also makes places less arbitrary: of two texts in which the same was added
// at the same place, both changes come to the same place.
func settle(list []change, old, new []string) []change {
	var settled []change
	for i := 0; i < len(list); i++ {
		c := list[i]
		for {
			lines, from, to := old, c.oldFrom, c.oldTo
			if from == to {
				lines, from, to = new, c.newFrom, c.newTo
			} else if c.newFrom != c.newTo {
				break // it replaces lines, and stays
			}
			before, after := c.oldFrom, len(old)-c.oldTo // lines kept on either side
			if len(settled) > 0 {
				before -= settled[len(settled)-1].oldTo
			}
			if i+1 < len(list) {
				after = list[i+1].oldFrom - c.oldTo
			}
			up, down := 0, 0
			for up < min(before, maxSlide) && lines[from-1-up] == lines[to-1-up] {
				up++
			}
			for down < min(after, maxSlide) && lines[from+down] == lines[to+down] {
				down++
			}
			if up == before && len(settled) > 0 {
				previous := settled[len(settled)-1]
				settled = settled[:len(settled)-1]
				c = change{previous.oldFrom, c.oldTo - up, previous.newFrom, c.newTo - up}
				continue
			}
			if down == after && i+1 < len(list) {
				i++
				c = change{c.oldFrom + down, list[i].oldTo, c.newFrom + down, list[i].newTo}
				continue
			}
			c = c.slid(bestSlide(lines, from, to, up, down))
			break
		}
		settled = append(settled, c)
	}
	return settled
}

// slid returns the change n lines farther down.
func (c change) slid(n int) change {
	return change{c.oldFrom + n, c.oldTo + n, c.newFrom + n, c.newTo + n}
}

// bestSlide returns how far down the lines [from, to) are moved, at most up
// lines up and down lines down, so that they begin and end where paragraphs and
// blocks do. Of places that are as good it is the last.
func bestSlide(lines []string, from, to, up, down int) int {
	best, least := down, breakCost(lines, from+down)+breakCost(lines, to+down)
	for n := down - 1; n >= -up; n-- {
		if cost := breakCost(lines, from+n) + breakCost(lines, to+n); cost < least {
			best, least = n, cost
		}
	}
	return best
}

// breakCost says how badly lines are cut before line i: the deeper it is
// indented the worse, best behind a blank line, and worst before one.
func breakCost(lines []string, i int) int {
	if i == 0 || i == len(lines) {
		return 0
	}
	cost := 0
	if isBlank(lines[i]) {
		cost += 3
	} else {
		cost += 2 * (len(lines[i]) - len(strings.TrimLeft(lines[i], " \t")))
	}
	if !isBlank(lines[i-1]) {
		cost++
	}
	return cost
}

// isBlank reports whether a line has only white space.
func isBlank(line string) bool { return strings.Trim(line, " \t\r\n") == "" }
