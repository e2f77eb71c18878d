package markup

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxCompared is how many characters of a name are compared: more would be slow,
// and says little.
const maxCompared = 256

// Nearest returns those of some names that come near to one, the nearest first,
// at most so many. A name is near when few characters would have to be added,
// removed or changed, or when its last segment is the same. Letters that differ
// in case only count as the same.
func Nearest(name string, names []string, most int) []string {
	type candidate struct {
		name     string
		distance int
	}
	folded := []rune(strings.ToLower(clipRunes(name)))
	last := folded[lastSlash(folded)+1:]
	var near []candidate
	for _, other := range names {
		runes := []rune(strings.ToLower(clipRunes(other)))
		distance := editDistance(folded, runes)
		sameEnd := len(last) > 0 && slices.Equal(last, runes[lastSlash(runes)+1:])
		if distance <= max(2, len(folded)/3) || sameEnd {
			near = append(near, candidate{other, distance})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), strings.Compare(a.name, b.name))
	})
	var nearest []string
	for _, c := range near[:min(most, len(near))] {
		nearest = append(nearest, c.name)
	}
	return nearest
}

func clipRunes(s string) string {
	if utf8.RuneCountInString(s) <= maxCompared {
		return s
	}
	return string([]rune(s)[:maxCompared])
}

func lastSlash(runes []rune) int {
	for i := len(runes) - 1; i >= 0; i-- {
		if runes[i] == '/' {
			return i
		}
	}
	return -1
}

// editDistance returns how many characters have to be added, removed or changed
// to make b of a.
func editDistance(a, b []rune) int {
	row := make([]int, len(b)+1) // distances of the beginning of a to all beginnings of b
	for j := range row {
		row[j] = j
	}
	for i, character := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, other := range b {
			change := diagonal
			if character != other {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
