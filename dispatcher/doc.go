// Package dispatcher is the street every message takes, whoever asked for it: Submit puts it into the ledger, Feed rings for what
// is due, Deliver claims, renders, hands over and settles. It decides statuses and outcomes; it never decides consent
// (package consent), never writes SQL (package store) and never speaks to a provider (package channels).
package dispatcher
