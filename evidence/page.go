package evidence

import (
	_ "embed" // the page
	"encoding/base64"
	"html/template"
	"io"
)

//go:embed pages/evidence.html
var pageText string

// page is the page in every language. A mistake in it stops the program at its start.
var page = template.Must(template.New("evidence").Parse(pageText))

// FileName is what the JSON document is called where it is kept as a file.
func (s Sealed) FileName() string { return "evidence-" + string(s.Document.Message.ID) + ".json" }

// Page writes the evidence as one HTML page to read or print. It loads and runs nothing, and carries the JSON document behind a link.
func (k *Maker) Page(w io.Writer, s Sealed) error {
	return page.Execute(w, struct {
		sheet

		ID, File, Download string
		Data               template.URL
	}{
		k.sheet(s), string(s.Document.Message.ID), s.FileName(), say(s.Document.Language, "download"),
		template.URL("data:application/json;base64," + base64.StdEncoding.EncodeToString(s.JSON)), //nolint:gosec // base64 of our own document
	})
}
