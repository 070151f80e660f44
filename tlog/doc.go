// Package tlog shows others that a log has stood unchanged since: its Merkle tree (RFC 9162), signed heads and proofs of inclusion. It
// knows no consents and keeps nothing.
package tlog
