package api

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/members"
)

// sorted returns every operation that needs somebody, by its path.
func (d *door) sorted() []*huma.Operation {
	all := d.operations()
	order := []string{"GET", "POST", "PATCH", "DELETE"}
	slices.SortFunc(all, func(x, y *huma.Operation) int {
		if c := strings.Compare(x.Path, y.Path); c != 0 {
			return c
		}
		return slices.Index(order, x.Method) - slices.Index(order, y.Method)
	})
	return all
}

func TestEveryOperationHasARowAndEveryRowAnOperation(t *testing.T) {
	d := newDoor(t)
	served := map[string]bool{}
	for _, op := range d.operations() {
		served[op.OperationID] = true
		r, known := rights[op.OperationID]
		if !known {
			t.Errorf("%s has no row", op.OperationID)
		}
		if !strings.HasSuffix(op.Description, " "+r.who()) || op.Responses["403"] == nil {
			t.Errorf("%s does not say who may: %q", op.OperationID, op.Description)
		}
		if changing := op.Method != http.MethodGet; changing != (r.trace == changes || r.trace == namesItself) && !strings.HasPrefix(op.OperationID, "preview-") {
			t.Errorf("%s %s is traced as %d", op.Method, op.OperationID, r.trace)
		}
		if (r.trace == untraced) != (r.on == "") {
			t.Errorf("%s is about %q and traced as %d", op.OperationID, r.on, r.trace)
		}
		said := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == reasonHeader })
		if said != (r.trace == looks || r.trace == changes) {
			t.Errorf("%s takes a reason: %t", op.OperationID, said)
		}
	}
	for id := range rights {
		if !served[id] {
			t.Errorf("%s has a row and is not served", id)
		}
	}
}

// Every operation × every role and every mode of key, over HTTP, against the table.
func TestTheTableOfRightsIsKept(t *testing.T) {
	d := newDoor(t, func(o *Options) { o.RateBurst = 10_000 })
	path := strings.NewReplacer("{number}", "1", "{slug}", "x", "{address_id}", "adr_06gywnjy01xbs0938nkrkaydxw",
		"{token_id}", "mtk_06gywnjy01xbs0938nkrkaydxw", "{id}", "msg_06gywnjy01xbs0938nkrkaydxw")
	for _, op := range d.operations() {
		r := rights[op.OperationID]
		ask := func(secret string) answered {
			return d.call(t, op.Method, path.Replace(op.Path), "", "Authorization: Bearer "+secret)
		}
		for _, role := range members.Roles() {
			events := len(d.audit.events)
			a := ask(secretOf(role))
			if may := slices.Contains(r.roles, role); may {
				if a.Code == 403 || a.Code == 401 {
					t.Errorf("%s as %s: %d, but the role may", op.OperationID, role, a.Code)
				}
				continue
			}
			code := "role_needed"
			if len(r.roles) == 0 {
				code = "key_needed"
			}
			p := a.problem(403, code)
			for _, needed := range r.roles {
				if !strings.Contains(p.Detail, string(needed)) {
					t.Errorf("%s as %s: %q does not name %s", op.OperationID, role, p.Detail, needed)
				}
			}
			if e := d.audit.events[events:]; len(e) != 1 || e[0].Status != 403 || e[0].Actor.ID != string(memberOfRole(role)) || e[0].Operation != op.OperationID {
				t.Errorf("%s as %s: the refusal is in the log as %+v", op.OperationID, role, e)
			}
		}
		if a := ask(roleless); a.Code != 403 {
			t.Errorf("%s without a role: %d", op.OperationID, a.Code)
		}
		for mode, secret := range map[dispatcher.Mode]string{dispatcher.Live: liveSecret, dispatcher.Test: testSecret, dispatcher.GuestList: guestSecret} {
			may := r.keys == anyKeys || r.keys == liveKeys && mode == dispatcher.Live
			if a := ask(secret); may == (a.Code == 403) {
				t.Errorf("%s with a %s key: %d, and the table says %t", op.OperationID, mode, a.Code, may)
			}
		}
	}
	if len(d.withdrawn) > 0 || len(d.consents.recorded) > 0 || len(d.contacts.created) > 0 {
		t.Error("a call without a body did something")
	}
}

// What the roles are for, in words that a change of the table would have to change too.
func TestTheRolesAreKeptApart(t *testing.T) {
	may := func(role members.Role, operation string) bool {
		return rights[operation].refuse(&visit{member: members.Member{ID: "mem_1", Roles: []members.Role{role}}}) == nil
	}
	contents := []string{"list-contacts", "get-contact", "get-contact-timeline", "list-contact-consents", "get-preferences", "get-message-content", "preview-message"}
	for _, op := range contents {
		for _, role := range members.Roles() {
			if may(role, op) != (role == members.Legal) {
				t.Errorf("%s as %s", op, role)
			}
		}
	}
	for _, op := range []string{"create-member", "update-member", "deactivate-member", "create-api-key", "revoke-api-key"} {
		for _, role := range members.Roles() {
			if may(role, op) != (role == members.Administrator) {
				t.Errorf("%s as %s", op, role)
			}
		}
	}
	for id, r := range rights {
		if may(members.Viewer, id) && (r.trace == changes || r.trace == namesItself) && r.on != "member" {
			t.Errorf("a viewer changes things by %s", id)
		}
		if may(members.Administrator, id) && r.trace != untraced && !slices.Contains([]string{"member", "api_key", "audit_log"}, r.on) {
			t.Errorf("an administrator reaches contacts' data by %s", id)
		}
		if r.on == "disclosure" && r.keys != noKeys || r.on == "member" && r.keys != noKeys {
			t.Errorf("a key may %s", id)
		}
	}
}

const rolesPage = "../docs/roles.md"

func TestTheTableIsPrintedInTheDocuments(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Who may what\n\nMade from the table in [`api/roles.go`](../api/roles.go) by `go test ./api -update`; a test compares them. What the roles are for and how the audit log works:\n" +
		"[members.md](members.md).\n\nKeys: `live` a live key alone, `any` also test and guest_list keys, which see their own messages alone. Log: `change` written before it is begun, " +
		"and how it ended after;\n`look` written before somebody's data are shown; `member's look` likewise, but not when a key asks; `names itself` the message names its key; `–` neither data nor change.\n\n")
	b.WriteString("| operation | call |")
	for _, role := range members.Roles() {
		fmt.Fprintf(&b, " %s |", role)
	}
	b.WriteString(" keys | log |\n|---|---|" + strings.Repeat(":-:|", len(members.Roles())) + "---|---|\n")
	for _, op := range newDoor(t).sorted() {
		r := rights[op.OperationID]
		fmt.Fprintf(&b, "| `%s` | %s %s |", op.OperationID, op.Method, op.Path)
		for _, role := range members.Roles() {
			mark := ""
			if slices.Contains(r.roles, role) {
				mark = "✓"
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		fmt.Fprintf(&b, " %s | %s |\n", map[keyAccess]string{noKeys: "–", liveKeys: "live", anyKeys: "any"}[r.keys],
			map[trace]string{untraced: "–", namesItself: "names itself", looks: "look", memberLooks: "member's look", changes: "change"}[r.trace])
	}
	if *update {
		if err := os.WriteFile(rolesPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(rolesPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(b.String())) {
		t.Error("docs/roles.md is not current: go test ./api -update")
	}
}
