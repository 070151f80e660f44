// Package proof shows others that something has stood unchanged since: keys derived from one seed, the Merkle tree of a log
// (RFC 9162), its signed heads and proofs of inclusion. It knows no consents and keeps nothing.
package proof
