package optin

import (
	"context"
	"strings"
	"unicode"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Link is what a token of /c/ names.
type Link struct {
	ID     vocab.ConfirmationID
	ByCode bool // a code has to be typed; the token alone is nothing
}

// Open reads a token. The error is fault.NotFound whatever is wrong with it.
func (d *Desk) Open(token string) (Link, error) {
	raw, err := d.links.Open(dispatcher.LinkConfirm, token)
	byCode := err != nil
	if byCode {
		raw, err = d.links.Open(dispatcher.LinkCode, token)
	}
	if err != nil {
		return Link{}, err
	}
	return Link{vocab.ConfirmationID(vocab.FormatID(vocab.ConfirmationPrefix, raw)), byCode}, nil
}

// CodeToken returns the token of the page where a code is typed.
func (d *Desk) CodeToken(id vocab.ConfirmationID) string {
	return d.links.Sign(dispatcher.LinkCode, rawID(id))
}

// Item is one thing that a press grants, as the page shows it.
type Item struct {
	Asked Asked
	Name  map[vocab.Language]string
	Text  Text
}

// View is a confirmation as its page shows it. With Gone it is empty.
type View struct {
	Result       Result // empty: it waits for a press
	Confirmation Confirmation
	Items        []Item // once confirmed, what was granted
}

// Look returns what a link stands for. It changes nothing. A confirmation that can be confirmed no more, or whose text says something
// else by now, is Gone like one that never was.
func (d *Desk) Look(ctx context.Context, l Link) (View, error) {
	c, err := d.ledger.Confirmation(ctx, l.ID)
	if fault.KindOf(err) == fault.NotFound {
		return View{Result: Gone}, nil
	}
	if err != nil {
		return View{}, err
	}
	if c.ByCode != l.ByCode || c.UsedAt.IsZero() && !c.Open(d.now()) {
		return View{Result: Gone}, nil
	}
	v := View{Confirmation: c}
	if !c.UsedAt.IsZero() {
		v.Result = Already
	}
	for _, a := range c.Asked {
		text, same, err := d.text(ctx, a, c)
		if err != nil {
			return View{}, err
		}
		if c.UsedAt.IsZero() && !same {
			return View{Result: Gone}, nil
		}
		if !c.UsedAt.IsZero() && a.Granted == "" {
			continue
		}
		info, _ := d.purposes.Lookup(a.Purpose)
		v.Items = append(v.Items, Item{a, info.Names, text})
	}
	return v, nil
}

// Press confirms what a link stands for, once: a second press finds it done. The texts are those of the page, in its language.
func (d *Desk) Press(ctx context.Context, l Link, lang vocab.Language, e Evidence) (View, error) {
	if l.ByCode {
		return View{Result: Gone}, nil
	}
	v, err := d.Look(ctx, l)
	if err != nil || v.Result != "" {
		return v, err
	}
	p := Press{At: d.now(), Language: lang, Hashes: map[vocab.Purpose]string{}, Policy: d.Policy, Evidence: e.text()}
	for _, item := range v.Items {
		p.Hashes[item.Asked.Purpose] = item.Text.Hash[lang]
	}
	return d.pressed(ctx, l, p)
}

// Enter confirms by the code that came to a number. Whatever is wrong is Gone: the code, the time, the tries.
func (d *Desk) Enter(ctx context.Context, l Link, code string, e Evidence) (View, error) {
	code, sound := digits(code)
	if !l.ByCode || !sound {
		return View{Result: Gone}, nil
	}
	return d.pressed(ctx, l, Press{At: d.now(), Code: code, Policy: d.Policy, Evidence: e.text()})
}

// pressed applies a press and shows what it has done.
func (d *Desk) pressed(ctx context.Context, l Link, p Press) (View, error) {
	done, err := d.ledger.Confirm(ctx, l.ID, p)
	if err != nil {
		return View{}, err
	}
	if done.Result == Gone {
		return View{Result: Gone}, nil
	}
	v, err := d.Look(ctx, l)
	v.Result = done.Result
	return v, err
}

// Again asks once more for what a link stood for and that nobody confirmed. Its answer says nothing: where there is nothing to ask for,
// nothing is sent.
func (d *Desk) Again(ctx context.Context, l Link, lang vocab.Language, e Evidence) (Reply, error) {
	defer d.level(ctx, d.now())
	_, nothing := d.newID(vocab.Email)
	if l.ByCode {
		_, nothing = d.newID(vocab.SMS)
	}
	c, err := d.ledger.Confirmation(ctx, l.ID)
	if fault.KindOf(err) == fault.NotFound {
		return nothing, nil
	}
	if err != nil {
		return Reply{}, err
	}
	if c.Kind != OptIn || !c.UsedAt.IsZero() || c.Address == "" || c.ByCode != l.ByCode {
		return nothing, nil
	}
	r := Request{
		ContactID: c.ContactID, AddressID: c.AddressID, Channel: c.Channel, Language: lang, FormID: c.FormID, Source: consent.SourceSignUpForm, Evidence: e,
		Caller: dispatcher.Caller{Mode: dispatcher.Live},
	}
	for _, a := range c.Asked {
		r.Wishes = append(r.Wishes, Wish{Purpose: a.Purpose, Topic: a.Topic})
	}
	reply, err := d.ask(ctx, r)
	switch fault.KindOf(err) { //nolint:exhaustive // the others are told
	case fault.NotFound, fault.Conflict, fault.Invalid: // the contact, the address or the purpose has gone since
		return nothing, nil
	}
	return reply, err
}

// digits returns a code without what people type around its digits.
func digits(typed string) (string, bool) {
	typed = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, typed)
	return typed, len(typed) == codeDigits && strings.Trim(typed, "0123456789") == ""
}
