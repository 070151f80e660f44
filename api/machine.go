package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
)

// Check is one thing that this process needs.
type Check struct {
	Name      string `json:"name" example:"queue" doc:"What was looked at."`
	OK        bool   `json:"ok" doc:"It is as it should be."`
	Detail    string `json:"detail,omitempty" doc:"What is the matter, and what works all the same."`
	Affects   string `json:"affects,omitempty" example:"messages start up to a second later" doc:"What does not work, or works worse, while it is not."`
	Essential bool   `json:"essential" doc:"Without it no request can be served."`
}

// The answers of /readyz.
const (
	stateReady    = "ready"
	stateDegraded = "degraded"
	stateNotReady = "not_ready"
)

// readyView says whether requests should come here.
type readyView struct {
	Status string  `json:"status" enum:"ready,degraded,not_ready" doc:"degraded: requests are served, and a check says what is slower or missing."`
	Checks []Check `json:"checks" nullable:"false" doc:"What was looked at."`
}

type readyOutput struct {
	Status int
	Body   readyView
}

// aliveView says that the process runs.
type aliveView struct {
	Status string `json:"status" example:"ok" doc:"ok."`
}

func (a *API) registerMachine() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-health", Method: http.MethodGet, Path: "/healthz", Tags: []string{"machine"},
		Summary: "Is the process alive", Description: "Asks nothing of anything else: a restart would not help what is away.",
		Responses: map[string]*huma.Response{"4XX": problemResponse("None is expected.")},
	}, func(context.Context, *struct{}) (*reply[aliveView], error) { return answer(aliveView{"ok"}), nil })
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-readiness", Method: http.MethodGet, Path: "/readyz", Tags: []string{"machine"},
		Summary:     "Should requests come here",
		Description: "200 when ready or degraded (the queue is away: messages are taken in and start later), 503 when not ready (the ledger is away).",
		Responses: map[string]*huma.Response{
			"4XX": problemResponse("None is expected."),
			"503": {Description: "Not ready; the checks say what is missing.", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/ReadyView"}}}},
		},
	}, a.ready)
	if a.Metrics != nil {
		a.engine.GET("/metrics", gin.WrapH(a.Metrics))
	}
	if a.Callbacks != nil {
		a.engine.POST("/callbacks/:provider/:token", a.callback)
		a.engine.GET("/callbacks/:provider/:token", a.callback) // some gateways report by GET
	}
	a.engine.GET("/openapi.json", a.describeAs("application/openapi+json", sync.OnceValues(func() ([]byte, error) { return json.Marshal(a.huma.OpenAPI()) })))
	a.engine.GET("/openapi.yaml", a.describeAs("application/openapi+yaml", sync.OnceValues(a.OpenAPI)))
}

func (a *API) ready(ctx context.Context, _ *struct{}) (*readyOutput, error) {
	checks := a.Ready(ctx)
	out := &readyOutput{Status: http.StatusOK, Body: readyView{Status: stateReady, Checks: orEmpty(checks)}}
	if slices.ContainsFunc(checks, func(c Check) bool { return !c.OK }) {
		out.Body.Status = stateDegraded
	}
	if slices.ContainsFunc(checks, func(c Check) bool { return !c.OK && c.Essential }) {
		out.Body.Status, out.Status = stateNotReady, http.StatusServiceUnavailable
	}
	return out, nil
}

// callback hands a provider's report on; who may report is decided there, by the token.
func (a *API) callback(c *gin.Context) {
	c.Request.SetPathValue("provider", c.Param("provider"))
	c.Request.SetPathValue("token", c.Param("token"))
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, a.MaxBody)
	a.Callbacks.ServeHTTP(c.Writer, c.Request)
}

// describeAs serves the description in one form, which is made when it is first asked for.
func (a *API) describeAs(media string, made func() ([]byte, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		description, err := made()
		if err != nil {
			a.write(c, a.refuse(c.Request.Context(), err))
			return
		}
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, media, description)
	}
}
