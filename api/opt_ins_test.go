package api

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

type fakeOptIns struct {
	*door

	asked  []optin.Request
	refuse error
}

func (f *fakeOptIns) Ask(_ context.Context, r optin.Request) (optin.Reply, error) {
	if err := cmp.Or(f.away, f.refuse); err != nil {
		return optin.Reply{}, err
	}
	f.asked = append(f.asked, r)
	reply := optin.Reply{ID: "cnf_06gywnjy01xbs0938nkrkaydxw"}
	if r.Channel == vocab.SMS {
		reply.CodePage = "token"
	}
	return reply, nil
}

type fakeForms struct {
	*door

	byID map[vocab.FormID]optin.Form
}

const aForm = vocab.FormID("frm_06gywnjy01xbs0938nkrkaydxw")

func (f *fakeForms) Create(_ context.Context, x optin.Form) (optin.Form, error) {
	x.ID, x.UpdatedAt = aForm, x.CreatedAt
	f.byID[x.ID] = x
	return x, f.away
}

func (f *fakeForms) Form(_ context.Context, id vocab.FormID) (optin.Form, error) {
	x, found := f.byID[id]
	if f.away == nil && !found {
		return x, fault.Missing("form_not_found", "there is no such form")
	}
	return x, f.away
}

func (f *fakeForms) List(_ context.Context, after vocab.FormID, limit int) ([]optin.Form, error) {
	var list []optin.Form
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(f.byID))) {
		if (after == "" || id < after) && len(list) < limit {
			list = append(list, f.byID[id])
		}
	}
	return list, f.away
}

func (f *fakeForms) Update(ctx context.Context, id vocab.FormID, now time.Time, change func(optin.Form) (optin.Form, error)) (optin.Form, error) {
	x, err := f.Form(ctx, id)
	if err != nil {
		return x, err
	}
	if x, err = change(x); err != nil {
		return x, err
	}
	x.UpdatedAt = now
	f.byID[id] = x
	return x, nil
}

func (f *fakeForms) Delete(_ context.Context, id vocab.FormID) error {
	delete(f.byID, id)
	return f.away
}

func TestAnAddressIsAskedToConfirm(t *testing.T) {
	caller := dispatcher.Caller{APIKey: liveKey.ID, Mode: dispatcher.Live}
	for name, tc := range map[string]struct {
		body string
		want optin.Request
		view optInView
	}{
		"an email address": {
			`{"email":"Aigul@Example.org","name":"Айгүл","language":"kk","grants":[{"purpose":"news.company"},{"purpose":"news.company"},{"purpose":"event.invite","topic":"maths","text_hash":"abc"}],"evidence":"stand 4"}`,
			optin.Request{
				Channel: vocab.Email, Value: "Aigul@example.org", Lookup: "aigul@example.org", Name: "Айгүл", Language: "kk", Source: consent.SourceAPI, Caller: caller,
				Wishes: []optin.Wish{{Purpose: "news.company"}, {Purpose: "event.invite", Topic: "maths", TextHash: "abc"}}, Evidence: optin.Evidence{Note: "stand 4"},
			},
			optInView{ID: "cnf_06gywnjy01xbs0938nkrkaydxw", Channel: vocab.Email},
		},
		"a number": {
			`{"phone":"8 701 000 00 00","language":"ru","grants":[{"purpose":"news.company"}]}`,
			optin.Request{
				Channel: vocab.SMS, Value: "+77010000000", Lookup: "+77010000000", Language: "ru", Source: consent.SourceAPI, Caller: caller,
				Wishes: []optin.Wish{{Purpose: "news.company"}},
			},
			optInView{ID: "cnf_06gywnjy01xbs0938nkrkaydxw", Channel: vocab.SMS, CodeURL: "https://elshi.example/c/token"},
		},
		"a contact": {
			`{"contact_id":"` + string(aContact) + `","channel":"email","language":"en","grants":[{"purpose":"news.company"}]}`,
			optin.Request{
				ContactID: aContact, Channel: vocab.Email, Language: "en", Source: consent.SourceAPI, Caller: caller, Wishes: []optin.Wish{{Purpose: "news.company"}},
			},
			optInView{ID: "cnf_06gywnjy01xbs0938nkrkaydxw", Channel: vocab.Email},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			var got optInView
			d.call(t, "POST", "/v1/opt-ins", tc.body).ok(202).into(&got)
			if diff := gocmp.Diff(tc.view, got); diff != "" {
				t.Errorf("answer mismatch (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff([]optin.Request{tc.want}, d.optIns.asked); diff != "" {
				t.Errorf("request mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnOptInThatCannotBeAsked(t *testing.T) {
	const news = `"language":"kk","grants":[{"purpose":"news.company"}]`
	for name, tc := range map[string]struct{ body, pointer string }{
		"nobody":                   {`{` + news + `}`, ""},
		"both addresses":           {`{"email":"a@example.org","phone":"+77010000000",` + news + `}`, ""},
		"no address":               {`{"email":"aigul",` + news + `}`, "/email"},
		"a fixed line":             {`{"phone":"+77172574600",` + news + `}`, "/phone"},
		"another channel":          {`{"email":"a@example.org","channel":"sms",` + news + `}`, "/channel"},
		"a contact, no channel":    {`{"contact_id":"` + string(aContact) + `",` + news + `}`, "/channel"},
		"a contact that is none":   {`{"contact_id":"con_1","channel":"sms",` + news + `}`, "/contact_id"},
		"no wish":                  {`{"email":"a@example.org","language":"kk","grants":[]}`, "/grants"},
		"no language":              {`{"email":"a@example.org","grants":[{"purpose":"news.company"}]}`, "/language"},
		"an identifier":            {`{"email":"a@example.org","evidence":"ИИН 900101300017",` + news + `}`, "/evidence"},
		"a topic that is a phrase": {`{"email":"a@example.org","language":"kk","grants":[{"purpose":"news.company","topic":"a b"}]}`, "/grants/0/topic"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			p := d.call(t, "POST", "/v1/opt-ins", tc.body).problem(422, "invalid_request")
			if len(p.Errors) == 0 || p.Errors[0].Pointer != tc.pointer || len(d.optIns.asked) != 0 {
				t.Errorf("errors %+v, asked %+v", p.Errors, d.optIns.asked)
			}
		})
	}
	d := newDoor(t)
	d.optIns.refuse = &fault.Error{Kind: fault.Conflict, Code: "consent_text_changed", Detail: "show the new one"}
	d.call(t, "POST", "/v1/opt-ins", `{"email":"a@example.org",`+news+`}`).problem(409, "consent_text_changed")
	d.call(t, "POST", "/v1/opt-ins", `{"email":"a@example.org",`+news+`}`, "Authorization: Bearer "+testSecret).problem(403, "key_mode_forbidden")
}

const newsForm = `{"slug":"news","title":{"kk":"Жаңалықтар","ru":"Новости","en":"News"},"ask_name":true,"origins":["https://orleu.example"],
	"boxes":[{"purpose":"news.company","channel":"email"},{"purpose":"event.invite","channel":"sms","topic":"maths"}]}`

func TestAFormIsMadeChangedAndRemoved(t *testing.T) {
	d := newDoor(t)
	var made, got formView
	d.call(t, "POST", "/v1/forms", newsForm).ok(201).into(&made)
	want := formView{
		ID: aForm, Slug: "news", URL: "https://elshi.example/forms/news", Title: textsBody{"Жаңалықтар", "Новости", "News"}, AskName: true, Enabled: true,
		Boxes: []boxBody{{"news.company", vocab.Email, ""}, {"event.invite", vocab.SMS, "maths"}}, Origins: []string{"https://orleu.example"},
		CreatedAt: monday, UpdatedAt: monday,
	}
	if diff := gocmp.Diff(want, made); diff != "" {
		t.Errorf("form mismatch (-want +got):\n%s", diff)
	}
	d.call(t, "PATCH", "/v1/forms/"+string(aForm), `{"enabled":false,"origins":[],"intro":{"kk":"Кіріспе","ru":"Вступление","en":"Intro"}}`).ok(200).into(&got)
	want.Enabled, want.Origins, want.Intro = false, []string{}, textsBody{"Кіріспе", "Вступление", "Intro"}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("changed form mismatch (-want +got):\n%s", diff)
	}
	p := d.call(t, "PATCH", "/v1/forms/"+string(aForm), `{"title":{"kk":"Жаңалықтар","ru":"","en":"News"}}`).problem(422, "invalid_request")
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/title/ru" {
		t.Errorf("errors %+v", p.Errors)
	}
	var list page[formView]
	d.call(t, "GET", "/v1/forms", "").ok(200).into(&list)
	if len(list.Data) != 1 || list.Data[0].ID != aForm {
		t.Errorf("list %+v", list)
	}
	d.call(t, "DELETE", "/v1/forms/"+string(aForm), "").ok(200)
	d.call(t, "GET", "/v1/forms/"+string(aForm), "").problem(404, "form_not_found")
	d.call(t, "DELETE", "/v1/forms/"+string(aForm), "").problem(404, "form_not_found")
}

func TestAFormThatCannotBe(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, pointer string }{
		"a slug":                  {`"slug":"news"`, `"slug":"News!"`, "/slug"},
		"a purpose without grant": {`news.company`, `account.identity`, "/boxes/0/purpose"},
		"an unknown purpose":      {`news.company`, `news.nobody`, "/boxes/0/purpose"},
		"a box twice":             {`{"purpose":"event.invite","channel":"sms","topic":"maths"}`, `{"purpose":"news.company","channel":"email"}`, "/boxes/1"},
		"an origin with a path":   {`https://orleu.example`, `https://orleu.example/x`, "/origins/0"},
		"an origin that is more":  {`https://orleu.example`, `https://orleu.example; script-src *`, "/origins/0"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			body := strings.Replace(newsForm, tc.from, tc.to, 1)
			p := d.call(t, "POST", "/v1/forms", body).problem(422, "invalid_request")
			if len(p.Errors) != 1 || p.Errors[0].Pointer != tc.pointer || len(d.forms.byID) != 0 {
				t.Errorf("errors %+v", p.Errors)
			}
		})
	}
}

func TestAFormSaysHowItIsEmbedded(t *testing.T) {
	d := newDoor(t)
	d.call(t, "POST", "/v1/forms", newsForm).ok(201)
	var got embedView
	d.call(t, "GET", "/v1/forms/"+string(aForm)+"/embed?language=ru", "").ok(200).into(&got)
	for _, want := range []string{`src="https://elshi.example/forms/news?lang=ru&amp;embed=1"`, `title="Новости"`} {
		if !strings.Contains(got.Frame, want) {
			t.Errorf("frame %s lacks %s", got.Frame, want)
		}
	}
	for _, want := range []string{
		`method="post" action="https://elshi.example/forms/news/review?lang=ru"`, `name="box" value="news.company/email//"`, `value="event.invite/sms/maths/"`,
		`name="email" type="email"`, `name="phone" type="tel"`, `name="name"`, "Продолжить",
	} {
		if !strings.Contains(got.Form, want) {
			t.Errorf("form %s\nlacks %s", got.Form, want)
		}
	}
	if strings.Contains(got.Form+got.Frame, "checked") || strings.Contains(got.Form+got.Frame, "<script") {
		t.Errorf("a box is ticked, or there is a script: %+v", got)
	}
}
