package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/orleu/elshi/vocab"
)

type requestIDKey struct{}

// requestID returns the id of the request that a context belongs to.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// traceID is what of a caller's own X-Request-Id is taken over: a UUID, which cannot be somebody's number or address.
var traceID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Where the log finds who asked: a key, or a member.
const (
	keyIDName    = "api_key_id"
	memberIDName = "member_id"
)

// observe names each request and logs it once: by its route, for a path or a query may hold personal data.
func (a *API) observe(c *gin.Context) {
	started := a.now()
	id := c.GetHeader("X-Request-Id")
	if !traceID.MatchString(id) {
		id = vocab.NewID("req")
	}
	c.Header("X-Request-Id", id)
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "no-store")
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), requestIDKey{}, id))
	c.Next()

	route := c.FullPath()
	if route == "" {
		route = "none"
	}
	level := slog.LevelInfo
	switch route {
	case "/healthz", "/readyz", "/metrics": // asked every few seconds
		level = slog.LevelDebug
	}
	a.log.LogAttrs(c.Request.Context(), level, "request",
		slog.String("method", methodName(c.Request.Method)), slog.String("route", route), slog.Int("status", c.Writer.Status()),
		slog.Duration("duration", a.now().Sub(started).Round(time.Microsecond)), slog.String("request_id", id),
		slog.String(keyIDName, c.GetString(keyIDName)), slog.String(memberIDName, c.GetString(memberIDName)))
}

// methodName keeps out of the log what a stranger calls a method.
func methodName(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// recover answers a panic. Its value may hold anything, so only its type is logged, with the stack.
func (a *API) recover(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(http.ErrAbortHandler) // the connection must break: what was sent of the answer looks whole, and is not
		}
		kind := fmt.Sprintf("%T", v)
		if err, ok := v.(interface{ RuntimeError() }); ok {
			kind = fmt.Sprint(err) // index out of range and the like: no data of anybody
		}
		a.log.LogAttrs(c.Request.Context(), slog.LevelError, "panic", slog.String("route", c.FullPath()),
			slog.String("request_id", requestID(c.Request.Context())), slog.String("panic", kind), slog.String("stack", string(debug.Stack())))
		if !c.Writer.Written() {
			a.write(c, newProblem(http.StatusInternalServerError, "internal", "something went wrong on our side; the operator's log has the request id"))
		}
		c.Abort()
	}()
	c.Next()
}

// write answers with a problem outside of huma.
func (a *API) write(c *gin.Context, p *problem) {
	p.RequestID = requestID(c.Request.Context())
	for name, values := range p.GetHeaders() {
		c.Header(name, values[0])
	}
	c.Header("Content-Type", p.ContentType(""))
	c.Status(p.Status)
	if c.Request.Method != http.MethodHead {
		_ = jsonFormat.Marshal(c.Writer, p) // a caller that has gone reads nothing
	}
	c.Abort()
}
