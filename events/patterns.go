package events

import (
	"slices"
	"strconv"
	"strings"

	"github.com/orleu/elshi/fault"
)

// Patterns say which types somebody wants: a type, "<subject>.*" for all of a subject, or "*" for all. An empty list wants none.
type Patterns []string

// Match says whether a type is wanted.
func (p Patterns) Match(t Type) bool {
	return slices.ContainsFunc(p, func(pattern string) bool { return matches(pattern, t) })
}

func matches(pattern string, t Type) bool {
	if subject, wide := strings.CutSuffix(pattern, "*"); wide {
		return strings.HasPrefix(string(t), subject) && (subject == "" || strings.HasSuffix(subject, "."))
	}
	return pattern == string(t)
}

// Check returns what is wrong: a pattern that no event can ever match. The pointers go on from the one that is given.
func (p Patterns) Check(pointer string) []fault.Field {
	var wrong []fault.Field
	for i, pattern := range p {
		if !slices.ContainsFunc(Types(), func(t Type) bool { return matches(pattern, t) }) {
			wrong = append(wrong, fault.Field{
				Pointer: pointer + "/" + strconv.Itoa(i), Code: "unknown_event",
				Detail: "no event has this name; want a type such as message.bounced, message.* or *",
			})
		}
	}
	return wrong
}
