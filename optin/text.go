package optin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Words are a consent text in one language.
type Words struct {
	Statement string // one sentence, always visible
	Full      string // everything that the law asks for; empty if nothing is published
}

// Text is what somebody agrees to: the consent text of a purpose on a channel.
type Text struct {
	Version int // 0: none is published, and the purpose's own name stands in for it
	Words   map[vocab.Language]Words
	Hash    map[vocab.Language]string // of the words as they are shown
	Abroad  bool                      // it covers a transfer abroad
}

// texts are the published consent texts. Both methods are called by many requests at once. fault.NotFound: there is none.
type texts interface {
	// Current returns the text that is in force now.
	Current(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel) (Text, error)
	// Numbered returns one version; versions count from 1.
	Numbered(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel, version int) (Text, error)
}

// NoTexts is the consent texts of an organisation that has published none.
type NoTexts struct{}

// Current returns fault.NotFound.
func (NoTexts) Current(context.Context, vocab.Purpose, vocab.Channel) (Text, error) {
	return Text{}, fault.Missing("consent_text_not_found", "no consent text is published for this purpose and channel")
}

// Numbered returns fault.NotFound.
func (NoTexts) Numbered(context.Context, vocab.Purpose, vocab.Channel, int) (Text, error) {
	return Text{}, fault.Missing("consent_text_not_found", "there is no such version of a consent text")
}

// Shown returns the text that somebody who asks for the purpose on the channel is shown: the published one, or a sentence with the
// purpose's name. The error is fault.NotFound for a purpose that nobody can grant.
func (d *Desk) Shown(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel) (Text, error) {
	info, known := d.purposes.Lookup(purpose)
	if !known || !info.NeedsGrant {
		return Text{}, fault.Missing("purpose_not_found", "there is no such purpose that a contact can agree to")
	}
	t, err := d.texts.Current(ctx, purpose, channel)
	if fault.KindOf(err) == fault.NotFound {
		return plainText(info, channel), nil
	}
	return t, err
}

// text returns the text that was shown when a wish was put; false if it says something else now, or is there no more.
func (d *Desk) text(ctx context.Context, a Asked, c Confirmation) (Text, bool, error) {
	var t Text
	var err error
	if a.TextVersion == 0 {
		info, known := d.purposes.Lookup(a.Purpose)
		if !known {
			return t, false, nil
		}
		t = plainText(info, c.Channel)
	} else if t, err = d.texts.Numbered(ctx, a.Purpose, c.Channel, a.TextVersion); err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = nil
		}
		return t, false, err
	}
	return t, t.Hash[c.Language] == a.TextHash, nil
}

// plainText stands in for a consent text that nobody has published yet: what is sent and how, and nothing that is not known.
func plainText(info consent.PurposeInfo, channel vocab.Channel) Text {
	t := Text{Words: map[vocab.Language]Words{}, Hash: map[vocab.Language]string{}}
	for _, lang := range vocab.Languages() {
		w := Words{Statement: fmt.Sprintf(plainSentence(lang, channel), info.Names[lang])}
		t.Words[lang], t.Hash[lang] = w, HashWords(w)
	}
	return t
}

func plainSentence(lang vocab.Language, channel vocab.Channel) string {
	email := channel == vocab.Email
	switch lang {
	case vocab.Russian:
		if email {
			return "Я согласен(на) получать по электронной почте: «%s». Отписаться можно в любой момент."
		}
		return "Я согласен(на) получать по SMS: «%s». Отписаться можно в любой момент."
	case vocab.English:
		if email {
			return "I agree to receive by email: %s. I can stop it at any time."
		}
		return "I agree to receive by SMS: %s. I can stop it at any time."
	case vocab.Kazakh:
	}
	if email {
		return "Электрондық пошта арқылы мынаны алуға келісемін: «%s». Кез келген уақытта бас тарта аламын."
	}
	return "SMS арқылы мынаны алуға келісемін: «%s». Кез келген уақытта бас тарта аламын."
}

// HashWords returns the hexadecimal SHA-256 of a text of which no version is published: its statement, U+0000, its full words.
func HashWords(w Words) string {
	sum := sha256.Sum256([]byte(w.Statement + "\x00" + w.Full))
	return hex.EncodeToString(sum[:])
}
