// Package channelstest proves that a channel keeps the promises of channels.Channel. It decides nothing about a provider:
// the channel's own tests bring a double that speaks the provider's real protocol over a real socket.
package channelstest

import (
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
)

// Behaviour is what a provider double does with whatever is handed to it from now on.
type Behaviour string

// The behaviours that every provider double knows.
const (
	Accept Behaviour = "accept" // takes every message and says so
	Refuse Behaviour = "refuse" // says no to every message; its words repeat the address, as real providers' words do
	Silent Behaviour = "silent" // takes every message and never answers, but keeps the connection
	Gone   Behaviour = "gone"   // refuses connections and drops those it has; a later behaviour brings it back at the same address
)

// Provider is a double of the party that a channel hands messages to. The suite calls it from several goroutines.
type Provider interface {
	// Behave changes what happens from now on. It returns once the change holds.
	Behave(b Behaviour)
	// Begun counts the hand-overs that began, whatever came of them: SMTP: MAIL commands; HTTP: requests.
	Begun() int
	// Taken returns the content of every message that arrived whole, one entry per hand-over. The text must be readable in it.
	Taken() []string
	// Connections counts the connections that are open now.
	Connections() int
}

// Subject is one freshly built channel with the provider double that it talks to.
type Subject struct {
	Channel  channels.Channel
	Provider Provider
	// Message returns the n-th sample message. The suite sets ID, Attempt, Until and the text, and leaves the rest as it is.
	Message func(n int) channels.Message
	// Now is the clock that the channel was built with.
	Now func() time.Time
	// RefusedCause is what the double's refusal means.
	RefusedCause channels.Cause
	// Secrets are texts that must never be printed: passwords, tokens. Each is at least 8 bytes.
	Secrets []string
	// Patience bounds every Send, in particular against a silent provider: set the channel's time-outs well below it.
	// If unset or zero, 10 seconds.
	Patience time.Duration
}

// Run builds a Subject for every promise of channels.Channel and reports each that is broken. The suite closes the
// Channel; whatever else build makes is build's to clean up with t.Cleanup.
func Run(t *testing.T, build func(t *testing.T) Subject) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			s := build(t)
			if s.Patience == 0 {
				s.Patience = 10 * time.Second
			}
			r := &recorder{}
			p.check(t.Context(), s, r)
			for _, problem := range r.all() {
				t.Error(problem)
			}
		})
	}
}
