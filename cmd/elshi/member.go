package main

import (
	"fmt"

	"github.com/orleu/elshi/app"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/members"
)

type memberCmd struct {
	Email string   `arg:"" help:"Their address at work."`
	Name  string   `help:"How colleagues call them; needed for a new member." placeholder:"NAME"`
	Roles []string `name:"role" help:"viewer, author, approver, legal, operator or administrator; repeat it for each. Default: administrator." enum:"viewer,author,approver,legal,operator,administrator" placeholder:"ROLE"`
}

// Help says what the one line of the list of commands has no room for.
func (*memberCmd) Help() string {
	return "The first administrator is made here; they make the others over the API. For somebody who is a member already it makes a further token alone: leave --name and --role out."
}

// Run makes a member and prints the token's secret, which is not kept and not shown again.
func (m *memberCmd) Run(e *env) error {
	var roles []members.Role
	for _, r := range m.Roles {
		roles = append(roles, members.Role(r))
	}
	return e.with(func(a *app.App, _ config.Config) error {
		secret, err := a.NewMember(e.ctx, m.Name, m.Email, roles)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(e.out, secret)
		return err
	})
}
