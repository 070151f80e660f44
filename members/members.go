// Package members says who works here: members, their roles and their personal tokens. What a role may do is the API's to say, in its
// one table.
package members

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Role is a kind of work. A member may have several; none means that nothing may be done.
type Role string

// The roles: a closed list.
const (
	Viewer        Role = "viewer"        // looks at what is sent and how it goes, without anybody's address or text
	Author        Role = "author"        // writes templates
	Approver      Role = "approver"      // says yes to what others prepared
	Legal         Role = "legal"         // answers to contacts and to authorities: sees everything about a contact
	Operator      Role = "operator"      // keeps the sending going: providers, pauses, suppressions
	Administrator Role = "administrator" // makes members and keys; sees nobody's data by that
)

// Roles lists every role in the order that documents name them.
func Roles() []Role { return []Role{Viewer, Author, Approver, Legal, Operator, Administrator} }

// The limits of a member's fields, in characters.
const (
	MaxName      = 200
	MaxTokenName = 100
)

// Member is somebody who works here. Members are never deleted, because the ledger names them; they are deactivated.
type Member struct {
	ID            vocab.MemberID
	Name          string
	Email         vocab.Address // in its canonical spelling; no two members have one
	EmailKey      string        // what makes two spellings one address
	Roles         []Role        // a set, in the order of Roles
	CreatedAt     time.Time
	DeactivatedAt time.Time // zero while the member may act
}

// Active says whether the member may act at all.
func (m Member) Active() bool { return m.DeactivatedAt.IsZero() }

// HasAny says whether the member has one of the roles.
func (m Member) HasAny(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(m.Roles, r) })
}

// Clean returns a member that is about to be kept with the name trimmed and the roles as a set in the order of Roles. The error is
// fault.Invalid and names every problem; email and times are not looked at.
func Clean(m Member) (Member, error) {
	var wrong []fault.Field
	m.Name = strings.TrimSpace(m.Name)
	if n := utf8.RuneCountInString(m.Name); n == 0 || n > MaxName || strings.ContainsAny(m.Name, "\r\n\x00") {
		wrong = append(wrong, fault.Field{Pointer: "/name", Code: "name_invalid", Detail: fmt.Sprintf("a name has 1 to %d characters on one line", MaxName)})
	}
	for i, r := range m.Roles {
		if !slices.Contains(Roles(), r) {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/roles/%d", i), Code: "role_unknown", Detail: "want " + Names(Roles())})
		}
	}
	if len(wrong) > 0 {
		return m, fault.InvalidFields(wrong...)
	}
	given := m.Roles
	m.Roles = slices.DeleteFunc(Roles(), func(r Role) bool { return !slices.Contains(given, r) })
	return m, nil
}

// Names lists roles for people, for example "legal or approver".
func Names(roles []Role) string {
	var b strings.Builder
	for i, r := range roles {
		switch {
		case i == 0:
		case i == len(roles)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(r))
	}
	return b.String()
}

// KeepAdministrator says whether somebody could still manage members: an active administrator must be among all. The error is
// fault.Conflict (last_administrator).
func KeepAdministrator(all []Member) error {
	if slices.ContainsFunc(all, func(m Member) bool { return m.Active() && m.HasAny(Administrator) }) {
		return nil
	}
	return &fault.Error{
		Kind: fault.Conflict, Code: "last_administrator",
		Detail: "this is the last active administrator: make another one first, or nobody could make members any more",
	}
}
