package notary_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/notary"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// office is a ledger on SQLite with a notary and what a Keeper needs.
type office struct {
	*testing.T

	now      time.Time
	path     string
	db       *store.DB
	consents *store.Consents
	people   *store.Contacts
	notary   *notary.Notary
	street   *mailbox
	log      *bytes.Buffer
	contact  vocab.ContactID
}

// mailbox is a street that keeps what it is handed, once for each key.
type mailbox struct {
	keys     map[string]bool
	requests []dispatcher.Request
	fails    error
	denies   consent.Reason
}

func (m *mailbox) Submit(_ context.Context, _ dispatcher.Caller, key *dispatcher.IdempotencyKey, rs []dispatcher.Request) (dispatcher.Submitted, error) {
	if m.fails != nil {
		return dispatcher.Submitted{}, m.fails
	}
	result := dispatcher.Result{ID: "msg_1", Verdict: consent.Allow}
	if m.denies != "" {
		result.Verdict, result.Reason = consent.Deny, m.denies
	}
	if !m.keys[key.Token] {
		m.keys[key.Token] = true
		m.requests = append(m.requests, rs...)
	}
	return dispatcher.Submitted{Results: []dispatcher.Result{result}}, nil
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{
		T: t, now: time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC), path: filepath.Join(t.TempDir(), "heads", "checkpoints.txt"),
		street: &mailbox{keys: map[string]bool{}}, log: &bytes.Buffer{},
	}
	var err error
	if o.db, err = store.Open(t.Context(), store.Options{Dir: t.TempDir(), HashKey: []byte(strings.Repeat("k", 32))}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := o.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	o.consents, o.people = store.NewConsents(o.db, registry), store.NewContacts(o.db)
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", 32)))
	signer, err := tlog.NewSigner("elshi.example/consent-ledger", key)
	if err != nil {
		t.Fatal(err)
	}
	o.notary = notary.New(o.consents, signer, o.path, func() time.Time { return o.now })
	p, err := o.people.Create(t.Context(), contacts.Contact{Language: vocab.Kazakh, CreatedAt: o.now}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.contact = p.ID
	return o
}

func (o *office) keeper(email string) *notary.Keeper {
	o.Helper()
	options := notary.KeeperOptions{Interval: time.Hour, Zone: time.FixedZone("Almaty", 5*3600)}
	if email != "" {
		options.Officer = &dispatcher.Officer{
			Email: email, Language: vocab.Russian, People: o.people, Street: o.street, Now: func() time.Time { return o.now },
			Log: slog.New(slog.NewTextHandler(o.log, nil)),
		}
	}
	k, err := notary.NewKeeper(o.notary, o.consents, options, slog.New(slog.NewTextHandler(o.log, nil)))
	if err != nil {
		o.Fatal(err)
	}
	return k
}

// grants appends n entries.
func (o *office) grants(n int) {
	o.Helper()
	for range n {
		if _, _, err := o.consents.Record(o.Context(), consent.Event{
			Kind: consent.KindGranted, ContactID: o.contact, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, Source: consent.SourceAPI, At: o.now,
		}, "", false); err != nil {
			o.Fatal(err)
		}
	}
}

// sizes are the sizes of the heads in the file.
func (o *office) sizes() []int64 {
	o.Helper()
	notes, err := notary.ReadNotes(o.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		o.Fatal(err)
	}
	var list []int64
	for _, note := range notes {
		c, err := o.notary.Verifier().Open(note)
		if err != nil {
			o.Fatalf("%v: %s", err, note)
		}
		list = append(list, c.Size)
	}
	return list
}

func (o *office) want(when string, sizes ...int64) {
	o.Helper()
	if diff := cmp.Diff(sizes, o.sizes()); diff != "" {
		o.Errorf("%s: heads in the file (-want +got):\n%s", when, diff)
	}
}

func TestALedgerThatGrewIsSignedEveryHourAndAnyLedgerEveryDay(t *testing.T) {
	o := newOffice(t)
	k := o.keeper("")
	step := func(d time.Duration) {
		o.now = o.now.Add(d)
		k.Keep(t.Context())
	}
	step(0)
	o.want("nothing to sign")
	o.grants(300)
	step(0)
	o.want("the first", 300)
	o.grants(1)
	step(59 * time.Minute)
	o.want("within the hour", 300)
	step(time.Minute)
	o.want("after an hour", 300, 301)
	step(3 * time.Hour)
	o.want("nothing new", 300, 301)
	step(9 * time.Hour) // midnight in Almaty
	o.want("another day", 300, 301, 301)
	if k.Trouble() != "" {
		t.Errorf("trouble: %s", k.Trouble())
	}
	// Somebody else is handed the same: another process begins with the file as it is.
	k = o.keeper("")
	step(0)
	o.want("after a restart", 300, 301, 301)
	found, err := o.notary.Audit(t.Context(), notary.Outside{Key: o.notary.Verifier()})
	if err != nil || !found.Intact() || found.Signed != 2 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestAFileThatCannotBeWrittenIsTroubleAndNothingIsSkipped(t *testing.T) {
	o := newOffice(t)
	k := o.keeper("")
	o.grants(1)
	if err := os.MkdirAll(o.path, 0o700); err != nil { // a folder where the file should be
		t.Fatal(err)
	}
	k.Keep(t.Context())
	if k.Trouble() == "" || !strings.Contains(o.log.String(), "level=ERROR") {
		t.Errorf("trouble %q, log %s", k.Trouble(), o.log)
	}
	if err := os.Remove(o.path); err != nil {
		t.Fatal(err)
	}
	// Heads that others made meanwhile, for a proof, are written down too.
	for range 2 {
		o.grants(1)
		if _, err := o.notary.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	k.Keep(t.Context())
	o.want("when it can be written again", 2, 3)
	if k.Trouble() != "" {
		t.Errorf("trouble: %s", k.Trouble())
	}
	whole, err := os.ReadFile(o.path)
	if err != nil {
		t.Fatal(err)
	}
	// A crash in the middle of a write.
	if err := os.WriteFile(o.path, whole[:len(whole)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	k.Keep(t.Context())
	o.want("after half a note", 2, 3)
}

func TestNothingIsSignedForALedgerThatWasCut(t *testing.T) {
	o := newOffice(t)
	k := o.keeper("")
	o.grants(3)
	k.Keep(t.Context())
	other := newOffice(t) // a backup from before, and the file of now
	other.grants(2)
	text, err := os.ReadFile(o.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(other.path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other.path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	restored := other.keeper("")
	restored.Keep(t.Context())
	if !strings.Contains(restored.Trouble(), "3 entries that is not in the table") {
		t.Errorf("trouble %q", restored.Trouble())
	}
	list, err := other.consents.Events(t.Context(), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := other.notary.Inclusion(t.Context(), list[0].ID); err == nil {
		t.Errorf("proved all the same: %+v", p)
	}
	other.want("the file stays", 3)
}

func TestTheOfficerIsMailedOnceADay(t *testing.T) {
	o := newOffice(t)
	k := o.keeper("dpo@example.org")
	o.grants(2)
	o.street.fails = errors.New("away")
	k.Keep(t.Context())
	if k.Trouble() == "" {
		t.Error("a mail that cannot be submitted is no trouble")
	}
	o.street.fails = nil
	for range 3 { // the second and the third time as other processes
		k.Keep(t.Context())
		k = o.keeper("dpo@example.org")
	}
	if len(o.street.requests) != 1 || k.Trouble() != "" {
		t.Fatalf("%d mails, trouble %q", len(o.street.requests), k.Trouble())
	}
	r := o.street.requests[0]
	list, err := o.people.List(t.Context(), contacts.Filter{ExternalID: dispatcher.OfficerID})
	if err != nil || len(list) != 1 || len(list[0].Addresses) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if a := list[0].Addresses[0]; a.Value != "dpo@example.org" || a.VerifiedAt == nil || list[0].Attributes["staff"] != "data_protection_officer" {
		t.Errorf("contact %+v", list[0])
	}
	if r.To.ContactID != list[0].ID || r.Purpose != "staff.notice" || r.Template != "ledger-checkpoint" || r.Language != vocab.Russian || r.TriggerID != "checkpoint 2026-03-02" {
		t.Errorf("request %+v", r)
	}
	for _, want := range []string{`"size":2`, "consent-ledger\\n2\\n", o.notary.PublicKey()} {
		if !strings.Contains(string(r.Data), want) {
			t.Errorf("data %s, want %s in it", r.Data, want)
		}
	}
	// Another day, another officer.
	o.now = o.now.Add(24 * time.Hour)
	o.street.denies = consent.SuppressedHardBounce
	k = o.keeper("new@example.org")
	k.Keep(t.Context())
	k.Keep(t.Context())
	if len(o.street.requests) != 2 || o.street.requests[1].To.Email != "new@example.org" || o.street.requests[1].To.ContactID != list[0].ID {
		t.Errorf("%+v", o.street.requests)
	}
	if n := strings.Count(o.log.String(), "cannot be mailed"); n != 1 {
		t.Errorf("that the officer cannot be mailed is logged %d times: %s", n, o.log)
	}
}

// second is a leader that lets somebody else lead.
type second struct{}

func (second) Lead(context.Context, string, string, time.Time, time.Time) (bool, error) {
	return false, nil
}

func TestOneKeeperLeads(t *testing.T) {
	o := newOffice(t)
	o.grants(1)
	k, err := notary.NewKeeper(o.notary, second{}, notary.KeeperOptions{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	k.Keep(t.Context())
	o.want("somebody else leads")
}

// count counts how often a Keeper looks.
type count struct{ n int }

func (c *count) Lead(context.Context, string, string, time.Time, time.Time) (bool, error) {
	c.n++
	return false, nil
}

func TestAKeeperLooksUntilItIsStopped(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		looks := &count{}
		k, err := notary.NewKeeper(o.notary, looks, notary.KeeperOptions{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Run(ctx); err != nil || looks.n != 4 {
			t.Errorf("looked %d times in 100 s, %v; want 4", looks.n, err)
		}
	})
}
