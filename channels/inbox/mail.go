package inbox

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/jhillyerd/enmime/v2"
)

// parser shows what was sent, so it makes no text out of HTML and guesses no character set, and it shows what it can of a mail
// that is broken.
var parser = enmime.NewParser(
	enmime.DisableTextConversion(true), enmime.DisableCharacterDetection(true), enmime.MaxStoredPartErrors(1),
	enmime.SkipMalformedParts(true), enmime.MultipartWOBoundaryAsSinglePart(true),
)

// read fills in what can be read of a mail. A mail that cannot be read is caught all the same: Raw has it.
func (c *Caught) read(raw []byte) {
	c.Raw = raw
	c.From = c.EnvelopeFrom.Reveal()
	envelope, err := parser.ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return
	}
	if from := clean(envelope.GetHeader("From")); from != "" {
		c.From = from
	}
	c.Subject = clean(envelope.GetHeader("Subject"))
	c.Text = clean(envelope.Text)
	c.HTML = clean(envelope.HTML)
}

// clean makes a text that every database takes: valid UTF-8 without zero bytes.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// File is an attachment of a caught mail.
type File struct {
	Name        string
	ContentType string
	Content     []byte
}

// Files returns the attachments of a mail as it came over the wire, each with a name; none if it cannot be read. A calendar that is shown in
// place and attached too, as invitations have it, is one file.
func Files(raw []byte) []File {
	envelope, err := parser.ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	var files []File
	for _, p := range append(envelope.Attachments, envelope.OtherParts...) {
		f := File{Name: clean(p.FileName), ContentType: p.ContentType, Content: p.Content}
		if slices.ContainsFunc(files, func(x File) bool { return x.ContentType == f.ContentType && bytes.Equal(x.Content, f.Content) }) {
			continue
		}
		if f.Name == "" {
			f.Name = "part-" + strconv.Itoa(len(files)+1)
		}
		files = append(files, f)
	}
	return files
}
