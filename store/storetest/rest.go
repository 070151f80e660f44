package storetest

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

func version(slug, subject string) templates.Version {
	return templates.Version{
		Template: slug, Purpose: "news.company", Calendar: "event", Sample: map[string]any{"n": json.Number("1.50"), "by_language": map[string]any{}},
		Variants: []templates.Variant{{Language: vocab.Kazakh, Channel: vocab.Email, Subject: subject, HTML: "<p>{{ data.name }} \x00</p>", Approved: true}},
	}
}

var templateTests = map[string]func(*world){
	"versions are numbered, kept whole and never change": func(w *world) {
		all, slug := store.NewTemplates(w.db), unique("%s")
		one := must(all.Save(w.ctx, version(slug, "Сәлем"), w.now))(w)
		want := version(slug, "Сәлем")
		want.ID, want.Number, want.Hash = one.ID, 1, want.ContentHash()
		if diff := cmp.Diff(want, one); diff != "" {
			w.Errorf("version mismatch (-want +got):\n%s", diff)
		}
		if same := must(all.Save(w.ctx, version(slug, "Сәлем"), w.now))(w); same.ID != one.ID {
			w.Error("the same version was kept twice")
		}
		two := must(all.Save(w.ctx, version(slug, "Привет"), w.now))(w)
		back := must(all.Save(w.ctx, version(slug, "Сәлем"), w.now))(w)
		approved := version(slug, "Сәлем")
		approved.Variants[0].Approved = false
		four := must(all.Save(w.ctx, approved, w.now))(w)
		if two.Number != 2 || back.Number != 3 || back.Hash != one.Hash || four.Number != 4 {
			w.Errorf("numbers %d, %d, %d", two.Number, back.Number, four.Number)
		}
		for name, got := range map[string]templates.Version{
			"Version": must(all.Version(w.ctx, two.ID))(w), "ByNumber": must(all.ByNumber(w.ctx, slug, 2))(w), "Versions": must(all.Versions(w.ctx, slug))(w)[2],
		} {
			if diff := cmp.Diff(two, got); diff != "" {
				w.Errorf("%s mismatch (-want +got):\n%s", name, diff)
			}
		}
		if diff := cmp.Diff(four, must(all.Latest(w.ctx, slug))(w)); diff != "" {
			w.Errorf("Latest mismatch (-want +got):\n%s", diff)
		}
		found := 0
		for _, v := range must(all.List(w.ctx))(w) {
			if v.Template == slug {
				found++
				if v.Number != 4 {
					w.Errorf("List has number %d", v.Number)
				}
			}
		}
		if found != 1 {
			w.Errorf("List has the template %d times", found)
		}
		_, err := all.Version(w.ctx, "tpv_nobody")
		w.refused(err, fault.NotFound, "template_not_found")
		_, err = all.Latest(w.ctx, "nobody")
		w.refused(err, fault.NotFound, "template_not_found")
		_, err = all.ByNumber(w.ctx, slug, 5)
		w.refused(err, fault.NotFound, "template_not_found")
	},
	"of templates created at once with one name one is kept": func(w *world) {
		all, slug := store.NewTemplates(w.db), unique("%s")
		type created struct {
			v   templates.Version
			err error
		}
		var kept []templates.Version
		for _, x := range twins(8, func(i int) created {
			v, err := all.Create(w.ctx, version(slug, string(rune('a'+i/2))), w.now) // the same text too
			return created{v, err}
		}) {
			if x.err == nil {
				kept = append(kept, x.v)
				continue
			}
			w.refused(x.err, fault.Conflict, "template_exists")
		}
		if diff := cmp.Diff(must(all.Versions(w.ctx, slug))(w), kept); diff != "" || len(kept) != 1 || kept[0].Number != 1 {
			w.Errorf("%d were created, mismatch (-kept +answered):\n%s", len(kept), diff)
		}
		if next := must(all.Save(w.ctx, version(slug, "next"), w.now))(w); next.Number != 2 {
			w.Errorf("the next version has number %d", next.Number)
		}
	},
	"versions saved at once get numbers of their own": func(w *world) {
		all, slug := store.NewTemplates(w.db), unique("%s")
		type saved struct {
			v   templates.Version
			err error
		}
		seen := map[int]bool{}
		for _, x := range twins(12, func(i int) saved {
			v, err := all.Save(w.ctx, version(slug, string(rune('a'+i))), w.now)
			return saved{v, err}
		}) {
			w.ok(x.err)
			seen[x.v.Number] = true
		}
		if len(seen) != 12 || !seen[1] || !seen[12] {
			w.Errorf("numbers: %v", seen)
		}
		for _, x := range twins(8, func(int) saved {
			v, err := all.Save(w.ctx, version(slug, "same"), w.now)
			return saved{v, err}
		}) {
			w.ok(x.err)
			if x.v.Number != 13 {
				w.Errorf("the same text was kept as number %d", x.v.Number)
			}
		}
	},
}

var keyTests = map[string]func(*world){
	"a secret opens until it is revoked": func(w *world) {
		keys := store.NewAPIKeys(w.db)
		key, secret, err := keys.Create(w.ctx, "LMS", dispatcher.GuestList, []contacts.Address{
			{Channel: vocab.Email, Key: "a@example.org"}, {Channel: vocab.SMS, Key: "+77011234567"}, {Channel: vocab.Email, Key: "a@example.org"},
		}, w.now)
		w.ok(err)
		if !regexp.MustCompile(`^elshi_guest_list_[0-9a-hjkmnp-tv-z]{32}$`).MatchString(secret) {
			w.Errorf("the secret has another form")
		}
		if len(key.Guests) != 2 || strings.Contains(strings.Join(key.Guests, ""), "example") {
			w.Errorf("guests: %v", key.Guests)
		}
		if diff := cmp.Diff(key, must(keys.Authenticate(w.ctx, secret))(w)); diff != "" {
			w.Errorf("Authenticate mismatch (-created +got):\n%s", diff)
		}
		d := w.draft(w.person(), vocab.Transactional)
		d.Guests, d.Recipient.Lookup = &dispatcher.Guests{Hashes: key.Guests}, "a@example.org"
		e := w.draft(w.person(), vocab.Transactional)
		e.Guests = d.Guests
		w.submit(d, e)
		w.status(dispatcher.Queued, d.Message.ID)
		w.status(dispatcher.Suppressed, e.Message.ID)
		for _, wrong := range []string{"", "elshi_", secret[:len(secret)-1], secret + "0", strings.ToUpper(secret), string(key.ID), "elshi_\x00\xff"} {
			_, err := keys.Authenticate(w.ctx, wrong)
			w.refused(err, fault.NotFound, "api_key_unknown")
		}
		revoked := must(keys.Revoke(w.ctx, key.ID, w.now.Add(time.Hour)))(w)
		again := must(keys.Revoke(w.ctx, key.ID, w.now.Add(2*time.Hour)))(w)
		if diff := cmp.Diff(revoked, again); diff != "" || !revoked.RevokedAt.Equal(w.now.Add(time.Hour)) {
			w.Errorf("revoked at %s, then changed:\n%s", revoked.RevokedAt, diff)
		}
		_, err = keys.Authenticate(w.ctx, secret)
		w.refused(err, fault.NotFound, "api_key_unknown")
		_, err = keys.Revoke(w.ctx, "key_nobody", w.now)
		w.refused(err, fault.NotFound, "api_key_not_found")
		other, otherSecret, err := keys.Create(w.ctx, "LMS", dispatcher.Live, nil, w.now)
		w.ok(err)
		if list := must(keys.List(w.ctx))(w); list[0].ID != other.ID || list[1].ID != key.ID || otherSecret == secret {
			w.Errorf("list: %+v", list)
		}
	},
}

var inboxTests = map[string]func(*world){
	"the newest are kept": func(w *world) {
		inbox := must(store.NewInbox(w.db, 3))(w)
		must(inbox.Clear(w.ctx))(w)
		var caught []store.Caught
		for i, to := range []string{"Әсел@example.org", "b@example.org", "+77011234567", "c@example.org"} {
			c := store.Caught{
				Channel: vocab.Email, Sender: "news@orleu.example", Recipient: to, Subject: "Тақырып", Body: "мәтін", HTML: "<p>", Raw: []byte{0, 255, 10},
				At: w.now.Add(time.Duration(i) * time.Second),
			}
			if to[0] == '+' {
				c.Channel = vocab.SMS
			}
			caught = append(caught, must(inbox.Keep(w.ctx, c))(w)...)
		}
		_, err := inbox.Get(w.ctx, caught[0].ID)
		w.refused(err, fault.NotFound, "caught_not_found")
		if diff := cmp.Diff(caught[3], must(inbox.Get(w.ctx, caught[3].ID))(w)); diff != "" {
			w.Errorf("Get mismatch (-want +got):\n%s", diff)
		}
		more := must(inbox.Keep(w.ctx, caught[0], store.Caught{Channel: vocab.Email, Recipient: "d@example.org", At: w.now}))(w)
		for name, x := range map[string]struct {
			f    store.InboxFilter
			want []string
		}{
			"all":       {store.InboxFilter{}, []string{more[1].ID, more[0].ID, caught[3].ID}},
			"channel":   {store.InboxFilter{Channel: vocab.SMS}, nil},
			"recipient": {store.InboxFilter{Recipient: "ӘСЕЛ"}, []string{more[0].ID}},
			"page":      {store.InboxFilter{After: more[1].ID, Limit: 1}, []string{more[0].ID}},
		} {
			var got []string
			for _, c := range must(inbox.List(w.ctx, x.f))(w) {
				got = append(got, c.ID)
			}
			if diff := cmp.Diff(x.want, got); diff != "" {
				w.Errorf("by %s mismatch (-want +got):\n%s", name, diff)
			}
		}
		if n := must(inbox.Clear(w.ctx))(w); n != 3 {
			w.Errorf("cleared %d", n)
		}
		if _, err := store.NewInbox(w.db, 0); err == nil {
			w.Error("an inbox that keeps nothing was made")
		}
	},
}

// odd are texts that engines, drivers and JSON have opinions about.
var odd = []string{
	`O'Neil "the" \ % _ ; -- $1 {ids $1} {guard}`, "\\u0000", `a\\u0000b`, "a\x00b", "\x00", "\xff\xfe", "😀 Әлем ӘІҢҒҮҰҚӨҺ", "\u2028\r\n\t", `{"a":"\u0000"}`, "",
}

var textTests = map[string]func(*world){
	"every text comes back as it went in, but for what no text can hold": func(w *world) {
		for _, text := range odd {
			want := strings.ReplaceAll(string([]rune(text)), "\x00", "")
			c := must(w.contacts.Create(w.ctx, contacts.Contact{
				Name: text, TimeZone: text, Attributes: map[string]any{"a": text}, CreatedAt: w.now,
			}, nil))(w)
			if c.Name != want || c.TimeZone != want {
				w.Errorf("contact of %q: %q, %q", text, c.Name, c.TimeZone)
			}
			p := w.person()
			d := w.draft(p, vocab.Legal)
			d.Message.Reference, d.Message.TriggerID = text, text+"!"
			data, err := json.Marshal(map[string]string{"a": text})
			w.ok(err)
			d.Payload.Data = data
			d.Attachments = []channels.Attachment{{Name: text, ContentType: text, Content: []byte(text)}}
			w.submit(d)
			m := w.message(d.Message.ID)
			if m.Reference != want || m.TriggerID != want+"!" {
				w.Errorf("message of %q: %q, %q", text, m.Reference, m.TriggerID)
			}
			permit := w.claim(m.ID)[0]
			if string(permit.Payload.Data) != string(data) {
				w.Errorf("payload of %q: %q, want %q", text, permit.Payload.Data, data)
			}
			if a := permit.Attachments[0]; a.Name != want || string(a.Content) != text {
				w.Errorf("attachment of %q: %+v", text, a)
			}
			s := w.failure(permit, dispatcher.Bounced, channels.ContentRefused)
			s.Detail = text
			w.settle(s)
			if a := must(w.ledger.Attempts(w.ctx, m.ID))(w)[0]; a.Detail != want {
				w.Errorf("detail of %q: %q", text, a.Detail)
			}
			note := must(w.suppressions.Add(w.ctx, vocab.Email, p.email, contacts.Suppression{Reason: contacts.Manual, Note: text, CreatedAt: w.now}))(w)
			if note.Note != want {
				w.Errorf("note of %q: %q", text, note.Note)
			}
		}
	},
	"a new contact's name may be anything": func(w *world) {
		for _, text := range odd {
			d := w.stranger(unique("%s@example.org"))
			d.Recipient.Name = text
			out := must(w.ledger.Submit(w.ctx, w.intake(d), w.decide))(w)
			want := strings.ReplaceAll(string([]rune(text)), "\x00", "")
			if c := must(w.contacts.Get(w.ctx, out.Results[0].ContactID))(w); c.Name != want {
				w.Errorf("name of %q: %q", text, c.Name)
			}
		}
	},
}
