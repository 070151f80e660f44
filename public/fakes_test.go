package public

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/vocab"
)

// house is a whole organisation in memory: one contact, a message of each class, and what was withdrawn so far.
type house struct {
	mu        sync.Mutex
	away      error // answered by every method of the ledger, and by Withdraw
	noCommit  error // answered by Withdraw alone
	messages  map[vocab.MessageID]dispatcher.Message
	to        Recipient
	grants    []Grant
	withdrawn []dispatcher.Withdrawal
	waits     []time.Duration
	canceled  []vocab.MessageID
	inFlight  []vocab.MessageID
	recorded  []consent.Event
	caught    []Caught
	events    []vocab.ConsentEventID
	receipts  drawer
	policy    string // when the contact agreed
	claimed   []claims.FromLink
	claims    []claims.Claim

	links *dispatcher.Links
	log   bytes.Buffer
	door  http.Handler
}

var (
	now     = time.Date(2026, 11, 24, 5, 4, 0, 0, time.UTC) // 10:04 in Almaty
	granted = time.Date(2026, 3, 12, 4, 0, 0, 0, time.UTC)
)

const (
	contactID = vocab.ContactID("con_01jd0000000000000000000000")
	addressID = vocab.AddressID("adr_01jd0000000000000000000000")
	eventID   = vocab.ConsentEventID("cev_01jd0000000000000000000000")
	fullEmail = "aigerim@orleu.example"
)

// purposes is one purpose of each class.
var purposes = map[vocab.Class]vocab.Purpose{
	vocab.Marketing: "news.company", vocab.Service: "service.notice", vocab.Transactional: "request.reply", vocab.Legal: "legal.policy_change",
	vocab.Breach: "legal.breach", vocab.Security: "account.identity",
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{
		messages: map[vocab.MessageID]dispatcher.Message{},
		to:       Recipient{Address: fullEmail},
		grants: []Grant{
			{consent.GrantKey{Purpose: consent.ProcessingCore}, consent.Grant{State: consent.Granted, Since: granted}},
			{consent.GrantKey{Purpose: "event.invite", Channel: vocab.SMS}, consent.Grant{State: consent.Withdrawn, Since: granted, Objected: true}},
			{consent.GrantKey{Purpose: "news.company", Channel: vocab.Email}, consent.Grant{
				State: consent.Granted, Since: granted, ValidUntil: granted.AddDate(2, 0, 0), Event: eventID,
			}},
			{consent.GrantKey{Purpose: "news.company", Channel: vocab.Email, Topic: "maths"}, consent.Grant{State: consent.Pending, Since: granted}},
			{consent.GrantKey{Purpose: "offers.company", Channel: vocab.Email}, consent.Grant{
				State: consent.Granted, Since: granted, ValidUntil: now, Event: eventID,
			}},
		},
		links: dispatcher.NewLinks("https://elshi.example", []byte("a key of 16 bytes or more"), []byte("another key of 16 bytes")),
	}
	for _, class := range vocab.Classes() {
		h.add(class, vocab.Russian)
	}
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	h.door, err = New(h.options(registry))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) options(registry *consent.Registry) Options {
	return Options{
		Ledger: h, Withdrawals: h, Renewals: h, Pauses: h, Claims: h, Links: h.links, Purposes: registry, PublicURL: "https://elshi.example", Inbox: (*catch)(h), Receipts: (*ownDrawer)(h),
		Org: dispatcher.Org{
			Name: map[vocab.Language]string{
				vocab.Kazakh: "«Өрлеу» біліктілікті арттыру ұлттық орталығы", vocab.Russian: "Национальный центр повышения квалификации «Өрлеу»",
				vocab.English: "National Center for Professional Development “Orleu”",
			},
			Address: "010000, Astana, Dostyq 18", URL: "https://orleu.example",
		},
		Now: func() time.Time { return now },
		Log: slog.New(slog.NewTextHandler(&h.log, nil)),
	}
}

// add puts a message of the class into the ledger; see message.
func (h *house) add(class vocab.Class, lang vocab.Language) {
	id := vocab.MessageID(vocab.FormatID(vocab.MessagePrefix, [16]byte([]byte("message of " + string(class) + "      ")[:16])))
	m := dispatcher.Message{
		ID: id, ContactID: contactID, AddressID: addressID, Channel: vocab.Email, Class: class, Purpose: purposes[class], Language: lang,
		SentAt: now.Add(-time.Hour), PolicyVersion: "2026-09", Status: dispatcher.Sent,
	}
	m.Decision.Basis = consent.Basis{Kind: consent.BasisObligation}
	if class == vocab.Marketing {
		m.Decision.Basis = consent.Basis{Kind: consent.BasisGrant, Event: eventID}
	}
	h.messages[id] = m
}

// message returns the message of the class.
func (h *house) message(class vocab.Class) dispatcher.Message {
	for _, m := range h.messages {
		if m.Class == class {
			return m
		}
	}
	panic("no message of class " + string(class))
}

func (h *house) path(kind dispatcher.LinkKind, class vocab.Class) string {
	return "/" + string(kind) + "/" + h.links.Token(kind, h.message(class).ID)
}

func (h *house) withdrawals() []dispatcher.Withdrawal {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]dispatcher.Withdrawal(nil), h.withdrawn...)
}

// Message implements ledger.
func (h *house) Message(_ context.Context, id vocab.MessageID) (dispatcher.Message, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, found := h.messages[id]
	if h.away == nil && !found {
		return m, fault.Missing("message_not_found", "there is no such message")
	}
	return m, h.away
}

// Recipient implements ledger.
func (h *house) Recipient(context.Context, dispatcher.Message) (Recipient, error) {
	return h.to, h.away
}

// Grants implements ledger.
func (h *house) Grants(context.Context, vocab.ContactID) ([]Grant, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Grant(nil), h.grants...), h.away
}

// Ground implements ledger.
func (h *house) Ground(context.Context, vocab.ConsentEventID, vocab.Language) (Ground, error) {
	return Ground{At: granted, Proof: consent.ProofDoubleOptIn, Words: "Я согласна получать новости.", Full: "Данные: имя, адрес почты.", Language: vocab.Russian, Policy: h.policy}, h.away
}

// Withdraw implements withdrawer.
func (h *house) Withdraw(ctx context.Context, w dispatcher.Withdrawal, wait time.Duration) (dispatcher.Withdrawn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, err := range []error{h.away, h.noCommit, ctx.Err()} {
		if err != nil {
			return dispatcher.Withdrawn{}, err
		}
	}
	h.withdrawn = append(h.withdrawn, w)
	h.waits = append(h.waits, wait)
	for i, g := range h.grants {
		if consent.Covers(w.Event, g.Key.Purpose, g.Key.Channel, g.Key.Topic) && g.State.State != consent.Withdrawn {
			h.grants[i].State = consent.Grant{State: consent.Withdrawn, Since: now, Objected: true}
		}
	}
	return dispatcher.Withdrawn{At: now, Events: h.events, Canceled: h.canceled, InFlight: h.inFlight}, nil
}

// ObjectFromLink implements claimDesk.
func (h *house) ObjectFromLink(ctx context.Context, l claims.FromLink) (claims.Claim, error) {
	return h.claimFromLink(ctx, claims.Objection, l)
}

// ComplainFromLink implements claimDesk.
func (h *house) ComplainFromLink(ctx context.Context, l claims.FromLink) (claims.Claim, error) {
	return h.claimFromLink(ctx, claims.Complaint, l)
}

// claimFromLink opens a claim, or finds the one that is there.
func (h *house) claimFromLink(ctx context.Context, kind claims.Kind, l claims.FromLink) (claims.Claim, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if wrong := consent.RefuseForbidden("/text", l.Text); len(wrong) > 0 {
		return claims.Claim{}, fault.InvalidFields(wrong...)
	}
	if utf8.RuneCountInString(l.Text) > claims.MaxLinkText {
		return claims.Claim{}, fault.InvalidField("/text", "too_long", "at most so many characters")
	}
	for _, err := range []error{h.away, h.noCommit, ctx.Err()} {
		if err != nil {
			return claims.Claim{}, err
		}
	}
	h.claimed = append(h.claimed, l)
	for _, c := range h.claims {
		if c.Kind == kind {
			return c, nil
		}
	}
	c := claims.Claim{
		Number: claims.Number(now.Year(), len(h.claims)+17), Kind: kind, Via: claims.ByLink, Text: l.Text, RecordedAt: now, State: claims.Open,
		DueAt: claims.Term(now, time.FixedZone("Almaty", 5*60*60)), Events: h.events, Canceled: h.canceled, InFlight: h.inFlight,
	}
	h.claims = append(h.claims, c)
	return c, nil
}

// ownDrawer are the receipts of the house as they are at the moment.
type ownDrawer house

// Issue implements receipts.
func (d *ownDrawer) Issue(ctx context.Context, id vocab.ConsentEventID) (proof.Signed, error) {
	return d.receipts.Issue(ctx, id)
}

// Keys implements receipts.
func (d *ownDrawer) Keys() []byte { return d.receipts.Keys() }

// Pause implements pauser.
func (h *house) Pause(_ context.Context, e consent.Event) (time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away != nil {
		return time.Time{}, h.away
	}
	h.recorded = append(h.recorded, e)
	h.to.PausedUntil = e.ValidUntil
	return e.ValidUntil, nil
}

type catch house

// List implements catcher.
func (c *catch) List(_ context.Context, n int) ([]Caught, error) {
	return c.caught[:min(n, len(c.caught))], c.away
}

// Get implements catcher.
func (c *catch) Get(_ context.Context, id string) (Caught, error) {
	for _, m := range c.caught {
		if m.ID == id {
			return m, c.away
		}
	}
	return Caught{}, fault.Missing("caught_not_found", "there is no such message")
}

var errAway = fault.Away("ledger", errors.New("connection refused"))

const (
	browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	oneBody = "List-Unsubscribe=One-Click"
	form    = "application/x-www-form-urlencoded"
)

// ask sends a request with headers given as name, value, name, value.
func (h *house) ask(t testing.TB, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.door.ServeHTTP(w, r)
	return w
}

func wantContains(t testing.TB, body string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(body, want) {
			t.Errorf("got %s\nwant it to contain %q", body, want)
		}
	}
}
