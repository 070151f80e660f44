package export

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

// Archive writes a zip: data.json, the document of JSON; index.html and a page for each message, in the contact's language; and the files that came
// with the messages. The same data at the same time are the same bytes. Its errors are those of JSON.
func (x *Exporter) Archive(ctx context.Context, w io.Writer, contact vocab.ContactID, now time.Time) error {
	run, err := x.begin(ctx, contact, now)
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	for _, part := range []func(context.Context, *zip.Writer) error{run.dataFile, run.indexFile, run.messageFiles} {
		if err := part(ctx, z); err != nil {
			return err
		}
	}
	return z.Close()
}

// file begins a file of the archive.
func (r *run) file(z *zip.Writer, name string) (io.Writer, error) {
	return z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: r.now})
}

func (r *run) dataFile(ctx context.Context, z *zip.Writer) error {
	w, err := r.file(z, "data.json")
	if err != nil {
		return err
	}
	return r.document(ctx, w)
}

func (r *run) messageFiles(ctx context.Context, z *zip.Writer) error {
	return r.eachMessage(ctx, func(m MessageRecord) error {
		view, err := r.messageOf(ctx, m)
		if err != nil {
			return err
		}
		w, err := r.file(z, pagePath(view.ID))
		if err != nil {
			return err
		}
		if err := r.show(w, "message", view); err != nil {
			return err
		}
		if len(view.Attachments) == 0 { // none, or of a one-time code
			return nil
		}
		n := 0
		return r.o.Messages.EachFile(ctx, view.ID, func(a channels.Attachment) error {
			w, err := r.file(z, filePath(view.ID, n, a.Name))
			if err != nil {
				return err
			}
			n++
			_, err = w.Write(a.Content)
			return err
		})
	})
}

func pagePath(id vocab.MessageID) string { return "messages/" + string(id) + ".html" }

// filePath is where the archive has a message's file. Its name was somebody else's to choose, so only what is harmless in every file system is
// taken of it; the number keeps two of one name apart.
func filePath(id vocab.MessageID, n int, name string) string {
	const longest = 80 // characters
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	kept := 0
	safe := strings.Map(func(r rune) rune {
		if kept == longest || r == unicode.ReplacementChar {
			return -1
		}
		kept++
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, base)
	return fmt.Sprintf("attachments/%s/%02d-%s", id, n+1, strings.Trim(safe, "."))
}
