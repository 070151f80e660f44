// Package export writes everything that is known about one contact: as one JSON document, and as an archive that a person can read. It never
// decides who may have it, and holds no more than a page of messages at once.
package export
