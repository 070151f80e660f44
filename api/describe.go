package api

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// bearer is the name of the way to authorize in the description.
const bearer = "api_key"

const introduction = `Elshi sends an organisation's messages by email and SMS, and can prove for each one that it was allowed to.

**Authorization.** Every call below /v1 carries ` + "`Authorization: Bearer elshi_live_…`" + `. Keys of mode ` + "`live`" + ` reach
people, ` + "`guest_list`" + ` keys only the addresses on their list, ` + "`test`" + ` keys nobody: their messages end in the catcher. Keys of
these two modes ask for messages and previews, read and cancel the messages that they asked for themselves (others are 404), and read
templates, purposes and the inbox; anything else is 403 ` + "`key_mode_forbidden`" + `. People act with personal tokens,
` + "`elshi_member_…`" + `, and may what their roles allow; else 403 ` + "`role_needed`" + ` names what is missing.

**Audit.** Whatever is changed, and every look at a contact's data, is written to the audit log before it happens or is shown; when the log
cannot be written the call is 503. ` + "`X-Reason`" + ` says why, for the log.

**Refusals** are problem+json (RFC 9457) with a stable ` + "`code`" + ` and, for a body that is not valid, every mistake at once with a
JSON pointer to it. They never repeat personal data.

**A message that may not be sent is not an error.** It is answered 202 with status ` + "`suppressed`" + ` and the decision with its
reasons, and kept as evidence. 4xx means that no message was made.

**Repeating a call.** Give ` + "`POST /v1/messages`" + ` and ` + "`/v1/messages/batch`" + ` an ` + "`Idempotency-Key`" + `: the same key and
body get the first answer again for 7 days with ` + "`Idempotency-Replayed: true`" + `.

**Rates.** Every answer to a key carries ` + "`RateLimit`" + ` and ` + "`RateLimit-Policy`" + `; 429 and 503 carry ` + "`Retry-After`" + `.

Times are RFC 3339 in UTC. Lists are ` + "`{data, next_cursor}`" + `, the newest first. Ids are prefixed and sort by time.`

// description is what the API says of itself. Docs and schemas are served from here, not by huma, which would send readers to a CDN.
func (a *API) description() huma.Config {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Elshi", Version: a.Version, Description: introduction,
				License: &huma.License{Name: "Apache 2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas:   huma.NewMapRegistry("#/components/schemas/", schemaName),
				Responses: refusalResponses(),
				SecuritySchemes: map[string]*huma.SecurityScheme{bearer: {
					Type: "http", Scheme: "bearer", Description: "An API key (elshi_live_…, elshi_guest_list_… or elshi_test_…), or a member's personal token (elshi_member_…).",
				}},
			},
			Tags: []*huma.Tag{
				{Name: "messages", Description: "One recipient, one channel, one content."},
				{Name: "contacts", Description: "The people we may write to, and their addresses."},
				{Name: "consents", Description: "What contacts granted, refused and took back, and the proof of it."},
				{Name: "claims", Description: "Objections and what else contacts ask for by right, with a number and a due date."},
				{Name: "suppressions", Description: "Addresses that nothing is sent to."},
				{Name: "templates", Description: "Texts, in immutable versions with a variant per language and channel."},
				{Name: "events", Description: "What happens, as a feed to read and as webhooks; see the operator's docs/webhooks.md."},
				{Name: "operation", Description: "Providers, senders, purposes, keys and the catcher."},
				{Name: "members", Description: "Who works here, what they may, and what everybody did."},
				{Name: "disclosures", Description: "What was given to authorities, on what ground."},
				{Name: "machine", Description: "For load balancers and monitoring."},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{translate},
	}
	if a.PublicURL != "" {
		config.Servers = []*huma.Server{{URL: strings.TrimSuffix(a.PublicURL, "/")}}
	}
	return config
}

const problemRef = "#/components/schemas/Problem"

// describeRefusals says which problems an operation knows.
func describeRefusals(op *huma.Operation, statuses []int) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	if op.Method != http.MethodGet && op.Method != http.MethodDelete {
		statuses = append(statuses, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if op.Method != http.MethodGet || strings.Contains(op.Path, "{") {
		statuses = append(statuses, http.StatusUnprocessableEntity)
	}
	if strings.Contains(op.Path, "{") {
		statuses = append(statuses, http.StatusNotFound)
	}
	for _, status := range statuses {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + refusalName(status)}
	}
}

// refusalName is the name of a refusal in the description, for example TooManyRequests.
func refusalName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

// refusalResponses describes every refusal once.
func refusalResponses() map[string]*huma.Response {
	responses := map[string]*huma.Response{}
	for status, description := range refusals {
		r := problemResponse(description)
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			r.Headers["Retry-After"] = &huma.Param{Description: "Seconds to wait.", Schema: &huma.Schema{Type: huma.TypeInteger}}
		}
		responses[refusalName(status)] = r
	}
	return responses
}

func problemResponse(description string) *huma.Response {
	return &huma.Response{
		Description: description,
		Headers:     map[string]*huma.Param{"X-Request-Id": requestIDHeader},
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: problemRef}}},
	}
}

var requestIDHeader = &huma.Param{Description: "Names this request in the operator's log.", Schema: &huma.Schema{Type: huma.TypeString}}

// reasonParameter is where a caller says why, for the audit log.
var reasonParameter = &huma.Param{
	Name: reasonHeader, In: "header", Description: "Why, for the audit log: at most 300 characters, percent-encoded unless ASCII, without addresses and numbers of people.",
	Schema: &huma.Schema{Type: huma.TypeString},
}

var refusals = map[int]string{
	http.StatusBadRequest:            "The body is missing or not JSON (`body_required`, `invalid_json`).",
	http.StatusUnauthorized:          "No API key or token, or one that is unknown, expired or revoked (`unauthorized`).",
	http.StatusForbidden:             "The caller is known and may not (`key_mode_forbidden`, `member_needed`, `role_needed`, `key_needed`); the detail says who may.",
	http.StatusNotFound:              "There is no such thing, and the ledger was there to say so.",
	http.StatusConflict:              "The state of the thing does not allow this.",
	http.StatusGone:                  "Events behind the cursor are no longer kept (`cursor_expired`).",
	http.StatusRequestEntityTooLarge: "The body is larger than this server takes (`body_too_large`).",
	http.StatusUnsupportedMediaType:  "The body is not declared as JSON (`unsupported_media_type`).",
	http.StatusUnprocessableEntity:   "Something in the request is not valid; `errors` says what and where.",
	http.StatusTooManyRequests:       "Too many requests with this key (`rate_limited`).",
	http.StatusInternalServerError:   "Our own mistake (`internal`); the operator finds it by the request id.",
	http.StatusServiceUnavailable:    "Something we need is away (`ledger_unavailable`); the same request may work later.",
}

// finishDescription puts in what holds for all operations and takes out what huma adds of its own.
func (a *API) finishDescription() {
	description := a.huma.OpenAPI()
	schemas := description.Components.Schemas
	schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
	for _, item := range description.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for _, response := range op.Responses {
				if response.Ref != "" {
					continue
				}
				if response.Headers == nil {
					response.Headers = map[string]*huma.Param{}
				}
				response.Headers["X-Request-Id"] = requestIDHeader
			}
		}
	}
}
