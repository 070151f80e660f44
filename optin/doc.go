// Package optin asks contacts to confirm: that an address is theirs, and what they sign up for (double opt-in). It decides who is
// asked, how often, what counts as a confirmation and which sign-ups are a robot's. It never grants by itself: a grant is an entry of
// the consent ledger that follows from a press or a code, and it never tells a stranger who is known here.
package optin
