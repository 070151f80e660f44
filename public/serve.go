package public

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// handler makes the answer to a request. It writes nothing itself, so that every page gets the same headers.
type handler func(r *http.Request) (answer, error)

// answer is a page, or a file.
type answer struct {
	view   string
	lang   vocab.Language // set even beside an error, as soon as it is known
	title  string
	data   any
	plain  string // for callers that do not take HTML; empty: they get it all the same
	status int    // 0: 200
	file   *file
	header map[string]string // differences from the usual headers
	keep   string            // what the links to other languages keep of the query: "&embed=1"
	post   *postBack         // the page is the answer to a press, so another language of it is one too; nil: a link does
}

// postBack is a press that makes the page again.
type postBack struct {
	Action string // without a query
	Fields []hidden
}

// hidden is a hidden field of a form.
type hidden struct{ Name, Value string }

// file is an answer that is no page.
type file struct {
	contentType string
	content     []byte
}

// maxBody is the largest request body that is read, in bytes; a press of a button is less than 1 KB.
const maxBody = 64 << 10

// storeTimeout bounds what one request waits for the ledger.
const storeTimeout = 10 * time.Second

var errLedgerSlow = errors.New("the ledger took too long")

// retryAfter is what a caller is asked to wait when the ledger is away, in seconds.
const retryAfter = "30"

// security are the headers of every answer. The path of a page is a credential, hence no cache, no index and no referrer.
// "same-origin" instead of "no-referrer" where a form is checked for its origin: with "no-referrer" browsers send "Origin: null".
var security = map[string]string{
	"Cache-Control":           "no-store",
	"Content-Security-Policy": contentPolicy,
	"Referrer-Policy":         "no-referrer",
	"X-Content-Type-Options":  "nosniff",
	"X-Robots-Tag":            "noindex, nofollow",
}

const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// observed sets the headers of every answer and writes one line for each request: the route's pattern, never the path.
func (p *pages) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range security {
			w.Header().Set(name, value)
		}
		seen := &statusWriter{ResponseWriter: w}
		start := p.Now()
		next.ServeHTTP(seen, r)
		p.Log.LogAttrs(r.Context(), slog.LevelInfo, "contact page served", slog.String("method", r.Method), slog.String("route", r.Pattern),
			slog.Int("status", seen.status), slog.Duration("took", p.Now().Sub(start)))
	})
}

type statusWriter struct {
	http.ResponseWriter

	status int
}

// WriteHeader remembers the status.
func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// route serves one path. Safe methods reach get alone, whatever they carry: nothing that follows a link or prefetches it can act.
func (p *pages) route(get, post handler) http.Handler {
	allow := "GET, HEAD, OPTIONS"
	if post != nil {
		allow = "GET, HEAD, OPTIONS, POST"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := post
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			h = get
		case http.MethodOptions:
			w.Header().Set("Allow", allow)
			w.WriteHeader(http.StatusNoContent)
			return
		case http.MethodPost:
		default:
			h = nil
		}
		if h == nil {
			w.Header().Set("Allow", allow)
			p.write(w, r, problem(language(r, ""), http.StatusMethodNotAllowed))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		ctx, cancel := context.WithTimeoutCause(r.Context(), storeTimeout, errLedgerSlow)
		defer cancel()
		a, err := h(r.WithContext(ctx))
		if err != nil {
			a = p.refuse(r, a.lang, err)
		}
		p.write(w, r, a)
	})
}

// refuse makes the page for an error, and logs it if somebody on our side has to know.
func (p *pages) refuse(r *http.Request, lang vocab.Language, err error) answer {
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		level := slog.LevelError
		if status == http.StatusServiceUnavailable {
			level = slog.LevelWarn
		}
		p.Log.LogAttrs(r.Context(), level, "contact page not served", slog.String("method", r.Method), slog.String("route", r.Pattern),
			slog.Int("status", status), slog.String("error", err.Error()))
	}
	if lang == "" {
		lang = language(r, "")
	}
	return problem(lang, status)
}

func statusOf(err error) int {
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	if errors.Is(err, errLedgerSlow) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problem is the page for a status that is no success.
func problem(lang vocab.Language, status int) answer {
	title, detail := "e500_title", "e503_text"
	switch status {
	case http.StatusBadRequest:
		title, detail = "e400_title", "e400_text"
	case http.StatusNotFound:
		title, detail = "e404_title", "e404_text"
	case http.StatusForbidden:
		title, detail = "e403_title", "e403_text"
	case http.StatusMethodNotAllowed, http.StatusConflict:
		title, detail = "e405_title", "e405_text"
	case http.StatusServiceUnavailable:
		title, detail = "e503_title", "e503_text"
	}
	a := answer{view: "problem", lang: lang, title: say(lang, title), status: status, data: say(lang, detail)}
	a.plain = a.title + ". " + say(lang, detail) + "\n"
	if status == http.StatusServiceUnavailable {
		a.header = map[string]string{"Retry-After": retryAfter}
	}
	return a
}

func (p *pages) nothingHere(*http.Request) (answer, error) {
	return answer{}, fault.Missing("page_not_found", "there is no such page")
}

// write renders the whole answer before its first byte: a page that cannot be made is a 500, never half a page with status 200.
func (p *pages) write(w http.ResponseWriter, r *http.Request, a answer) {
	var content []byte
	contentType := "text/html; charset=utf-8"
	switch {
	case a.file != nil:
		contentType, content = a.file.contentType, a.file.content
	case a.plain != "" && !takesHTML(r):
		contentType, content = "text/plain; charset=utf-8", []byte(a.plain)
	default:
		var page bytes.Buffer
		if err := p.render(&page, a); err != nil {
			p.Log.LogAttrs(r.Context(), slog.LevelError, "contact page not rendered", slog.String("route", r.Pattern), slog.String("error", err.Error()))
			http.Error(w, say(a.lang, "e500_title"), http.StatusInternalServerError)
			return
		}
		content = page.Bytes()
		w.Header().Set("Content-Language", string(a.lang))
	}
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	// The caller has gone; there is nobody to tell.
	_, _ = w.Write(content)
}

// takesHTML says whether the caller is a browser: mail providers' servers ask for nothing, or for anything.
func takesHTML(r *http.Request) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html")
}
