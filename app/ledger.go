package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/orleu/elshi/api"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/notary"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// newNotary returns who signs the consent ledger, with the key that the settings' seed gives.
func newNotary(cfg config.Config, consents *store.Consents, now func() time.Time) (*notary.Notary, error) {
	seed, err := cfg.Secrets.SigningKey.Key()
	if err != nil {
		return nil, fmt.Errorf("secrets.signing_key: %w", err)
	}
	key, err := proof.SigningKey(seed[:], "checkpoint")
	if err != nil {
		return nil, err
	}
	signer, err := tlog.NewSigner(cfg.LedgerOrigin(), key)
	if err != nil {
		return nil, fmt.Errorf("ledger.origin: %w", err)
	}
	return notary.New(consents, signer, cfg.CheckpointFile(), now), nil
}

// addKeeper signs the ledger from time to time and brings its heads out of the database.
func (a *App) addKeeper(s *street) error {
	l := a.cfg.Ledger
	o := notary.KeeperOptions{Interval: l.CheckpointInterval, Zone: a.cfg.Location()}
	if officer := a.newOfficer(s); officer != nil {
		o.Officer = officer
	}
	keeper, err := notary.NewKeeper(s.stores.notary, s.stores.consents, o, a.log)
	if err != nil {
		return err
	}
	a.heads = keeper
	a.add(doors, "keeper of the ledger's heads", keeper.Run)
	return nil
}

// newOfficer returns whom the settings name as data-protection officer; nil if nobody.
func (a *App) newOfficer(s *street) *dispatcher.Officer {
	l := a.cfg.Ledger
	if l.MailTo == "" {
		return nil
	}
	o := &dispatcher.Officer{
		Email: l.MailTo, Language: l.MailLanguage, People: s.stores.contacts, Street: s.submitter, Now: a.now, Log: a.log,
	}
	if o.Language == "" {
		o.Language = a.cfg.Languages[0]
	}
	return o
}

// headsCheck says whether the heads of the consent ledger are made and written down, where this process does it.
func (a *App) headsCheck() []api.Check {
	if a.heads == nil {
		return nil
	}
	c := api.Check{Name: "signed_heads", OK: true}
	if trouble := a.heads.Trouble(); trouble != "" {
		c.OK, c.Detail = false, trouble
		c.Affects = "messages go out; what is written into the consent ledger meanwhile is proved when this is mended"
	}
	return []api.Check{c}
}

// ledgerDoor is the notary as the API asks it.
type ledgerDoor struct {
	notary *notary.Notary
	file   string
	mu     sync.Mutex // one audit at a time: each reads the whole ledger
}

// Audit holds the ledger against the file of signed heads, if it is at hand here.
func (d *ledgerDoor) Audit(ctx context.Context) (notary.Audit, error) {
	notes, err := notary.ReadNotes(d.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return notary.Audit{}, fault.Away("file of signed heads", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.notary.Audit(ctx, notary.Outside{Key: d.notary.Verifier(), Notes: notes})
}

// Inclusion proves that an entry stands in the ledger.
func (d *ledgerDoor) Inclusion(ctx context.Context, id vocab.ConsentEventID) (consent.EntryProof, error) {
	return d.notary.Inclusion(ctx, id)
}

// Heads returns signed heads, the newest first.
func (d *ledgerDoor) Heads(ctx context.Context, before int64, n int) ([]tlog.Signed, error) {
	return d.notary.Heads(ctx, before, n)
}

// PublicKey is the key that checks signed heads.
func (d *ledgerDoor) PublicKey() string { return d.notary.PublicKey() }

// VerifyOptions say what the ledger is held against.
type VerifyOptions struct {
	Checkpoints string // a file of signed heads; empty: the one of the settings, if it is there
	PublicKey   string // whose signatures are believed; empty: that of the settings' signing key
}

// Verify reads the whole consent ledger and prints that it is intact. The error is *notary.NotIntact and names the first thing that is not
// as it was written; any other one says why it could not find out.
func (a *App) Verify(ctx context.Context, o VerifyOptions, out io.Writer) error {
	n, err := a.offlineNotary()
	if err != nil {
		return err
	}
	outside, from, err := a.outside(n, o)
	if err != nil {
		return err
	}
	found, err := n.Audit(ctx, outside)
	if err != nil {
		return err
	}
	if !found.Intact() {
		return &notary.NotIntact{Break: found.Break}
	}
	return report(out, found, from)
}

// outside reads what the ledger is held against, and says where it is from.
func (a *App) outside(n *notary.Notary, o VerifyOptions) (notary.Outside, string, error) {
	outside := notary.Outside{Key: n.Verifier()}
	var err error
	if o.PublicKey != "" {
		if outside.Key, err = tlog.NewVerifier(o.PublicKey); err != nil {
			return outside, "", err
		}
	}
	from := o.Checkpoints
	if from == "" {
		from = a.cfg.CheckpointFile()
	}
	outside.Notes, err = notary.ReadNotes(from)
	switch {
	case errors.Is(err, fs.ErrNotExist) && o.Checkpoints == "":
		err = nil // a process in another role has it
	case err == nil && len(outside.Notes) == 0 && o.Checkpoints != "":
		err = fmt.Errorf("%s holds no signed head", from)
	}
	return outside, from, err
}

func report(out io.Writer, found notary.Audit, from string) error {
	text := fmt.Sprintf("the consent ledger is intact from 1 to %d\n", found.Head.Seq)
	if found.Signed > 0 {
		text += fmt.Sprintf("it has the root of each of %d signed heads, the newest of %d entries at %s\n", found.Signed, found.Newest.Size,
			found.Newest.At.Format(time.RFC3339))
	}
	if found.Outside == 0 && found.Head.Seq > 0 {
		text += fmt.Sprintf("no signed head from outside of the database was at hand (%s): a chain that was cut or written anew together with its heads is not seen\n", from)
	}
	_, err := io.WriteString(out, text)
	return err
}

func (a *App) offlineNotary() (*notary.Notary, error) {
	registry, err := newRegistry(a.cfg)
	if err != nil {
		return nil, err
	}
	return newNotary(a.cfg, store.NewConsents(a.db, registry), a.now)
}

// Rebuild makes what is kept of the contacts' consents from the ledger's entries, and the ledger's tree, and prints what it mended. It
// refuses to begin when the entries themselves are not what was written.
func (a *App) Rebuild(ctx context.Context, o VerifyOptions, out io.Writer) error {
	n, err := a.offlineNotary()
	if err != nil {
		return err
	}
	outside, _, err := a.outside(n, o)
	if err != nil {
		return err
	}
	done, err := n.Rebuild(ctx, outside)
	if broken, ok := errors.AsType[*notary.NotIntact](err); ok {
		return fmt.Errorf("nothing was rebuilt: %w", broken)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "the consents of %d contacts were made anew from the ledger; all others were as its %d entries say\n", done.Mended, done.Entries)
	return err
}
