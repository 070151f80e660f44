package app

import (
	"context"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// optInTexts are the consent texts as sign-ups show them.
type optInTexts struct{ texts *store.ConsentTexts }

// Current returns the text that is in force now.
func (o optInTexts) Current(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel) (optin.Text, error) {
	t, err := o.texts.Current(ctx, purpose, channel)
	return optInText(t), err
}

// Numbered returns one version.
func (o optInTexts) Numbered(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel, version int) (optin.Text, error) {
	t, err := o.texts.Version(ctx, purpose, channel, version)
	return optInText(t), err
}

func optInText(t consent.Text) optin.Text {
	shown := optin.Text{Version: t.Version, Abroad: t.Covers(), Words: map[vocab.Language]optin.Words{}, Hash: map[vocab.Language]string{}}
	for lang, v := range t.Variants {
		shown.Words[lang], shown.Hash[lang] = optin.Words{Statement: v.Statement, Full: t.Full(lang)}, t.Hash(lang)
	}
	return shown
}
