// Package proof makes what others can check without us: signed documents, such as the receipts of consents. It reads the ledger and writes
// nothing, and it decides nothing about what may be sent.
package proof
