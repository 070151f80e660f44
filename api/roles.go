package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/members"
)

// right says who may ask for an operation, and what the audit log keeps of it. The zero right is nobody's.
type right struct {
	roles []members.Role // a member needs one of them; none: no member may
	keys  keyAccess
	trace trace
	on    string // the kind of what it is about, for the audit log
}

// keyAccess is which API keys may.
type keyAccess int

const (
	noKeys   keyAccess = iota
	liveKeys           // a live key alone: test and guest_list keys are handed out freely and must not change or read what is live
	anyKeys
)

// trace is what the audit log keeps of an operation.
type trace int

const (
	untraced    trace = iota // nobody's data are shown and nothing is changed
	namesItself              // intake: the row that is made names the key that asked
	looks                    // somebody's data are shown
	memberLooks              // likewise, but systems ask all day how far their own messages are, and see no address and no text
	changes                  // something is changed
)

// Who there is.
var (
	everybody   = members.Roles()
	viewers     = []members.Role{members.Viewer, members.Author, members.Approver, members.Legal, members.Operator}
	writers     = []members.Role{members.Author}
	lawyers     = []members.Role{members.Legal}
	operators   = []members.Role{members.Operator}
	clerks      = []members.Role{members.Legal, members.Operator}
	approvers   = []members.Role{members.Approver, members.Legal}
	admins      = []members.Role{members.Administrator}
	auditors    = []members.Role{members.Legal, members.Administrator}
	catcherEyes = []members.Role{members.Author, members.Approver, members.Legal, members.Operator}
)

// rights is the one table of who may what. An operation without a row is nobody's, and New refuses to serve it.
var rights = map[string]right{
	"create-message":         {nil, anyKeys, namesItself, "message"},
	"create-messages":        {nil, anyKeys, namesItself, "message"},
	"preview-message":        {lawyers, anyKeys, looks, "message"},
	"list-messages":          {viewers, anyKeys, looks, "message"},
	"get-message":            {viewers, anyKeys, memberLooks, "message"},
	"list-message-events":    {viewers, anyKeys, memberLooks, "message"},
	"get-message-decision":   {viewers, anyKeys, memberLooks, "message"},
	"list-message-attempts":  {clerks, anyKeys, looks, "message"},
	"get-message-content":    {lawyers, anyKeys, looks, "message"},
	"get-message-evidence":   {clerks, liveKeys, looks, "message"},
	"cancel-message":         {clerks, anyKeys, changes, "message"},
	"resend-message":         {operators, liveKeys, changes, "message"},
	"create-contact":         {clerks, liveKeys, changes, "contact"},
	"list-contacts":          {lawyers, liveKeys, looks, "contact"},
	"get-contact":            {lawyers, liveKeys, looks, "contact"},
	"update-contact":         {lawyers, liveKeys, changes, "contact"},
	"erase-contact":          {lawyers, liveKeys, changes, "contact"},
	"get-contact-timeline":   {lawyers, liveKeys, looks, "contact"},
	"add-contact-address":    {lawyers, liveKeys, changes, "contact"},
	"remove-contact-address": {lawyers, liveKeys, changes, "contact"},
	"verify-contact-address": {lawyers, liveKeys, changes, "contact"},
	"record-consent":         {clerks, liveKeys, changes, "consent"},
	"withdraw-consent":       {clerks, liveKeys, changes, "consent"},
	"list-contact-consents":  {lawyers, liveKeys, looks, "contact"},
	"get-preferences":        {lawyers, liveKeys, looks, "contact"},
	"verify-consent-ledger":  {everybody, liveKeys, untraced, ""},
	"create-suppression":     {clerks, liveKeys, changes, "suppression"},
	"list-suppressions":      {clerks, liveKeys, looks, "suppression"},
	"get-suppression":        {clerks, liveKeys, looks, "suppression"},
	"lift-suppression":       {clerks, liveKeys, changes, "suppression"},

	"get-erasure-certificate":         {lawyers, liveKeys, looks, "contact"},
	"export-contact":                  {lawyers, liveKeys, looks, "contact"},
	"merge-contact":                   {lawyers, liveKeys, changes, "contact"},
	"lift-suppression-for":            {clerks, liveKeys, changes, "suppression"},
	"create-opt-in":                   {clerks, liveKeys, changes, "consent"},
	"create-form":                     {operators, liveKeys, changes, "form"},
	"update-form":                     {operators, liveKeys, changes, "form"},
	"delete-form":                     {operators, liveKeys, changes, "form"},
	"list-forms":                      {everybody, liveKeys, untraced, ""},
	"get-form":                        {everybody, liveKeys, untraced, ""},
	"get-form-embed":                  {everybody, liveKeys, untraced, ""},
	"list-retention-runs":             {auditors, liveKeys, untraced, ""},
	"create-consent-text":             {lawyers, liveKeys, changes, "consent_text"},
	"list-consent-texts":              {everybody, liveKeys, untraced, ""},
	"get-current-consent-text":        {everybody, liveKeys, untraced, ""},
	"get-consent-text":                {everybody, liveKeys, untraced, ""},
	"update-consent-text":             {lawyers, liveKeys, changes, "consent_text"},
	"delete-consent-text":             {lawyers, liveKeys, changes, "consent_text"},
	"publish-consent-text":            {lawyers, liveKeys, changes, "consent_text"},
	"get-consent-receipt":             {clerks, liveKeys, looks, "consent"},
	"list-consent-ledger-checkpoints": {everybody, liveKeys, untraced, ""},
	"get-consent-ledger-public-key":   {everybody, liveKeys, untraced, ""},
	"prove-consent-ledger-entry":      {clerks, liveKeys, looks, "consent"},
	"create-claim":                    {clerks, liveKeys, changes, "claim"},
	"list-claims":                     {clerks, liveKeys, looks, "claim"},
	"get-claim":                       {clerks, liveKeys, looks, "claim"},
	"answer-claim":                    {lawyers, liveKeys, changes, "claim"},
	"close-claim":                     {lawyers, liveKeys, changes, "claim"},
	"get-claim-evidence":              {lawyers, liveKeys, looks, "claim"},
	"list-events":                     {clerks, liveKeys, memberLooks, "event"},
	"create-webhook":                  {operators, liveKeys, changes, "webhook"},
	"list-webhooks":                   {operators, liveKeys, untraced, ""},
	"get-webhook":                     {operators, liveKeys, untraced, ""},
	"update-webhook":                  {operators, liveKeys, changes, "webhook"},
	"delete-webhook":                  {operators, liveKeys, changes, "webhook"},
	"rotate-webhook":                  {operators, liveKeys, changes, "webhook"},
	"test-webhook":                    {operators, liveKeys, changes, "webhook"},
	"list-webhook-deliveries":         {operators, liveKeys, untraced, ""},
	"redeliver-webhook-event":         {operators, liveKeys, changes, "webhook"},

	"list-purposes":           {everybody, anyKeys, untraced, ""},
	"pause-purpose":           {operators, liveKeys, changes, "purpose"},
	"resume-purpose":          {operators, liveKeys, changes, "purpose"},
	"list-providers":          {everybody, liveKeys, untraced, ""},
	"pause-provider":          {operators, liveKeys, changes, "provider"},
	"resume-provider":         {operators, liveKeys, changes, "provider"},
	"list-senders":            {everybody, liveKeys, untraced, ""},
	"create-template":         {writers, liveKeys, changes, "template"},
	"create-template-version": {writers, liveKeys, changes, "template"},
	"list-templates":          {everybody, anyKeys, untraced, ""},
	"get-template":            {everybody, anyKeys, untraced, ""},
	"get-template-version":    {everybody, anyKeys, untraced, ""},
	"preview-template":        {viewers, liveKeys, untraced, ""},
	"list-inbox":              {catcherEyes, anyKeys, untraced, ""},
	"get-inbox-message":       {catcherEyes, anyKeys, untraced, ""},
	"clear-inbox":             {operators, liveKeys, changes, "inbox"},

	"create-api-key": {admins, liveKeys, changes, "api_key"},
	"list-api-keys":  {admins, liveKeys, untraced, ""},
	"revoke-api-key": {admins, liveKeys, changes, "api_key"},

	"create-member":       {admins, noKeys, changes, "member"},
	"list-members":        {auditors, noKeys, untraced, ""},
	"get-member":          {everybody, noKeys, untraced, ""},
	"update-member":       {admins, noKeys, changes, "member"},
	"deactivate-member":   {admins, noKeys, changes, "member"},
	"reactivate-member":   {admins, noKeys, changes, "member"},
	"create-member-token": {everybody, noKeys, changes, "member"},
	"list-member-tokens":  {everybody, noKeys, untraced, ""},
	"revoke-member-token": {everybody, noKeys, changes, "member"},

	"list-audit-events":   {auditors, noKeys, looks, "audit_log"},
	"export-audit-events": {auditors, noKeys, looks, "audit_log"},

	"create-disclosure":  {lawyers, noKeys, changes, "disclosure"},
	"list-disclosures":   {approvers, noKeys, looks, "disclosure"},
	"get-disclosure":     {approvers, noKeys, looks, "disclosure"},
	"approve-disclosure": {approvers, noKeys, changes, "disclosure"},
	"refuse-disclosure":  {approvers, noKeys, changes, "disclosure"},
	"export-disclosure":  {lawyers, noKeys, changes, "disclosure"},
}

// rightOf returns the row of an operation; nobody's if there is none.
func rightOf(operation string) right { return rights[operation] }

// refuse returns why somebody may not, or nil if they may.
func (r right) refuse(v *visit) *problem {
	if v.isMember() {
		return r.refuseMember(v.member)
	}
	switch r.keys {
	case anyKeys:
		return nil
	case liveKeys:
		if v.key.Mode == dispatcher.Live {
			return nil
		}
		return newProblem(http.StatusForbidden, "key_mode_forbidden",
			"this needs a live key; a test or guest_list key asks for messages, reads and cancels its own, and reads templates, purposes and the inbox")
	case noKeys:
	}
	return newProblem(http.StatusForbidden, "member_needed", "this is for members and not for API keys: use a personal token; it needs the role "+members.Names(r.roles))
}

func (r right) refuseMember(m members.Member) *problem {
	if m.HasAny(r.roles...) {
		return nil
	}
	if len(r.roles) == 0 {
		return newProblem(http.StatusForbidden, "key_needed", "systems ask for this with an API key; no member does")
	}
	has := "none"
	if len(m.Roles) > 0 {
		has = members.Names(m.Roles)
	}
	return newProblem(http.StatusForbidden, "role_needed", "this needs the role "+members.Names(r.roles)+"; yours: "+strings.ReplaceAll(has, " or ", " and "))
}

// who says for people who may, as the description of each operation ends.
func (r right) who() string {
	var may []string
	switch r.keys {
	case noKeys:
	case liveKeys:
		may = append(may, "a live key")
	case anyKeys:
		may = append(may, "any key")
	}
	switch {
	case slices.Equal(r.roles, everybody):
		may = append(may, "any member who has a role")
	case len(r.roles) > 0:
		may = append(may, "members with the role "+members.Names(r.roles))
	}
	return "Who may: " + strings.Join(may, "; ") + "."
}
