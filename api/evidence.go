package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/evidence"
)

// evidenceDesk puts the evidence of a message together and writes it for people.
type evidenceDesk interface {
	// Of says on what ground a message was allowed or refused. What is not kept any more is no error.
	Of(ctx context.Context, m dispatcher.Message, r evidence.Reader, now time.Time) (evidence.Sealed, error)
	// Page writes an HTML page to print.
	Page(w io.Writer, s evidence.Sealed) error
	PDF(w io.Writer, s evidence.Sealed) error
}

// evidenceView is the answer as JSON: the document, and the seal it was given out with. The handler writes the very bytes that were sealed.
type evidenceView struct {
	Evidence evidence.Document `json:"evidence" doc:"The evidence; docs/evidence.md says what each field means."`
	Seal     string            `json:"seal" doc:"A signed note (C2SP signed-note) with the SHA-256 of the evidence as compact JSON, by the key that signs the heads of the consent ledger. The command elshi-proof checks it, and everything in the evidence that can be proved."`
}

func (a *API) registerEvidence() {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[evidenceView](), true, "EvidenceView")
	register(a, huma.Operation{
		OperationID: "get-message-evidence", Method: http.MethodGet, Path: "/v1/messages/{id}/evidence", Tags: []string{"messages"},
		Summary: "Read on what ground a message was allowed or refused",
		Description: "One document that stands by itself: who, why, which grant, the words that were shown, how it was confirmed, versions and hashes, the providers' own answers, and proofs that the " +
			"command elshi-proof checks with nothing but a public key. JSON, a page to print, or a PDF with the JSON attached: by `format`, else by `Accept`. It works for every message, also for one that " +
			"rests on no consent, was refused, or whose contact was erased, and says what is not kept any more. The role operator sees no name, subject and note, and a masked address.",
		Responses: map[string]*huma.Response{"200": {
			Description: "The evidence.",
			Headers:     map[string]*huma.Param{"X-Request-Id": requestIDHeader},
			Content: map[string]*huma.MediaType{
				"application/json":         {Schema: schema},
				"text/html; charset=utf-8": {Schema: &huma.Schema{Type: huma.TypeString}},
				"application/pdf":          {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
			},
		}},
	}, a.messageEvidence)
}

type evidenceInput struct {
	ID             string `path:"id" example:"msg_06gywnjy01xbs0938nkrkaydxw" doc:"The message."`
	Format         string `query:"format" enum:"json,html,pdf" doc:"json, html or pdf; wins over Accept."`
	Lang           string `query:"lang" enum:"kk,ru,en" doc:"Language of sentences, page and PDF; wins over Accept-Language."`
	Accept         string `header:"Accept" doc:"text/html for the page, application/pdf for the PDF."`
	AcceptLanguage string `header:"Accept-Language" doc:"Language of sentences, page and PDF: kk, ru or en."`
}

// evidenceAnswer is the document in one of its forms.
type evidenceAnswer struct {
	ContentType string `header:"Content-Type" doc:"What it is."`
	Language    string `header:"Content-Language" doc:"The language it is in."`
	Disposition string `header:"Content-Disposition" doc:"What to call it as a file."`
	Policy      string `header:"Content-Security-Policy" doc:"A page loads nothing."`
	Body        []byte
}

func (a *API) messageEvidence(ctx context.Context, in *evidenceInput) (*evidenceAnswer, error) {
	m, err := a.message(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	lang := sentenceLanguage(in.Lang, in.AcceptLanguage)
	sealed, err := a.Evidence.Of(ctx, m, evidence.Reader{Full: seesContent(ctx), Language: lang}, a.now())
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(sealed.FileName(), ".json")
	out := &evidenceAnswer{Language: string(lang)}
	var body bytes.Buffer
	switch documentFormat(in.Format, in.Accept) {
	case "html":
		out.ContentType, out.Policy = "text/html; charset=utf-8", printedPolicy
		err = a.Evidence.Page(&body, sealed)
	case "pdf":
		out.ContentType, out.Disposition = "application/pdf", `inline; filename="`+name+`.pdf"`
		err = a.Evidence.PDF(&body, sealed)
	default:
		out.ContentType, out.Disposition = "application/json", `inline; filename="`+name+`.json"`
		body.Write(sealed.JSON)
	}
	out.Body = body.Bytes()
	return out, err
}

// documentFormat is the form of a document that somebody wants: json, html or pdf.
func documentFormat(format, accept string) string {
	if format != "" {
		return format
	}
	for part := range strings.SplitSeq(accept, ",") {
		media, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch strings.ToLower(media) {
		case "application/json":
			return "json"
		case "application/pdf":
			return "pdf"
		case "text/html", "application/xhtml+xml":
			return "html"
		}
	}
	return "json"
}

// schemaName names a type in the API's description. Those of package evidence have the names of what they are evidence of, which are taken.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if t.PkgPath() == reflect.TypeFor[evidence.Document]().PkgPath() {
		return "Evidence" + name
	}
	return name
}
