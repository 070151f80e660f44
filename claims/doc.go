// Package claims decides what becomes of a contact's claim: its number, when it is due, who is told when, that an objection stops at
// once what it must, and that the answer goes through the street. It never stores, and never decides whether a message may go.
package claims
