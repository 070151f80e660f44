package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/orleu/elshi/vocab"
)

// contactExporter writes everything about one contact. What it writes before an error is not whole.
type contactExporter interface {
	// JSON writes one JSON document.
	JSON(ctx context.Context, w io.Writer, contact vocab.ContactID, now time.Time) error
	// Archive writes a zip with the same document, pages to read and the files.
	Archive(ctx context.Context, w io.Writer, contact vocab.ContactID, now time.Time) error
}

func (a *API) registerExport() {
	op := huma.Operation{
		OperationID: "export-contact", Method: http.MethodGet, Path: "/v1/contacts/{id}/export", Tags: []string{"contacts"},
		Summary: "Export everything about a contact",
		Description: "Profile, addresses, suppressions, grants, consent events with the values kept beside the ledger, confirmations, claims, and every message with its decision, events, " +
			"attempts and what it said. `json` is one document (docs/export.md), `zip` has the same with pages to read in the contact's language and the files. " +
			"It is written as it is read, so a failure in the middle cuts the connection. Texts of class security are ••••.",
		Responses: map[string]*huma.Response{"200": {
			Description: "Everything there is, as it is written.",
			Headers:     map[string]*huma.Param{"X-Request-Id": requestIDHeader},
			Content: map[string]*huma.MediaType{
				"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
				"application/zip":  {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
			},
		}},
	}
	register(a, op, a.exportContact)
}

type exportInput struct {
	ID     string `path:"id" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"The contact."`
	Format string `query:"format" enum:"json,zip" default:"json" doc:"json or zip."`
}

func (a *API) exportContact(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	if err := checkContactID(in.ID); err != nil {
		return nil, err
	}
	id, now := vocab.ContactID(in.ID), a.now()
	if _, err := a.Contacts.Get(ctx, id); err != nil { // asked before the first byte: afterwards no status can say it
		return nil, err
	}
	write, kind := a.Exporter.JSON, "application/json"
	if in.Format == "zip" {
		write, kind = a.Exporter.Archive, "application/zip"
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		c := humagin.Unwrap(hc)
		hc.SetHeader("Content-Type", kind)
		hc.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.%s"`, in.ID, now.UTC().Format("2006-01-02"), in.Format))
		hc.SetStatus(http.StatusOK)
		if err := write(ctx, &patientWriter{ResponseController: http.NewResponseController(c.Writer), Writer: hc.BodyWriter(), now: a.now}, id, now); err != nil {
			_ = a.refuse(ctx, fmt.Errorf("export contact %s: %w", id, err)) // logs it
			panic(http.ErrAbortHandler)                                     // so that what was written does not look whole
		}
	}}, nil
}

// patientWriter lets a long answer take its time, as long as its reader goes on reading.
type patientWriter struct {
	*http.ResponseController
	io.Writer

	now      func() time.Time
	extended time.Time
}

// Write gives each stretch of the answer a deadline of its own.
func (w *patientWriter) Write(b []byte) (int, error) {
	if now := w.now(); now.Sub(w.extended) > patience/4 {
		w.extended = now
		_ = w.SetWriteDeadline(now.Add(patience)) // what cannot have deadlines has none
	}
	return w.Writer.Write(b)
}

// patience is for how long a reader of a long answer may read nothing.
const patience = time.Minute
