package notary

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// leader says which of several processes keeps the heads.
type leader interface {
	// Lead says whether the holder is the one who does the duty until the given time.
	Lead(ctx context.Context, duty, holder string, now, until time.Time) (bool, error)
}

// KeeperOptions are the settings of a Keeper.
type KeeperOptions struct {
	Interval time.Duration  // how often a ledger that grew is signed. If zero, 1 h
	Zone     *time.Location // whose days count for the head and the mail of each day. If nil, UTC
	Officer  officer        // gets a mail each day; nil: nobody
	Tick     time.Duration  // how often a Keeper looks. If zero, 30 s
}

// Keeper signs the ledger as often as it is told, and each day once, and brings the heads out of the database: into a file and, once a
// day, to the data-protection officer. Any number of Keepers may run, of which one works; each is for one goroutine.
type Keeper struct {
	notary *Notary
	leader leader
	o      KeeperOptions
	name   string // among the keepers
	now    func() time.Time
	log    *slog.Logger

	mailed string // the day whose mail is on its way

	mu      sync.Mutex
	trouble string
}

// NewKeeper returns a Keeper of the heads of a Notary that has a file.
func NewKeeper(n *Notary, l leader, o KeeperOptions, log *slog.Logger) (*Keeper, error) {
	if n.file.path == "" {
		return nil, errors.New("keep signed heads: no file is named")
	}
	if o.Interval <= 0 {
		o.Interval = time.Hour
	}
	if o.Tick <= 0 {
		o.Tick = 30 * time.Second
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Keeper{notary: n, leader: l, o: o, name: vocab.NewID("keeper"), now: n.now, log: log}, nil
}

// duty is what Keepers lead in.
const duty = "checkpoints"

// Run keeps heads until ctx ends. What fails is logged and tried again at the next tick.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(k.o.Tick)
	defer tick.Stop()
	for {
		k.Keep(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Trouble says what keeps the heads from being made or written down; empty: nothing.
func (k *Keeper) Trouble() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.trouble
}

// Keep does once what is due.
func (k *Keeper) Keep(ctx context.Context) {
	now := k.now()
	leads, err := k.leader.Lead(ctx, duty, k.name, now, now.Add(3*k.o.Tick))
	if err == nil && leads {
		err = k.keep(ctx, now)
	}
	if ctx.Err() != nil {
		return
	}
	trouble := ""
	if err != nil {
		trouble = err.Error()
		level := slog.LevelError // nothing proves what is written from now on: somebody must look
		k.log.LogAttrs(ctx, level, "the consent ledger's heads are not kept; trying again", slog.String("error", trouble))
	}
	k.mu.Lock()
	k.trouble = trouble
	k.mu.Unlock()
}

func (k *Keeper) keep(ctx context.Context, now time.Time) error {
	// What the table holds goes out first: also heads that others made, and those of the time when the file could not be written.
	if err := k.writeDown(ctx); err != nil {
		return err
	}
	newest, found, err := k.notary.newest(ctx)
	if err != nil {
		return err
	}
	due, err := k.due(ctx, newest, found, now)
	if err != nil {
		return err
	}
	if due {
		if newest, err = k.notary.Seal(ctx); err != nil {
			return err
		}
		if err := k.writeDown(ctx); err != nil {
			return err
		}
	}
	if newest.Number == 0 {
		return nil
	}
	return k.mail(ctx, newest, now)
}

// due says whether the ledger is to be signed: it grew and the interval has passed, or the day has no head yet.
func (k *Keeper) due(ctx context.Context, newest tlog.Signed, found bool, now time.Time) (bool, error) {
	if found && k.day(newest.At) == k.day(now) && now.Sub(newest.At) < k.o.Interval {
		return false, nil
	}
	head, err := k.notary.ledger.Head(ctx)
	if err != nil {
		return false, err
	}
	if !found {
		return head.Seq > 0, nil
	}
	return head.Seq != newest.Size || k.day(newest.At) != k.day(now), nil
}

func (k *Keeper) day(t time.Time) string { return t.In(k.o.Zone).Format(time.DateOnly) }

// writeDown appends to the file what it does not hold yet. The file is never behind a head that somebody else was given for long, and
// never holds one that the table does not: if it does, the table was cut.
func (k *Keeper) writeDown(ctx context.Context) error {
	file := k.notary.file
	if err := file.mend(); err != nil {
		return fmt.Errorf("the file of signed heads: %w", err)
	}
	last, err := file.last(k.notary.signer.Verifier())
	if err != nil {
		return fmt.Errorf("the file of signed heads: %w", err)
	}
	var notes []string
	seen := last.At.IsZero()
	// From the newest back to the one that the file ends with: in the usual case that is the first.
	for before := int64(0); ; {
		page, err := k.notary.ledger.NewestCheckpoints(ctx, before, pageOfHeads)
		if err != nil {
			return err
		}
		var behind bool
		for _, s := range page {
			c, err := k.notary.signer.Verifier().Open(s.Note)
			if err != nil {
				return &NotIntact{consent.Break{Why: consent.Forged, Detail: fmt.Sprintf("number %d of the table: %v", s.Number, err)}}
			}
			if c == last {
				seen, behind = true, true
				break
			}
			notes = append(notes, s.Note)
			before = s.Number
		}
		if behind || len(page) < pageOfHeads {
			break
		}
	}
	if !seen {
		return &NotIntact{consent.Break{
			Why: consent.Forged, Head: last,
			Detail: fmt.Sprintf("the file ends with a head of %d entries that is not in the table", last.Size),
		}}
	}
	if len(notes) == 0 {
		return nil
	}
	slices.Reverse(notes)
	if err := file.append(notes); err != nil {
		return fmt.Errorf("the file of signed heads: %w", err)
	}
	return nil
}

// pageOfHeads is how many heads are looked at together.
const pageOfHeads = 100
