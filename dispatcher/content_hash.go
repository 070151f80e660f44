package dispatcher

import "github.com/orleu/elshi/templates"

// ContentHash returns the hex SHA-256 over what a recipient reads, as a message keeps it from its first attempt on: of subject, preheader,
// HTML, text, SMS and calendar, each with its length and a colon before it.
func ContentHash(c templates.Content) string { return contentHash(c) }
