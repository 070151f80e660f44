package evidence

import (
	"fmt"
	"strings"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// consent is the grant with the entries that led to it.
func (w writer) consent() section {
	s := section{Title: w.t("grant")}
	g := w.Grant
	if g == nil {
		s.Parts = []part{{Text: w.t("no_grant")}}
		return s
	}
	key := string(g.Purpose) + " · " + wordFor(w.Language, g.Channel)
	if g.Topic != "" {
		key += " · " + string(g.Topic)
	}
	list := []fact{{w.t("purpose"), key, false}, {w.t("then"), wordFor(w.Language, g.StateThen), false}}
	if !g.AgreedAt.IsZero() {
		list = append(list, fact{w.t("agreed"), w.when(g.AgreedAt), false})
	}
	if !g.ValidUntilThen.IsZero() {
		list = append(list, fact{w.t("until"), w.when(g.ValidUntilThen), false})
	}
	now := wordFor(w.Language, g.StateNow)
	if !g.SinceNow.IsZero() {
		now += ", " + w.t("since") + " " + w.when(g.SinceNow)
	}
	s.Parts = []part{{Facts: append(list, fact{w.t("now"), now, false})}}
	if len(w.Entries) == 0 {
		s.Parts = append(s.Parts, part{Text: w.t("no_entries")})
	}
	for _, e := range w.Entries {
		s.Parts = append(s.Parts, part{Head: fmt.Sprintf("%s %d — %s", w.t("entry"), e.Entry.Seq, wordFor(w.Language, e.Role))}, part{Facts: w.entry(e)})
	}
	return s
}

func (w writer) entry(x Entry) []fact {
	e, lang := x.Entry, w.Language
	when := w.when(e.At)
	if !e.RecordedAt.IsZero() && !e.RecordedAt.Equal(e.At) {
		when += "; " + w.t("recorded") + " " + w.when(e.RecordedAt)
	}
	list := []fact{
		{w.t("what"), wordFor(lang, e.Kind), false},
		{w.t("when"), when, false},
		{w.t("how"), wordFor(lang, e.Source), false},
		{w.t("who"), strings.TrimSuffix(wordFor(lang, e.ActorKind)+", "+e.ActorID, ", "), false},
	}
	proof := wordFor(lang, e.Proof)
	if e.ProofRef != "" {
		proof += ": " + e.ProofRef
	}
	if proof != "" {
		list = append(list, fact{w.t("proof"), proof, false})
	}
	if e.PolicyVersion != "" {
		list = append(list, fact{w.t("policy"), e.PolicyVersion, false})
	}
	list = append(list, fact{w.t("after"), wordFor(lang, x.StateAfter), false})
	if x.Beside != nil {
		list = append(list, fact{w.t("beside"), x.Beside.Value, false})
	}
	return append(list, fact{"id", string(e.ID), true}, fact{"hash", e.Hash, true})
}

// shown is the text that the contact read.
func (w writer) shown() section {
	s := section{Title: w.t("words")}
	x := w.Words
	if x == nil {
		return section{}
	}
	switch x.State {
	case WordsUnknown:
		s.Parts = []part{{Text: w.t("words_unknown")}}
		return s
	case WordsElsewhere:
		s.Parts = []part{{Text: w.t("words_elsewhere")}, {Facts: []fact{{w.t("words_hash"), or(x.Hash, "—"), true}}}}
		return s
	case WordsKept:
	}
	text := consent.Text{Purpose: x.Purpose, Channel: x.Channel, BIN: x.BIN, Variants: map[vocab.Language]consent.TextVariant{x.Language: *x.Text}}
	title, rest, _ := strings.Cut(text.Full(x.Language), "\n")
	s.Parts = []part{
		{Quote: append([]string{title, x.Text.Statement}, strings.Split(rest, "\n")...)},
		{Facts: []fact{
			{w.t("version"), fmt.Sprintf("%d (%s), %s %s", x.Version, x.Language, w.t("published"), w.when(x.PublishedAt)), false},
			{w.t("policy"), or(x.PolicyVersion, "—"), false},
			{w.t("words_hash"), x.Hash, true},
		}},
		{Text: w.t("words_fit")},
	}
	return s
}

// check says how somebody outside finds out that nothing of this was changed, and has what they need beside the JSON.
func (w writer) check() section {
	s := section{Title: w.t("check"), Parts: []part{
		{Text: "1. " + w.t("check_file")},
		{Text: "2. " + w.t("check_key")},
		{Text: "3. " + w.t("check_run")},
		{Code: []string{"elshi-proof --public-key KEY evidence-" + string(w.Message.ID) + ".json"}},
		{Text: w.t("check_shows")},
	}}
	proofs, head := []part{}, ""
	for _, e := range w.Entries {
		title := part{Head: fmt.Sprintf("%s %d", w.t("entry"), e.Entry.Seq)}
		switch {
		case e.Proof != nil:
			hashes := make([]string, len(e.Proof.Hashes))
			for i, h := range e.Proof.Hashes {
				hashes[i] = h.String()
			}
			list := []fact{
				{w.t("leaf"), fmt.Sprint(e.Proof.LeafIndex), false},
				{w.t("tree"), fmt.Sprint(e.Proof.TreeSize), false},
				{w.t("way"), or(strings.Join(hashes, "\n"), "—"), true},
			}
			if e.Proof.Checkpoint != head { // most often both entries are proved by one
				head = e.Proof.Checkpoint
				list = append(list, fact{w.t("head"), strings.TrimSpace(head), true})
			}
			proofs = append(proofs, title, part{Facts: list})
		case e.Unproved != "":
			proofs = append(proofs, title, part{Text: w.t("unproved") + ": " + e.Unproved})
		}
	}
	if len(proofs) == 0 {
		s.Parts = append(s.Parts, part{Text: w.t("check_none")})
	}
	s.Parts = append(s.Parts, part{Facts: []fact{{w.t("key"), w.PublicKey, true}, {w.t("seal"), strings.TrimSpace(w.seal), true}}})
	s.Parts = append(s.Parts, proofs...)
	return s
}
