package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

// memberBook keeps who works here.
type memberBook interface {
	// Create keeps a new member; fault.Conflict if another has the email address.
	Create(ctx context.Context, m members.Member) (members.Member, error)
	Get(ctx context.Context, id vocab.MemberID) (members.Member, error)
	// List returns every member, deactivated ones too, the newest first.
	List(ctx context.Context) ([]members.Member, error)
	// Change changes a member by a pure function, which may be called again; fault.Conflict if no active administrator were left.
	Change(ctx context.Context, id vocab.MemberID, change func(members.Member) (members.Member, error)) (members.Member, error)
}

// myself stands for the caller's own id in paths.
const myself = "me"

func (a *API) registerMembers() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/members" + path, Summary: summary, Description: description, Tags: []string{"members"},
		}
	}
	create := op("create-member", http.MethodPost, "", "Make a member", "They act once they have a personal token: see POST /v1/members/{id}/tokens.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createMember, http.StatusConflict)
	register(a, op("list-members", http.MethodGet, "", "List who works here", "Deactivated ones too, the newest first."), a.listMembers)
	register(a, op("get-member", http.MethodGet, "/{id}", "Read a member", "Others than yourself (`me`) only as legal or administrator."), a.getMember)
	register(a, op("update-member", http.MethodPatch, "/{id}", "Change a member's name or roles",
		"A merge patch (RFC 7396). Roles are replaced as a whole; they hold from the next request on. The last active administrator stays one: 409 last_administrator."),
		a.updateMember, http.StatusConflict)
	register(a, op("deactivate-member", http.MethodPost, "/{id}/deactivate", "Let a member act no more",
		"Their tokens open nothing from now on. Members are never deleted, because the ledger names them."), a.deactivateMember, http.StatusConflict)
	register(a, op("reactivate-member", http.MethodPost, "/{id}/reactivate", "Let a member act again",
		"Tokens that were not revoked or expired work again."), a.reactivateMember, http.StatusConflict)
}

// memberBody is a member to be made.
type memberBody struct {
	Name  string         `json:"name" minLength:"1" maxLength:"200" example:"Данияр Оспанов" doc:"How colleagues call them."`
	Email string         `json:"email" maxLength:"320" example:"daniyar@orleu.example" doc:"Their own address at work; no two members have one."`
	Roles []members.Role `json:"roles" enum:"viewer,author,approver,legal,operator,administrator" maxItems:"6" nullable:"false" doc:"What they may; none: nothing yet."`
}

type createMemberInput struct {
	Body memberBody `nameHint:"MemberBody"`
}

// memberView is a member.
type memberView struct {
	ID            vocab.MemberID `json:"id" example:"mem_06gywnjy01xbs0938nkrkaydxw" doc:"The member."`
	Name          string         `json:"name" doc:"How colleagues call them."`
	Email         string         `json:"email" doc:"Their address at work."`
	Roles         []members.Role `json:"roles" enum:"viewer,author,approver,legal,operator,administrator" nullable:"false" doc:"What they may."`
	CreatedAt     time.Time      `json:"created_at" doc:"When they were made a member."`
	DeactivatedAt time.Time      `json:"deactivated_at,omitzero" doc:"Since when they may act no more."`
}

func memberOf(m members.Member) memberView {
	return memberView{m.ID, m.Name, m.Email.Reveal(), orEmpty(m.Roles), m.CreatedAt.UTC(), m.DeactivatedAt.UTC()}
}

func (a *API) createMember(ctx context.Context, in *createMemberInput) (*reply[memberView], error) {
	b := in.Body
	m, err := members.Clean(members.Member{ID: vocab.MemberID(vocab.NewID(vocab.MemberPrefix)), Name: b.Name, Roles: b.Roles, CreatedAt: a.now()})
	wrong := append(faultFields(err), consent.RefuseForbidden("/name", b.Name)...)
	m.Email, m.EmailKey, err = contacts.ParseEmail(b.Email)
	wrong = append(wrong, faultFields(fault.At("/email", err))...)
	if len(wrong) > 0 {
		return nil, fault.InvalidFields(wrong...)
	}
	kept, err := a.Members.Create(ctx, m)
	if err != nil {
		return nil, err
	}
	return answer(memberOf(kept)), nil
}

func (a *API) listMembers(ctx context.Context, _ *struct{}) (*reply[page[memberView]], error) {
	list, err := a.Members.List(ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(list, len(list), nil, memberOf), nil
}

type memberInput struct {
	ID string `path:"id" example:"mem_06gywnjy01xbs0938nkrkaydxw" doc:"The member; me: yourself."`
}

// memberID reads which member a path means.
func memberID(ctx context.Context, id string) (vocab.MemberID, error) {
	if id == myself {
		return visitOf(ctx).member.ID, nil
	}
	return vocab.MemberID(id), checkID(vocab.MemberPrefix, id, "member_not_found", "there is no member with this id")
}

// theirs reads which member a path means, if it is the caller or the caller has one of the roles.
func theirs(ctx context.Context, path string, roles ...members.Role) (vocab.MemberID, error) {
	id, err := memberID(ctx, path)
	if err != nil {
		return "", err
	}
	if caller := visitOf(ctx).member; caller.ID != id && !caller.HasAny(roles...) {
		return "", newProblem(http.StatusForbidden, "role_needed", "of others than yourself this needs the role "+members.Names(roles))
	}
	return id, nil
}

func (a *API) getMember(ctx context.Context, in *memberInput) (*reply[memberView], error) {
	id, err := theirs(ctx, in.ID, auditors...)
	if err != nil {
		return nil, err
	}
	m, err := a.Members.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return answer(memberOf(m)), nil
}

// memberPatch is a merge patch of a member.
type memberPatch struct {
	Name  change[string]         `json:"name,omitzero" doc:"How colleagues call them."`
	Roles change[[]members.Role] `json:"roles,omitzero" doc:"What they may, as a whole: viewer, author, approver, legal, operator, administrator."`
}

type updateMemberInput struct {
	ID   string `path:"id" doc:"The member; me: yourself."`
	Body memberPatch
}

func (a *API) updateMember(ctx context.Context, in *updateMemberInput) (*reply[memberView], error) {
	if err := refuseForbidden("/name", in.Body.Name.Value); err != nil {
		return nil, err
	}
	return a.changeMember(ctx, in.ID, func(m members.Member) (members.Member, error) {
		in.Body.Name.apply(&m.Name)
		in.Body.Roles.apply(&m.Roles)
		return members.Clean(m)
	})
}

func (a *API) deactivateMember(ctx context.Context, in *memberInput) (*reply[memberView], error) {
	now := a.now()
	return a.changeMember(ctx, in.ID, func(m members.Member) (members.Member, error) {
		orElse(&m.DeactivatedAt, now)
		return m, nil
	})
}

func (a *API) reactivateMember(ctx context.Context, in *memberInput) (*reply[memberView], error) {
	return a.changeMember(ctx, in.ID, func(m members.Member) (members.Member, error) {
		m.DeactivatedAt = time.Time{}
		return m, nil
	})
}

func (a *API) changeMember(ctx context.Context, path string, change func(members.Member) (members.Member, error)) (*reply[memberView], error) {
	id, err := memberID(ctx, path)
	if err != nil {
		return nil, err
	}
	m, err := a.Members.Change(ctx, id, change)
	if err != nil {
		return nil, err
	}
	return answer(memberOf(m)), nil
}
