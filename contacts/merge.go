package contacts

import (
	"maps"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Merged is what a merge did. Of a repetition only who, into whom and when.
type Merged struct {
	SurvivorID vocab.ContactID
	MergedID   vocab.ContactID
	At         time.Time
	Events     []vocab.ConsentEventID // what the consent ledger says about it, for the survivor
	Moved      []vocab.MessageID      // wait for the survivor from now on, and are decided again
	Canceled   []vocab.MessageID      // marketing that waited for the merged contact
	InFlight   []vocab.MessageID      // were being handed over at that moment
}

// Together returns the survivor of two contacts: its own fields, those that it lacks from the other, and of each pair of protections the
// stronger one. Marks that the consent ledger makes are not its business.
func Together(survivor, other Contact) Contact {
	x := survivor
	if x.ExternalID == "" {
		x.ExternalID = other.ExternalID
	}
	if x.Name == "" {
		x.Name = other.Name
	}
	if x.Language == "" {
		x.Language = other.Language
	}
	if x.TimeZone == "" {
		x.TimeZone = other.TimeZone
	}
	x.Attributes = map[string]any{}
	maps.Copy(x.Attributes, other.Attributes)
	maps.Copy(x.Attributes, survivor.Attributes)
	if other.DataBlockedAt != nil && (x.DataBlockedAt == nil || other.DataBlockedAt.Before(*x.DataBlockedAt)) {
		x.DataBlockedAt = other.DataBlockedAt
	}
	unguarded := survivor.Minor && !survivor.GuardianConsented || other.Minor && !other.GuardianConsented
	x.Minor = survivor.Minor || other.Minor
	x.GuardianConsented = (survivor.GuardianConsented || other.GuardianConsented) && !unguarded
	return x
}
