package optin

import (
	"context"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// counts counts sign-ups by where they come from, for all processes together.
type counts interface {
	// CountSignUp adds one to the count of a source until a time, and returns it. The source is kept as a keyed hash, until then.
	CountSignUp(ctx context.Context, source string, until time.Time) (int, error)
}

// What tells that a sign-up is a robot's: nothing of a third party, nothing that a person has to do.
const (
	Trapped Outcome = "trapped" // it filled in the field that people do not see
	Hasty   Outcome = "hasty"   // it was faster than anybody reads
	Forged  Outcome = "forged"  // it did not come from a form of ours
	Crowded Outcome = "crowded" // too many from the same part of the network
)

// The sign-ups that were asked for once more.
const (
	Stale      Outcome = "stale"      // the form was open for too long; it is shown again
	Incomplete Outcome = "incomplete" // something is missing or not an address; it is shown again
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{Sent, Limited, Suppressed, Trapped, Hasty, Forged, Crowded, Stale, Incomplete}
}

const crowdWindow = 10 * time.Minute

// FormToken returns what a form carries in a hidden field: when it was shown, signed for this form alone. A form that shows again what
// somebody has filled in elsewhere has only its button to press, so it counts as open since before.
func (d *Desk) FormToken(form vocab.FormID, filled bool) string {
	shown := d.now()
	if filled {
		shown = shown.Add(-d.MinFill * 2 / 3)
	}
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(shown.UnixMilli()))
	return d.links.Sign(formKind(form), raw)
}

// formKind makes a form's tokens no other form's.
func formKind(form vocab.FormID) dispatcher.LinkKind {
	return dispatcher.LinkForm + dispatcher.LinkKind("/"+form)
}

// judge says what a sign-up is by the way it came; "" if it is a person's, as far as that can be told.
func (d *Desk) judge(ctx context.Context, s SignUp) (Outcome, error) {
	raw, err := d.links.Open(formKind(s.Form.ID), s.Token)
	if err != nil {
		return Forged, nil //nolint:nilerr // that it is none of ours is the answer
	}
	if s.Trap != "" {
		return Trapped, nil
	}
	shown := time.UnixMilli(int64(binary.BigEndian.Uint64(raw[:8]))) //nolint:gosec // we wrote it
	switch age := d.now().Sub(shown); {
	case age < d.MinFill:
		return Hasty, nil
	case age > d.MaxAge:
		return Stale, nil
	}
	if !s.Client.IsValid() {
		return "", nil
	}
	n, err := d.Counts.CountSignUp(ctx, source(s.Client), d.now().Truncate(crowdWindow).Add(crowdWindow))
	if err == nil && n > d.PerSource {
		return Crowded, nil
	}
	return "", err
}

// source is the part of the network that one somebody has: an IPv4 address, or the 64 bits of an IPv6 one that a provider gives out.
func source(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil { // 64 bits are there
		return ip.String()
	}
	return prefix.String()
}
