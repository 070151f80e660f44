package inbound

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// submitter takes messages in; dispatcher.Submitter is one.
type submitter interface {
	Submit(ctx context.Context, caller dispatcher.Caller, key *dispatcher.IdempotencyKey, requests []dispatcher.Request) (dispatcher.Submitted, error)
}

// correspondence knows who is behind a number and what they were sent; store.Ledger does.
type correspondence interface {
	Recipients(ctx context.Context, queries []dispatcher.RecipientQuery) ([]dispatcher.Known, error)
	List(ctx context.Context, f dispatcher.MessageFilter) (dispatcher.MessagePage, error)
}

const (
	helpTemplate               = "keyword-help"
	helpPurpose  vocab.Purpose = "request.reply"
	helpTrigger                = "help:" // begins the trigger ids of answers, by which they are found again
	// helpEvery bounds what one number can make us pay for.
	helpEvery = time.Hour
	// helpMemory is how long a gateway may repeat a text without its being answered again; idempotency keys are kept as long.
	helpMemory = 7 * 24 * time.Hour
)

// help answers HELP with who we are, how to stop and how to reach us (domain section 6): a message like any other, caused by the
// contact's own text, so that the gate says whether it may go. Nobody of ours gets none: an answer would make them a contact.
//
// A number is answered at most once in helpEvery, and a text of the gateway's once, however often it comes. The key keeps answers to
// calls that come at the same time to one in each hour of the clock; what was answered before is looked up.
func (c *Callbacks) help(ctx context.Context, provider vocab.ProviderID, number vocab.Address, lang vocab.Language, t sms.InboundText) error {
	known, err := c.o.Messages.Recipients(ctx, []dispatcher.RecipientQuery{{
		Channel: vocab.SMS, Recipient: dispatcher.Recipient{Value: number, Lookup: number.Reveal()},
	}})
	if err != nil {
		return fmt.Errorf("find who asks for help: %w", err)
	}
	who := known[0]
	if who.ContactID == "" {
		return nil
	}
	hour := string(who.AddressID) + "/" + t.At.UTC().Truncate(helpEvery).Format(time.RFC3339)
	trigger := helpTrigger + hour
	if t.EventID != "" {
		trigger = helpTrigger + eventHash(provider, t.EventID)
	}
	if answered, err := c.helped(ctx, who, trigger, t.At); err != nil || answered {
		return err
	}
	data, err := json.Marshal(map[string]string{"number": c.replyNumber(t.To)})
	if err != nil {
		return fmt.Errorf("answer to help: %w", err)
	}
	request := dispatcher.Request{
		// Of several people behind the number, the first is asked about; the answer is the same, and so is where it goes.
		To:      dispatcher.To{ContactID: who.ContactID, Phone: number.Reveal()},
		Channel: vocab.SMS, Purpose: helpPurpose, Template: helpTemplate, Data: data, TriggerID: trigger, TriggerAt: t.At,
	}
	if who.Language == "" {
		request.Language = lang
	}
	// No API key asks for this: it is us. The body is the same for whatever text of the hour.
	key := &dispatcher.IdempotencyKey{Route: "inbound/help", Token: hour, BodyHash: helpTemplate}
	out, err := c.o.Submitter.Submit(ctx, dispatcher.Caller{Mode: dispatcher.Live}, key, []dispatcher.Request{request})
	if err != nil {
		return fmt.Errorf("answer to help: %w", err)
	}
	if r := out.Results[0]; len(r.Problem) > 0 {
		// It would be the same the next time, so the gateway is not asked to come again.
		p := r.Problem[0]
		c.o.Log.LogAttrs(ctx, slog.LevelError, "a text that asks for help cannot be answered", slog.String("provider", string(provider)),
			slog.String("code", p.Code), slog.String("detail", p.Detail))
	}
	return nil
}

// helped says whether a text was answered already, or its number within helpEvery before at.
func (c *Callbacks) helped(ctx context.Context, who dispatcher.Known, trigger string, at time.Time) (bool, error) {
	answer := func(m dispatcher.Message) bool {
		recent := strings.HasPrefix(m.TriggerID, helpTrigger) && m.AddressID == who.AddressID && m.CreatedAt.After(at.Add(-helpEvery))
		return m.TriggerID == trigger || recent
	}
	filter := dispatcher.MessageFilter{ContactID: who.ContactID, Channel: vocab.SMS, Purpose: helpPurpose, CreatedAfter: at.Add(-helpMemory)}
	for {
		page, err := c.o.Messages.List(ctx, filter)
		if err != nil {
			return false, fmt.Errorf("look for earlier answers to help: %w", err)
		}
		if slices.ContainsFunc(page.Messages, answer) {
			return true, nil
		}
		if page.Next == "" {
			return false, nil
		}
		filter.After = page.Next
	}
}

// eventHash names a gateway's text. The gateway's own id is not kept: it may be long, and may hold the number.
func eventHash(provider vocab.ProviderID, eventID string) string {
	sum := sha256.Sum256([]byte(string(provider) + "\x00" + eventID))
	return hex.EncodeToString(sum[:16])
}

// maxShortCode is the longest number, in digits, that is dialled as it is written and belongs to no country.
const maxShortCode = 6

// replyNumber is the number that was written to, as somebody can dial it; empty if it is none, for a sender's name takes no STOP.
func (c *Callbacks) replyNumber(to string) string {
	if number, _, err := contacts.ParsePhone(to, c.o.Region); err == nil {
		return number.Reveal()
	}
	if len(to) <= maxShortCode && strings.Trim(to, "0123456789") == "" {
		return to
	}
	return ""
}
