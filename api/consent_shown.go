package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
)

// givenEarlier fills in what shows a consent and when it was given. What is given on a screen is told when it happens; a paper form or
// another system may be told later.
func givenEarlier(b consentBody, now time.Time, e *consent.Event) error {
	var wrong []fault.Field
	refuse := func(bad bool, pointer, code, detail string) {
		if bad {
			wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail})
		}
	}
	e.Proof, e.ProofRef = consent.ProofKind(b.Proof), strings.ToLower(b.ProofRef)
	sum, err := hex.DecodeString(e.ProofRef)
	signed := e.Proof == consent.ProofSignedForm
	refuse(signed && (err != nil || len(sum) != 32), "/proof_ref", "format", "want the SHA-256 of the form: 64 hexadecimal digits")
	refuse(!signed && b.ProofRef != "", "/proof_ref", "not_here", "only a signed form has one")
	refuse(e.Proof == consent.ProofOperatorNote && strings.TrimSpace(b.Evidence) == "", "/evidence", "required",
		"write down what the operator noted: who said what, when and how")
	if !b.GivenAt.IsZero() {
		refuse(b.GivenAt.After(now), "/given_at", "future", "want a time that has passed")
		refuse(b.Kind != "import" && e.Proof == consent.ProofNone, "/given_at", "not_here", "only an import, a signed form or an operator's note was given at another time")
		e.At, e.RecordedAt = b.GivenAt.Time, now
	}
	if len(wrong) > 0 {
		return fault.InvalidFields(wrong...)
	}
	return nil
}

// shown fills in which words a contact agreed to, and says whether they cover a transfer abroad.
func (a *API) shown(ctx context.Context, b consentBody, e consent.Event) (consent.Event, bool, error) {
	if e.Kind == consent.KindRefused && b.TextVersion == 0 {
		return e, b.CrossBorder, nil
	}
	versions, err := a.Texts.Versions(ctx, b.Purpose, b.Channel)
	if err != nil {
		return e, false, err
	}
	said := consent.Shown{Version: b.TextVersion, Hash: b.TextHash, Language: b.Language}
	onScreen := e.Kind != consent.KindImported && e.Proof == consent.ProofNone
	switch {
	case said.Version == 0 && len(versions) == 0: // the caller's own text, or none
		return e, b.CrossBorder, nil
	case said.Version == 0 && said.Hash == "" && onScreen:
		return e, false, fault.InvalidField("/text_version", "required", fmt.Sprintf(
			"a consent text is published for this purpose and channel, version %d now: say which was shown by text_version and language, or by text_hash; "+
				"for a paper form or a note say so in proof", versions[0].Version))
	case said.Version == 0 && (said.Hash == "" || !onScreen && !anyHas(versions, said.Hash)):
		return e, b.CrossBorder, nil // what was shown elsewhere is not ours to know
	}
	text, said, err := said.Find(versions)
	if err != nil {
		return e, false, err
	}
	switch {
	case onScreen && text.Outdated(versions):
		return e, false, fault.InvalidField("/text_version", "text_outdated", fmt.Sprintf(
			"version %d was changed materially since; version %d is to be shown now", text.Version, versions[0].Version))
	case b.CrossBorder && !text.Covers():
		return e, false, fault.InvalidField("/cross_border", "contradiction", "this version of the text does not cover a transfer abroad")
	case text.PolicyVersion != "" && e.PolicyVersion == "":
		e.PolicyVersion = text.PolicyVersion
	}
	e.TextVersion, e.TextHash, e.Language = said.Version, said.Hash, said.Language
	return e, text.Covers(), nil
}

func anyHas(versions []consent.Text, hash string) bool {
	for _, t := range versions {
		if _, has := t.LanguageOf(hash); has {
			return true
		}
	}
	return false
}
