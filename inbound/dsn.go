package inbound

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/email"
)

// mailing is what a mail says of itself. Its zero value is a mail that nobody could read.
type mailing struct {
	id        string // Message-ID as it stands; may be empty
	automatic bool   // a program's answer (RFC 3834), whoever the envelope names
	bounce    *delivery
	complaint bool // somebody called the message spam (RFC 5965)
}

// delivery is a report on the delivery of one message (RFC 3464).
type delivery struct {
	eventID    string
	recipients []recipientStatus
}

// recipientStatus is what a report says of one recipient. One message has several when its address stands for a list.
type recipientStatus struct {
	action     string // failed, delayed, delivered, relayed, expanded or what the sender made up
	status     string
	diagnostic string
}

const (
	maxParts = 8         // how many parts of a report are looked at; the machine's part is the second of three
	maxPart  = 256 << 10 // how much of the machine's part is read, in bytes
	maxField = 4 << 10   // how much of one field is kept; without it folding would cost the square of the part
)

// read finds out what a mail is. It reads the outermost report alone, so a report about a report is nobody's news.
func read(raw []byte) mailing {
	var m mailing
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return m
	}
	m.id = strings.TrimSpace(msg.Header.Get("Message-ID"))
	m.automatic = isAutomatic(msg.Header)
	media, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || media != "multipart/report" || params["boundary"] == "" {
		return m
	}
	wanted := map[string]func(*mailing, []byte){}
	switch strings.ToLower(params["report-type"]) {
	case "delivery-status", "global-delivery-status": // the latter with SMTPUTF8 (RFC 6533)
		wanted["message/delivery-status"], wanted["message/global-delivery-status"] = (*mailing).readDelivery, (*mailing).readDelivery
	case "feedback-report":
		wanted["message/feedback-report"] = (*mailing).readFeedback
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for range maxParts {
		part, err := parts.NextPart()
		if err != nil {
			break // the end, or a mail that was cut: what came before it counts
		}
		media, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		take, ok := wanted[media]
		if err != nil || !ok {
			continue
		}
		var content io.Reader = part // quoted-printable is undone already
		if strings.EqualFold(strings.TrimSpace(part.Header.Get("Content-Transfer-Encoding")), "base64") {
			content = base64.NewDecoder(base64.StdEncoding, part)
		}
		body, _ := io.ReadAll(io.LimitReader(content, maxPart)) // what can be read of it counts
		take(&m, body)
		break
	}
	return m
}

// isAutomatic says whether a program answered: Auto-Submitted (RFC 3834 section 5) or the older Precedence.
func isAutomatic(h mail.Header) bool {
	submitted, _, _ := strings.Cut(h.Get("Auto-Submitted"), ";")
	submitted, _, _ = strings.Cut(submitted, "(")
	if submitted = strings.ToLower(strings.TrimSpace(submitted)); submitted != "" && submitted != "no" {
		return true
	}
	return slices.Contains([]string{"bulk", "auto_reply", "junk"}, strings.ToLower(strings.TrimSpace(h.Get("Precedence"))))
}

// readDelivery reads the fields of a delivery report: a block about the message, then one for each recipient.
func (m *mailing) readDelivery(body []byte) {
	d := &delivery{}
	envelope := ""
	for _, block := range blocks(body) {
		if id := block["original-envelope-id"]; id != "" {
			envelope = id
		}
		action, _, _ := strings.Cut(block["action"], "(")
		if action = strings.ToLower(strings.TrimSpace(action)); action != "" {
			d.recipients = append(d.recipients, recipientStatus{action: action, status: block["status"], diagnostic: block["diagnostic-code"]})
		}
	}
	identity := []byte(m.id + "\x00" + envelope)
	if m.id == "" && envelope == "" {
		identity = body
	}
	sum := sha256.Sum256(identity)
	d.eventID = "dsn:" + hex.EncodeToString(sum[:16])
	m.bounce = d
}

// readFeedback reads a feedback report. One of a kind that we do not know is a complaint too: somebody did not want the message.
func (m *mailing) readFeedback(body []byte) {
	for _, block := range blocks(body) {
		switch strings.ToLower(block["feedback-type"]) {
		case "":
			continue
		case "not-spam", "auth-failure", "dmarc", "virus": // RFC 6430, RFC 6591; about our servers or against a filter, not about us
		default:
			m.complaint = true
		}
		return
	}
}

// blocks parts fields in the form of a mail header, folded lines joined, at empty lines. Names are lower case; of a field that stands
// twice the first counts. Lines that are no fields are passed over, and so is what a field has too much.
func blocks(body []byte) []map[string]string {
	var all []map[string]string
	block, last := map[string]string{}, ""
	flush := func() {
		if len(block) > 0 {
			all = append(all, block)
		}
		block, last = map[string]string{}, ""
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n") {
		if strings.TrimSpace(line) == "" {
			flush()
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if last != "" && len(block[last]) < maxField {
				block[last] += " " + strings.TrimSpace(line)
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		last = ""
		if name = strings.ToLower(strings.TrimSpace(name)); ok && block[name] == "" {
			block[name], last = strings.TrimSpace(value), name // a single line may be longer: SMTP bounds it
		}
	}
	flush()
	return all
}

// report says what a delivery report means for its message, which had one recipient: if there are several, the address stands for a
// list, and the message is lost only if all of them say so.
func (d *delivery) report(at time.Time) channels.Report {
	r := channels.Report{Status: channels.ReportPending, At: at, EventID: d.eventID}
	all := func(action string) bool {
		return !slices.ContainsFunc(d.recipients, func(s recipientStatus) bool { return s.action != action })
	}
	switch {
	case len(d.recipients) == 0:
	case all("failed"):
		r.Status = channels.ReportFailed
		r.Err = email.Returned(d.recipients[0].status, d.recipients[0].diagnostic)
	case all("delivered"):
		r.Status = channels.ReportDelivered
	}
	return r
}
