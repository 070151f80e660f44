package api

import (
	"context"
	"encoding/csv"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/audit"
)

const (
	mediaJSONLines = "application/jsonl"
	mediaCSV       = "text/csv; charset=utf-8"
)

// exportPage is how many entries are read at once.
const exportPage = 500

type exportAuditEventsInput struct {
	AuditSearch

	Format string `query:"format" enum:"jsonl,csv" default:"jsonl" doc:"jsonl: one JSON object a line. csv: RFC 4180 with a header; lists are separated by spaces."`
}

// exportAuditEvents reads the first page before it answers, so that a log that is away is 503. The entry about the export itself is written
// between that and the stream.
func (a *API) exportAuditEvents(ctx context.Context, in *exportAuditEventsInput) (*huma.StreamResponse, error) {
	f, err := in.filter("", exportPage)
	if err != nil {
		return nil, err
	}
	first, err := a.Audit.List(ctx, f)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) { //nolint:contextcheck // hc has the request's
		media, name := mediaJSONLines, "audit.jsonl"
		if in.Format == "csv" {
			media, name = mediaCSV, "audit.csv"
		}
		hc.SetHeader("Content-Type", media)
		hc.SetHeader("Content-Disposition", `attachment; filename="`+name+`"`)
		hc.SetStatus(http.StatusOK)
		if err := a.streamAudit(hc.Context(), hc.BodyWriter(), in.Format, f, first); err != nil {
			a.log.LogAttrs(hc.Context(), slog.LevelWarn, "an export of the audit log broke off",
				slog.String("request_id", requestID(hc.Context())), slog.String("error", err.Error()))
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (a *API) streamAudit(ctx context.Context, out io.Writer, format string, f audit.Filter, list []audit.Event) error {
	write, flush := auditLines(out)
	if format == "csv" {
		write, flush = auditRows(out)
	}
	for {
		for _, e := range list {
			if err := write(auditEventOf(e)); err != nil {
				return err
			}
		}
		if len(list) < f.Limit {
			return flush()
		}
		f.After = list[len(list)-1].ID
		var err error
		if list, err = a.Audit.List(ctx, f); err != nil {
			return err
		}
	}
}

func auditLines(out io.Writer) (write func(auditEventView) error, flush func() error) {
	return func(e auditEventView) error { return jsonFormat.Marshal(out, e) }, func() error { return nil }
}

// auditColumns are the header of the CSV.
var auditColumns = []string{
	"id", "at", "actor_kind", "actor_id", "operation", "resource_kind", "resource_id", "contact_ids", "fields", "reason", "status", "request_id",
}

func auditRows(out io.Writer) (write func(auditEventView) error, flush func() error) {
	w := csv.NewWriter(out)
	w.UseCRLF = true
	headed := false
	head := func() error {
		if headed {
			return nil
		}
		headed = true
		return w.Write(auditColumns)
	}
	write = func(e auditEventView) error {
		if err := head(); err != nil {
			return err
		}
		contacts := make([]string, len(e.ContactIDs))
		for i, id := range e.ContactIDs {
			contacts[i] = string(id)
		}
		status := ""
		if e.Status != 0 {
			status = strconv.Itoa(e.Status)
		}
		return w.Write([]string{
			string(e.ID), e.At.Format(time.RFC3339Nano), string(e.ActorKind), e.ActorID, e.Operation, e.ResourceKind, harmless(e.ResourceID),
			strings.Join(contacts, " "), strings.Join(e.Fields, " "), harmless(e.Reason), status, e.RequestID,
		})
	}
	return write, func() error {
		if err := head(); err != nil {
			return err
		}
		w.Flush()
		return w.Error()
	}
}

// harmless keeps a spreadsheet from taking somebody's words for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
