package api

import (
	"context"
	"slices"
	"time"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

// secretOf is the personal token of the member who has one role alone.
func secretOf(r members.Role) string { return members.TokenPrefix + string(r) }

// memberOfRole is that member.
func memberOfRole(r members.Role) vocab.MemberID {
	i := slices.Index(members.Roles(), r)
	return vocab.MemberID("mem_06gywnjy01xbs0938nkrkaydx" + string(rune('0'+i)))
}

// fakeMembers has one member for each role, and one without any.
type fakeMembers struct {
	*door

	byID     map[vocab.MemberID]members.Member
	bySecret map[string]vocab.MemberID
	tokens   []members.Token
}

const roleless = members.TokenPrefix + "none"

func newFakeMembers(d *door) *fakeMembers {
	f := &fakeMembers{door: d, byID: map[vocab.MemberID]members.Member{}, bySecret: map[string]vocab.MemberID{}}
	for _, r := range members.Roles() {
		id := memberOfRole(r)
		f.byID[id] = members.Member{ID: id, Name: string(r), Email: "planted@orleu.example", Roles: []members.Role{r}, CreatedAt: monday}
		f.bySecret[secretOf(r)] = id
	}
	f.byID["mem_06gywnjy01xbs0938nkrkaydxn"] = members.Member{ID: "mem_06gywnjy01xbs0938nkrkaydxn"}
	f.bySecret[roleless] = "mem_06gywnjy01xbs0938nkrkaydxn"
	return f
}

func (f *fakeMembers) Authenticate(_ context.Context, secret string, _ time.Time) (members.Member, members.Token, error) {
	m, found := f.byID[f.bySecret[secret]]
	if !found || !m.Active() {
		return m, members.Token{}, fault.Missing("member_token_unknown", "this token is not known, has expired, or was revoked")
	}
	return m, members.Token{Member: m.ID}, nil
}

func (f *fakeMembers) Create(_ context.Context, m members.Member) (members.Member, error) {
	f.byID[m.ID] = m
	return m, f.away
}

func (f *fakeMembers) Get(_ context.Context, id vocab.MemberID) (members.Member, error) {
	m, found := f.byID[id]
	if !found && f.away == nil {
		return m, fault.Missing("member_not_found", "there is no member with this id")
	}
	return m, f.away
}

func (f *fakeMembers) List(context.Context) ([]members.Member, error) { return nil, f.away }

func (f *fakeMembers) Change(ctx context.Context, id vocab.MemberID, change func(members.Member) (members.Member, error)) (members.Member, error) {
	m, err := f.Get(ctx, id)
	if err != nil {
		return m, err
	}
	if m, err = change(m); err == nil {
		f.byID[id] = m
	}
	return m, err
}

func (f *fakeMembers) CreateToken(_ context.Context, t members.Token) (members.Token, string, error) {
	f.tokens = append(f.tokens, t)
	return t, members.TokenPrefix + "new", f.away
}

func (f *fakeMembers) Tokens(_ context.Context, id vocab.MemberID) ([]members.Token, error) {
	return slices.DeleteFunc(slices.Clone(f.tokens), func(t members.Token) bool { return t.Member != id }), f.away
}

func (f *fakeMembers) RevokeToken(_ context.Context, member vocab.MemberID, id vocab.MemberTokenID, by string, now time.Time) (members.Token, error) {
	return members.Token{ID: id, Member: member, RevokedAt: now, RevokedBy: by}, f.away
}

// fakeAudit keeps the log in memory; it may be away by itself.
type fakeAudit struct {
	*door

	events   []audit.Event
	outcomes []audit.Outcome
	filters  []audit.Filter
	broken   error
	after    func(audit.Event) // called when an event is written
}

func (f *fakeAudit) Record(_ context.Context, e audit.Event) error {
	if f.broken != nil || f.away != nil {
		return firstOf(f.broken, f.away)
	}
	f.events = append(f.events, e)
	if f.after != nil {
		f.after(e)
	}
	return nil
}

func firstOf(errs ...error) error {
	return errs[slices.IndexFunc(errs, func(e error) bool { return e != nil })]
}

func (f *fakeAudit) Complete(_ context.Context, o audit.Outcome) error {
	f.outcomes = append(f.outcomes, o)
	return f.broken
}

func (f *fakeAudit) List(_ context.Context, q audit.Filter) ([]audit.Event, error) {
	f.filters = append(f.filters, q)
	list := slices.Clone(f.events)
	slices.Reverse(list)
	if q.After != "" {
		list = slices.DeleteFunc(list, func(e audit.Event) bool { return e.ID >= q.After })
	}
	return list[:min(q.Limit, len(list))], f.away
}

// fakeDisclosures keeps the register in memory.
type fakeDisclosures struct {
	*door

	byID map[vocab.DisclosureID]disclosures.Disclosure
}

func (f *fakeDisclosures) Create(_ context.Context, d disclosures.Disclosure) (disclosures.Disclosure, error) {
	f.byID[d.ID] = d
	return d, f.away
}

func (f *fakeDisclosures) Get(_ context.Context, id vocab.DisclosureID) (disclosures.Disclosure, error) {
	d, found := f.byID[id]
	if !found && f.away == nil {
		return d, fault.Missing("disclosure_not_found", "there is no disclosure with this id")
	}
	return d, f.away
}

func (f *fakeDisclosures) List(_ context.Context, q disclosures.Filter) ([]disclosures.Disclosure, error) {
	var list []disclosures.Disclosure
	for _, d := range f.byID {
		if q.ContactID == "" || slices.Contains(d.Contacts, q.ContactID) {
			list = append(list, d)
		}
	}
	return list, f.away
}

func (f *fakeDisclosures) Change(ctx context.Context, id vocab.DisclosureID, change func(disclosures.Disclosure) (disclosures.Disclosure, error)) (disclosures.Disclosure, error) {
	d, err := f.Get(ctx, id)
	if err != nil {
		return d, err
	}
	if d, err = change(d); err == nil {
		f.byID[id] = d
	}
	return d, err
}
