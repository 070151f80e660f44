// Package proof makes what others can check without us: signed receipts of consents. It reads the ledger and writes nothing, and it decides
// nothing about what may be sent.
package proof
