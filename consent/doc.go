// Package consent decides whether a message may go to a person now, and says on what ground. It never sends, it reads no
// clock and no database, and when it cannot decide it denies.
//
// Decide is the gate. The registry of purposes, the calendar, the frequency cap and the consent ledger's arithmetic make
// the facts that the gate is asked with.
package consent
