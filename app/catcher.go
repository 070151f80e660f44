package app

import (
	"context"
	"strings"

	"github.com/orleu/elshi/channels/inbox"
	"github.com/orleu/elshi/store"
)

// startCatcher binds the catcher. Without the inbox it serves the messages of test keys alone, on a port nobody is told.
func (a *App) startCatcher(caught *store.Inbox) error {
	listen := ":0"
	if a.cfg.InboxOn() {
		listen = a.cfg.Inbox.Listen
	}
	a.keeper = keeper{caught}
	server, err := inbox.NewServer(a.keeper, inbox.ServerOptions{Addr: listen, Now: a.now})
	if err != nil {
		return err
	}
	a.catcher = server
	a.after("close the catcher", func() error {
		_ = server.Close() // Run has closed it already, unless it never ran
		return nil
	})
	a.add(ground, "catcher", server.Run)
	return nil
}

// keeper puts what the catcher caught into the store.
type keeper struct{ inbox *store.Inbox }

// Keep implements inbox.Keeper.
func (k keeper) Keep(ctx context.Context, c inbox.Caught) error {
	recipients := make([]string, len(c.To))
	for i, to := range c.To {
		recipients[i] = to.Reveal()
	}
	_, err := k.inbox.Keep(ctx, store.Caught{
		Channel: c.Channel, Sender: c.From, Recipient: strings.Join(recipients, ", "), Subject: c.Subject, Body: c.Text, HTML: c.HTML,
		Raw: c.Raw, At: c.At,
	})
	return err
}
