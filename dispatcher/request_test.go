package dispatcher

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func newSubmitter(t testing.TB) *Submitter {
	t.Helper()
	return NewSubmitter(Intaker{
		Gate: newGate(t), Renderer: newRenderer(newShelf(t)), Sealer: newSealer(t), Observer: &tally{},
		Now: func() time.Time { return noon }, Log: quietLog(),
	}, SubmitOptions{TestProviders: map[vocab.Channel]vocab.ProviderID{vocab.Email: "test:email", vocab.SMS: "test:sms"}})
}

// goodRequest makes a message of every class that check lets through.
func goodRequest(class vocab.Class) Request {
	return Request{
		To: To{Email: "aigul@example.org"}, Purpose: purposeOf[class], Template: "note", Data: json.RawMessage(`{"text":"hello"}`), TriggerID: "case-1",
	}
}

// codes are pointers and codes, which programs rely on.
func codes(fields []fault.Field) []string {
	var all []string
	for _, f := range fields {
		all = append(all, f.Pointer+" "+f.Code)
	}
	return all
}

func TestRequestsThatAreSound(t *testing.T) {
	s := newSubmitter(t)
	contact := string(newContactID())
	for name, change := range map[string]func(*Request){
		"plain":              func(*Request) {},
		"by phone":           func(r *Request) { r.To = To{Phone: "8 701 123 45 67"} },
		"a contact by email": func(r *Request) { r.To, r.Channel = To{ContactID: vocab.ContactID(contact)}, vocab.Email },
		"a contact's address": func(r *Request) {
			r.To.ContactID = vocab.ContactID(contact)
		},
		"a channel that agrees":      func(r *Request) { r.Channel = vocab.Email },
		"a sender":                   func(r *Request) { r.Sender = mailSender },
		"no data":                    func(r *Request) { r.Data = nil },
		"a sending time in the past": func(r *Request) { r.SendAt = noon.Add(-maxBehind) },
		"a year ahead":               func(r *Request) { r.SendAt = noon.Add(maxAhead) },
		"a trigger a minute ahead":   func(r *Request) { r.TriggerAt = noon.Add(time.Minute) },
		"the longest texts": func(r *Request) {
			r.Reference, r.To.Name, r.Topic = strings.Repeat("қ", maxText), strings.Repeat("қ", maxName), vocab.Topic(strings.Repeat("қ", maxText))
		},
		"numbers that are nobody's identity": func(r *Request) {
			r.Reference, r.TriggerID, r.Topic = "order-77012345678", "990101300004", "order 2026 0617 300155"
			r.To.Email = "87012345678@example.org"
			r.Attachments = []channels.Attachment{{Name: "05.02-16.02.2026.pdf", ContentType: "application/pdf", Content: []byte("x")}}
		},
		"the most data":     func(r *Request) { r.Data = object(MaxData) },
		"the most metadata": func(r *Request) { r.Metadata = object(MaxMetadata) },
		"ten attachments": func(r *Request) {
			for range MaxAttachments {
				r.Attachments = append(r.Attachments, file(MaxAttachmentSize/MaxAttachments))
			}
		},
		"a language with a region": func(r *Request) { r.Language = "ru-KZ" },
	} {
		r := goodRequest(vocab.Transactional)
		change(&r)
		if _, wrong := s.check(r, noon); len(wrong) > 0 {
			t.Errorf("%s: refused: %v", name, wrong)
		}
	}
}

// object returns a JSON object of exactly so many bytes.
func object(size int) json.RawMessage {
	return json.RawMessage(`{"t":"` + strings.Repeat("x", size-len(`{"t":""}`)) + `"}`)
}

func file(size int) channels.Attachment {
	return channels.Attachment{Name: "a.pdf", ContentType: "application/pdf", Content: make([]byte, size)}
}

func TestRequestsThatAreRefused(t *testing.T) {
	s := newSubmitter(t)
	tests := map[string]struct {
		class  vocab.Class
		change func(*Request)
		want   []string
	}{
		"empty": {"", func(r *Request) { *r = Request{} }, []string{"/purpose required", "/to required", "/template required"}},
		"a purpose nobody registered": {
			vocab.Service, func(r *Request) { r.Purpose = "service.invented" },
			[]string{"/purpose purpose_unregistered"},
		},
		"two addresses": {vocab.Service, func(r *Request) { r.To.Phone = "+77011234567" }, []string{"/to ambiguous"}},
		"an email that is none": {
			vocab.Service, func(r *Request) { r.To.Email = "aigul" },
			[]string{"/to/email email_invalid"},
		},
		"a phone that is none": {vocab.Service, func(r *Request) { r.To = To{Phone: "123"} }, []string{"/to/phone phone_invalid"}},
		"a fixed line": {
			vocab.Service, func(r *Request) { r.To = To{Phone: "+77172574600"} },
			[]string{"/to/phone phone_not_mobile"},
		},
		"a contact without a channel": {
			vocab.Service, func(r *Request) { r.To = To{ContactID: newContactID()} },
			[]string{"/channel required"},
		},
		"a contact id that is none": {
			vocab.Service, func(r *Request) { r.To.ContactID = "con_1" },
			[]string{"/to/contact_id invalid_id"},
		},
		"a message's id as a contact": {
			vocab.Service, func(r *Request) { r.To.ContactID = vocab.ContactID(newMessageID()) },
			[]string{"/to/contact_id invalid_id"},
		},
		"a channel that does not exist": {
			vocab.Service, func(r *Request) { r.Channel = "fax" },
			[]string{"/channel invalid", "/sender required"},
		},
		"a channel that is not the address's": {
			vocab.Service, func(r *Request) { r.Channel = vocab.SMS },
			[]string{"/channel channel_mismatch"},
		},
		"a long name":         {vocab.Service, func(r *Request) { r.To.Name = strings.Repeat("қ", maxName+1) }, []string{"/to/name invalid"}},
		"a name on two lines": {vocab.Service, func(r *Request) { r.To.Name = "Айгүл\r\nBcc: x@example.org" }, []string{"/to/name invalid"}},
		"an identity number for a name": {
			vocab.Service, func(r *Request) { r.To.Name = "Айгүл " + iin },
			[]string{"/to/name forbidden_identifier"},
		},
		"a sender nobody knows": {vocab.Service, func(r *Request) { r.Sender = "invented" }, []string{"/sender sender_unknown"}},
		"a sender of another channel": {
			vocab.Service, func(r *Request) { r.Sender = textSender },
			[]string{"/sender channel_mismatch"},
		},
		"a sender for other classes": {vocab.Service, func(r *Request) { r.Sender = "ads" }, []string{"/sender sender_not_for_purpose"}},
		"too far ahead": {
			vocab.Service, func(r *Request) { r.SendAt = noon.Add(maxAhead + time.Second) },
			[]string{"/send_at too_far"},
		},
		"a sending time long past": {
			vocab.Service, func(r *Request) { r.SendAt = noon.Add(-maxBehind - time.Second) },
			[]string{"/send_at in_the_past"},
		},
		"a sending time before our era": {
			vocab.Service, func(r *Request) { r.SendAt = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) },
			[]string{"/send_at in_the_past"},
		},
		"expired":                {vocab.Service, func(r *Request) { r.ExpiresAt = noon }, []string{"/expires_at in_the_past"}},
		"expired before sending": {vocab.Service, func(r *Request) { r.SendAt, r.ExpiresAt = noon.Add(2*time.Hour), noon.Add(time.Hour) }, []string{"/expires_at before_send_at"}},
		"a trigger to come": {
			vocab.Service, func(r *Request) { r.TriggerAt = noon.Add(time.Minute + time.Second) },
			[]string{"/trigger/at in_the_future"},
		},
		"a trigger without an id": {
			vocab.Service, func(r *Request) { r.TriggerID, r.TriggerAt = "", noon },
			[]string{"/trigger/id required"},
		},
		"no template":        {vocab.Service, func(r *Request) { r.Template = "" }, []string{"/template required"}},
		"a negative version": {vocab.Service, func(r *Request) { r.TemplateVersion = -1 }, []string{"/template_version invalid"}},
		"a language that is none": {
			vocab.Service, func(r *Request) { r.Language = "kazakh language" },
			[]string{"/language invalid"},
		},
		"long texts": {vocab.Service, func(r *Request) {
			long := strings.Repeat("қ", maxText+1)
			r.Topic, r.TriggerID, r.Reference = vocab.Topic(long), long, long
		}, []string{"/topic invalid", "/trigger/id invalid", "/reference invalid"}},
		"unprintable texts": {vocab.Service, func(r *Request) {
			r.Topic, r.TriggerID, r.Reference = "a\nb", "\x00", "\xff"
		}, []string{"/topic invalid", "/trigger/id invalid", "/reference invalid"}},
		"data that are no object":   {vocab.Service, func(r *Request) { r.Data = json.RawMessage(`[1]`) }, []string{"/data invalid"}},
		"data that are no JSON":     {vocab.Service, func(r *Request) { r.Data = json.RawMessage(`{"a":`) }, []string{"/data invalid"}},
		"two objects":               {vocab.Service, func(r *Request) { r.Data = json.RawMessage(`{}{}`) }, []string{"/data invalid"}},
		"too much data":             {vocab.Service, func(r *Request) { r.Data = object(MaxData + 1) }, []string{"/data too_large"}},
		"too much metadata":         {vocab.Service, func(r *Request) { r.Metadata = object(MaxMetadata + 1) }, []string{"/metadata too_large"}},
		"metadata that are a text":  {vocab.Service, func(r *Request) { r.Metadata = json.RawMessage(`"x"`) }, []string{"/metadata invalid"}},
		"an identity number inside": {vocab.Service, func(r *Request) { r.Data = json.RawMessage(`{"a":[{"b":"` + iin + `"}]}`) }, []string{"/data/a/0/b forbidden_identifier"}},
		"an identity number as a number": {
			vocab.Service, func(r *Request) { r.Metadata = json.RawMessage(`{"n":` + iin + `}`) },
			[]string{"/metadata/n forbidden_identifier"},
		},
		"an identity number in each text": {vocab.Service, func(r *Request) {
			r.To.Name, r.Topic, r.TriggerID, r.Reference = "9901 0130 0003", "990101-300003", "case 990101 300003", "order-"+iin
			r.Metadata = json.RawMessage(`{"n":"９９０１０１３００００３"}`)
			r.Attachments = []channels.Attachment{{Name: "990101\u200b300003.pdf", ContentType: `application/pdf; x="` + iin + `"`, Content: []byte("x")}}
		}, []string{
			"/to/name forbidden_identifier", "/topic forbidden_identifier", "/trigger/id forbidden_identifier", "/reference forbidden_identifier",
			"/metadata/n forbidden_identifier", "/attachments/0/name forbidden_identifier", "/attachments/0/content_type forbidden_identifier",
		}},
		"an identity number before the @": {
			vocab.Service, func(r *Request) { r.To.Email = iin + "@example.org" },
			[]string{"/to/email forbidden_identifier"},
		},
		"a field that asks for one": {
			vocab.Service, func(r *Request) { r.Data = json.RawMessage(`{"iin":""}`) },
			[]string{"/data/iin forbidden_identifier"},
		},
		"marketing with a file": {
			vocab.Marketing, func(r *Request) { r.Attachments = []channels.Attachment{file(1)} },
			[]string{"/attachments attachments_not_allowed"},
		},
		"a text message with a file": {vocab.Service, func(r *Request) {
			r.To, r.Attachments = To{Phone: "+77011234567"}, []channels.Attachment{file(1)}
		}, []string{"/attachments attachments_not_allowed"}},
		"eleven files": {vocab.Service, func(r *Request) {
			for range MaxAttachments + 1 {
				r.Attachments = append(r.Attachments, file(1))
			}
		}, []string{"/attachments too_many"}},
		"files that are too large": {vocab.Service, func(r *Request) {
			r.Attachments = []channels.Attachment{file(MaxAttachmentSize), file(1)}
		}, []string{"/attachments too_large"}},
		"files that are none": {vocab.Service, func(r *Request) {
			r.Attachments = []channels.Attachment{{Name: "a\nb", ContentType: "application/pdf", Content: []byte("x")}, {Name: "b", ContentType: "pdf; charset", Content: nil}}
		}, []string{"/attachments/0/name invalid", "/attachments/1/content_type invalid", "/attachments/1/content required"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := goodRequest(tc.class)
			tc.change(&r)
			_, wrong := s.check(r, noon)
			if diff := cmp.Diff(tc.want, codes(wrong)); diff != "" {
				t.Errorf("check mismatch (-want +got):\n%s", diff)
			}
			for _, f := range wrong {
				if f.Detail == "" {
					t.Errorf("%s %s has no sentence", f.Pointer, f.Code)
				}
				if strings.Contains(f.Detail+f.Pointer, iin) {
					t.Errorf("%s repeats the identity number", f.Pointer)
				}
			}
		})
	}
}

// iin is an identity number with a right check digit; nobody has it.
const iin = "990101300003"

func TestDefaultSenderMustServeThePurpose(t *testing.T) {
	s := newSubmitter(t)
	only := s.gate.Senders[mailSender]
	only.Classes = []vocab.Class{vocab.Marketing}
	s.gate.Senders[mailSender] = only
	if _, wrong := s.check(goodRequest(vocab.Legal), noon); !cmp.Equal(codes(wrong), []string{"/sender required"}) {
		t.Errorf("a legal notice by a sender for marketing: %v", codes(wrong))
	}
	if c, wrong := s.check(goodRequest(vocab.Marketing), noon); len(wrong) > 0 || c.sender.ID != mailSender {
		t.Errorf("marketing by its sender: %s, %v", c.sender.ID, codes(wrong))
	}
}

func TestCheckFindsOutWhoIsMeant(t *testing.T) {
	s := newSubmitter(t)
	r := goodRequest(vocab.Service)
	r.To = To{Phone: "8 (701) 123-45-67", Name: "Айгүл"}
	c, wrong := s.check(r, noon)
	want := Recipient{Value: "+77011234567", Lookup: "+77011234567", Name: "Айгүл"}
	if diff := cmp.Diff(want, c.recipient); diff != "" || len(wrong) > 0 || c.Channel != vocab.SMS || c.sender.ID != textSender {
		t.Errorf("by %s from %s, %v (-want +got):\n%s", c.Channel, c.sender.ID, wrong, diff)
	}
	r.To = To{Email: "Aigul@Example.ORG"}
	if c, _ := s.check(r, noon); c.recipient.Value.Reveal() != "Aigul@example.org" || c.recipient.Lookup != "aigul@example.org" {
		t.Errorf("it goes to %s, known as %s", c.recipient.Value.Reveal(), c.recipient.Lookup)
	}
}

// Whatever a stranger writes, check answers, says all of it in words, and repeats nothing.
func FuzzRequest(f *testing.F) {
	s := newSubmitter(f)
	f.Add("aigul@example.org", "", "", "email", "note", "en", `{"text":"x"}`, "case-1", "ref", "Айгүл", int64(0), 1)
	f.Add("", "+77011234567", "con_06gywnjy01xbs0938nkrkaydxw", "", "", "", `{"a":{"iin":"990101300003"}}`, "", "\x00", "a\nb", int64(1)<<40, -1)
	f.Add("a@b", "x", "x", "fax", "n", "??", `[`, "x", "x", "", int64(-1), 0)
	f.Fuzz(func(t *testing.T, email, phone, contact, channel, template, lang, data, trigger, reference, name string, in int64, version int) {
		r := Request{
			To: To{Email: email, Phone: phone, ContactID: vocab.ContactID(contact), Name: name}, Channel: vocab.Channel(channel), Purpose: "request.reply",
			Template: template, TemplateVersion: version, Language: vocab.Language(lang), Data: json.RawMessage(data), TriggerID: trigger,
			Reference: reference, SendAt: noon.Add(time.Duration(in)),
		}
		c, wrong := s.check(r, noon)
		for _, field := range wrong {
			if field.Code == "" || field.Detail == "" || !strings.HasPrefix(field.Pointer, "/") || !utf8.ValidString(field.Detail) {
				t.Fatalf("refused without a reason: %+v", field)
			}
			if len(email) > 12 && strings.Contains(field.Detail, email) {
				t.Fatalf("the refusal repeats the address: %+v", field)
			}
		}
		if len(wrong) > 0 {
			return
		}
		if c.Channel != vocab.Email && c.Channel != vocab.SMS || c.sender.Channel != c.Channel || c.class != vocab.Transactional {
			t.Fatalf("taken: class %s by %s from %+v", c.class, c.Channel, c.sender)
		}
		if c.recipient.ContactID == "" && c.recipient.Value == "" {
			t.Fatal("taken, for nobody")
		}
	})
}
