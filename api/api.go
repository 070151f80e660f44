package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/templates"
)

// Options are what the API needs and how it behaves. Whatever has no default is required.
type Options struct {
	Version   string // of the program, shown in the API's description. If empty, dev
	PublicURL string // where callers reach this server, shown in the API's description. If empty, none is shown

	MaxBody       int64         // bytes of one request body. If zero, 5 MiB
	BodyTimeout   time.Duration // how long a body may take to arrive. If zero, 30 s
	RatePerSecond float64       // requests of one API key. If zero, 50
	RateBurst     int           // requests of one API key at once. If zero, 200
	WithdrawWait  time.Duration // the longest ?wait= of a withdrawal. If zero, 5 s
	Region        string        // of phone numbers without a country code (ISO 3166-1). If empty, KZ

	Purposes  *consent.Registry
	Providers []Provider
	Senders   []dispatcher.Sender
	Dates     templates.Options // how template previews show dates
	Now       func() time.Time
	Log       *slog.Logger

	Submitter    submitter
	Messages     messageBook
	Orders       messageOrders
	Payloads     payloadSource
	Renderer     contentRenderer
	Contacts     contactBook
	Addresses    addressBook
	Consents     consentBook
	Texts        textBook
	Receipts     receiptBook
	Notary       ledgerNotary
	Withdrawer   withdrawer
	OptIns       optInDesk
	Forms        formBook
	Suppressions suppressionBook
	Claims       claimBook
	ClaimDesk    claimDesk
	Merger       contactMerger
	Templates    templateBook
	Pauses       pauseBook
	Keys         keyBook
	Exporter     contactExporter
	Retention    retentionBook
	Certificates Certificates
	Events       eventFeed
	Webhooks     webhookBook
	WebhookGuard events.Guard // where webhooks may go
	Inbox        inboxBook    // nil: there is no catcher, and no route to one
	Members      memberBook
	Tokens       tokenBook
	Audit        auditBook
	Disclosures  disclosureBook
	Evidence     evidenceDesk

	Ready     func(ctx context.Context) []Check // what /readyz reports; it answers within a second or two
	Metrics   http.Handler                      // serves /metrics; nil: there is no such route
	Callbacks http.Handler                      // serves /callbacks/{provider}/{token}; nil: there is no such route
}

// API is the HTTP API: an http.Handler for every path of the program's door, from /v1 to /openapi.json.
type API struct {
	Options

	log    *slog.Logger
	now    func() time.Time
	engine *gin.Engine
	huma   huma.API
	limits *limits

	ownerless []string // operations that the table of rights does not know
}

// New returns the API over what it is given. It starts nothing.
func New(o Options) (*API, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	if err := engine.SetTrustedProxies(nil); err != nil {
		return nil, err
	}
	book := ownMessages{o.Messages}
	o.Messages, o.Orders = book, ownOrders{o.Orders, book}
	o.Contacts = seenContacts{o.Contacts}
	a := &API{Options: o, log: o.Log, now: o.Now, engine: engine, limits: newLimits(o.RatePerSecond, o.RateBurst)}
	engine.Use(a.observe, a.recover)
	engine.NoRoute(func(c *gin.Context) {
		a.write(c, newProblem(http.StatusNotFound, "route_not_found", "there is nothing at this path; GET /openapi.json describes what there is"))
	})
	engine.NoMethod(func(c *gin.Context) {
		a.write(c, newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "this path does not take this method"))
	})
	a.huma = humagin.New(engine, a.description())
	a.huma.UseMiddleware(a.authorize, a.wantJSON)

	a.registerMessages()
	a.registerMessageReads()
	a.registerEvidence()
	a.registerContacts()
	a.registerAddresses()
	a.registerErasure()
	a.registerExport()
	a.registerTimeline()
	a.registerConsents()
	a.registerPreferences()
	a.registerConsentTexts()
	a.registerReceipts()
	a.registerWithdrawals()
	a.registerOptIns()
	a.registerForms()
	a.registerLedger()
	a.registerPurposes()
	a.registerSuppressions()
	a.registerClaims()
	a.registerMerge()
	a.registerTemplates()
	a.registerProviders()
	a.registerKeys()
	a.registerRetention()
	a.registerEvents()
	a.registerWebhooks()
	a.registerMembers()
	a.registerMemberTokens()
	a.registerAuditEvents()
	a.registerDisclosures()
	if o.Inbox != nil {
		a.registerInbox()
	}
	a.registerMachine()
	a.registerReference()
	a.finishDescription()
	if len(a.ownerless) > 0 {
		return nil, fmt.Errorf("api: nobody may ask for %s: give each a row in rights (roles.go)", strings.Join(a.ownerless, ", "))
	}
	return a, nil
}

// complete fills in defaults and refuses what cannot work.
func (o *Options) complete() error {
	for _, missing := range []bool{
		o.Purposes == nil, o.Now == nil, o.Log == nil, o.Submitter == nil, o.Messages == nil, o.Orders == nil, o.Payloads == nil,
		o.Renderer == nil, o.Contacts == nil, o.Addresses == nil, o.Consents == nil, o.Notary == nil, o.Withdrawer == nil,
		o.Claims == nil, o.ClaimDesk == nil, o.Merger == nil,
		o.Suppressions == nil, o.Templates == nil, o.Pauses == nil, o.Keys == nil, o.Ready == nil,
		o.Texts == nil, o.Receipts == nil,
		o.OptIns == nil, o.Forms == nil,
		o.Exporter == nil, o.Retention == nil, o.Certificates.Certify == nil,
		o.Events == nil, o.Webhooks == nil,
		o.Evidence == nil,
		o.Members == nil, o.Tokens == nil, o.Audit == nil, o.Disclosures == nil,
	} {
		if missing {
			return errors.New("api: an option that has no default is not set")
		}
	}
	if o.MaxBody < 0 || o.RatePerSecond < 0 || o.RateBurst < 0 || o.WithdrawWait < 0 || o.BodyTimeout < 0 {
		return errors.New("api: sizes, rates and waits must not be negative")
	}
	orElse(&o.Version, "dev")
	orElse(&o.MaxBody, 5<<20)
	orElse(&o.BodyTimeout, 30*time.Second)
	orElse(&o.RatePerSecond, 50)
	orElse(&o.RateBurst, 200)
	orElse(&o.WithdrawWait, 5*time.Second)
	orElse(&o.Region, "KZ")
	return nil
}

func orElse[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.engine.ServeHTTP(w, r) }

// OpenAPI returns the description of the API (OpenAPI 3.1) as YAML.
func (a *API) OpenAPI() ([]byte, error) { return a.huma.OpenAPI().YAML() }

// register adds an operation to the router and to the description. Every one below /v1 needs a key or a token that may by the table of rights,
// and is traced as that table says. also names the refusals that it knows besides those that every operation knows.
func register[I, O any](a *API, op huma.Operation, handle func(context.Context, *I) (*O, error), also ...int) {
	op.Security = []map[string][]string{{bearer: {}}}
	op.MaxBodyBytes = a.MaxBody + 1 // huma refuses a body that reaches the limit
	op.BodyReadTimeout = a.BodyTimeout
	r, known := rights[op.OperationID]
	if !known {
		a.ownerless = append(a.ownerless, op.OperationID)
	}
	op.Description += " " + r.who()
	if r.trace == changes || r.trace == looks {
		op.Parameters = append(op.Parameters, reasonParameter)
	}
	also = append(also, http.StatusForbidden)
	describeRefusals(&op, append(also, http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable))
	handle = traced(a, op, handle)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.refuse(ctx, err)
		}
		return out, nil
	})
}

// reply is an answer that is a body alone.
type reply[T any] struct{ Body T }

func answer[T any](body T) *reply[T] { return &reply[T]{body} }

// page is one page of a list.
type page[T any] struct {
	Data       []T    `json:"data" nullable:"false" doc:"The entries of this page."`
	NextCursor string `json:"next_cursor,omitempty" doc:"Give it as cursor to read on; absent on the last page."`
}

// pageOf makes a page of at most limit entries from a list that was asked for one more.
func pageOf[T, V any](list []T, limit int, cursor func(T) string, view func(T) V) *reply[page[V]] {
	p := page[V]{Data: []V{}}
	if len(list) > limit {
		list = list[:limit]
		p.NextCursor = cursor(list[limit-1])
	}
	for _, x := range list {
		p.Data = append(p.Data, view(x))
	}
	return answer(p)
}
