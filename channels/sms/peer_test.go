package sms_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/channelstest"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/vocab"
)

// gatewayPeer is an HTTP gateway on a real socket that can go away and come back at the same address.
type gatewayPeer struct {
	t    *testing.T
	addr string

	mu        sync.Mutex
	server    *http.Server
	listener  net.Listener
	behaviour channelstest.Behaviour
	begun     int
	taken     []string
	open      map[net.Conn]bool
}

func newGatewayPeer(t *testing.T) *gatewayPeer {
	t.Helper()
	p := &gatewayPeer{t: t, addr: "127.0.0.1:0", open: map[net.Conn]bool{}}
	p.Behave(channelstest.Accept)
	t.Cleanup(func() { p.Behave(channelstest.Gone) })
	return p
}

func (p *gatewayPeer) Behave(b channelstest.Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behaviour = b
	if b == channelstest.Gone {
		if p.server != nil {
			_ = p.listener.Close() // Serve may not have taken it yet
			_ = p.server.Close()
			p.server = nil
		}
		return
	}
	if p.server != nil {
		return
	}
	listener, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Errorf("peer: %v", err)
		return
	}
	p.listener, p.addr = listener, listener.Addr().String()
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ConnState: p.connState, ReadHeaderTimeout: time.Minute}
	go func(s *http.Server) { _ = s.Serve(listener) }(p.server) // ends with Close; the test waits for what it needs
}

func (p *gatewayPeer) connState(c net.Conn, s http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == http.StateClosed || s == http.StateHijacked {
		delete(p.open, c)
	} else {
		p.open[c] = true
	}
}

func (p *gatewayPeer) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.begun++
	behaviour := p.behaviour
	p.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if behaviour != channelstest.Refuse {
		p.mu.Lock()
		p.taken = append(p.taken, string(body))
		p.mu.Unlock()
	}
	switch behaviour {
	case channelstest.Accept:
		_, _ = io.WriteString(w, `{"code":0,"data":{"messageId":4711},"message":""}`)
	case channelstest.Refuse:
		_, _ = io.WriteString(w, `{"code":14,"data":null,"message":`+strconv.Quote("number refused: "+string(body))+`}`)
	case channelstest.Silent, channelstest.Gone:
		<-r.Context().Done()
	}
}

func (p *gatewayPeer) Begun() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun
}

func (p *gatewayPeer) Taken() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.taken...)
}

func (p *gatewayPeer) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

const apiKey = "kz0123456789abcdef0123456789"

func TestGatewayKeepsThePromisesOfAChannel(t *testing.T) {
	channelstest.Run(t, func(t *testing.T) channelstest.Subject {
		t.Helper()
		peer := newGatewayPeer(t)
		profile := sms.Mobizon()
		profile.Send = sms.Request{Path: "/send", JSON: `{"apiKey": "{secret.api_key}", "to": "{to}", "text": "{text}"}`}
		profile.Answer.Causes = map[string]channels.Cause{"14": channels.NoSuchMailbox}
		gateway, err := sms.NewGateway(profile, sms.Settings{
			BaseURL: "http://" + peer.addr, Secrets: map[string]sms.Secret{"api_key": apiKey}, Timeout: 500 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		return channelstest.Subject{
			Channel: gateway, Provider: peer, Now: time.Now, RefusedCause: channels.NoSuchMailbox, Secrets: []string{apiKey},
			Message: func(int) channels.Message {
				return channels.Message{To: "+77012345678", SMS: &channels.SMS{From: "ORLEU"}}
			},
		}
	})
}

// sendOne sends one text that may take a minute.
func sendOne(ctx context.Context, t *testing.T, c channels.Channel, text string) channels.Receipt {
	t.Helper()
	var got []channels.Receipt
	c.Send(ctx, []channels.Message{{
		ID: vocab.MessageID("msg_1"), Attempt: 1, Until: time.Now().Add(time.Minute), To: "+77012345678",
		SMS: &channels.SMS{From: "ORLEU", Text: text},
	}}, func(r channels.Receipt) { got = append(got, r) })
	if len(got) != 1 {
		t.Fatalf("Send reported %d times, want once", len(got))
	}
	return got[0]
}
