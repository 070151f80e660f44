package consent

import (
	"regexp"
	"slices"
	"strings"

	"github.com/orleu/elshi/fault"
)

// plainID is what an id looks like; an email address or a phone number with its plus does not.
var plainID = regexp.MustCompile(`^[A-Za-z0-9_.:-]{0,128}$`)

// Check says whether the event may be chained: closed lists keep to their entries, a grant names its purpose, and no field
// can hold a name or an address. Ask it before Chain: an entry cannot be taken back. The error is an Invalid fault that
// names every problem and repeats no value.
func (e Event) Check() error {
	var wrong []fault.Field
	require := func(ok bool, pointer, detail string) {
		if !ok {
			wrong = append(wrong, fault.Field{Pointer: pointer, Code: "invalid", Detail: detail})
		}
	}
	require(e.ID != "", "/id", "want an id")
	// A text that says something else ends what was agreed to on the earlier ones, for everybody at once.
	everybody := e.Kind == KindStale && e.Purpose != "" && (e.Channel != "" || isProcessingUse(e.Purpose)) && e.TextVersion > 0
	require(e.ContactID != "" || everybody, "/contact_id", "want a contact")
	require(!e.At.IsZero(), "/at", "want a time")
	require(slices.Contains(EventKinds(), e.Kind), "/kind", "want a kind of the closed list")
	require(slices.Contains(Scopes(), e.Scope), "/scope", "want a scope of the closed list")
	require(slices.Contains(Sources(), e.Source), "/source", "want a source of the closed list")
	require(slices.Contains(ProofKinds(), e.Proof), "/proof", "want a kind of proof of the closed list")
	require(e.TextVersion >= 0, "/text_version", "want a version from 1, or none")
	require(slices.Contains(actorKinds, e.ActorKind), "/actor_kind", "want contact, member, api_key or system")
	wide := slices.Contains([]EventKind{KindWithdrawn, KindRefused, KindPolicyContinuedUse, KindPaused, KindResumed}, e.Kind)
	require(wide || e.Purpose != "", "/purpose", "a grant is for exactly one purpose")
	for pointer, id := range map[string]string{
		"/id": string(e.ID), "/contact_id": string(e.ContactID), "/address_id": string(e.AddressID),
		"/purpose": string(e.Purpose), "/channel": string(e.Channel), "/topic": string(e.Topic), "/actor_id": e.ActorID,
		"/language": string(e.Language), "/text_hash": e.TextHash, "/policy_version": e.PolicyVersion,
		"/proof_ref": e.ProofRef, "/commitment": e.Commitment,
	} {
		require(plainID.MatchString(id), pointer, "want letters, digits and _ . : - only, at most 128: no name and no address")
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.SortFunc(wrong, func(a, b fault.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	return fault.InvalidFields(wrong...)
}

var actorKinds = []ActorKind{ActorContact, ActorMember, ActorAPIKey, ActorSystem}
