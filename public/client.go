package public

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/orleu/elshi/optin"
)

// evidence is what shows who pressed a button.
func (p *pages) evidence(r *http.Request) optin.Evidence {
	e := optin.Evidence{UserAgent: strings.ToValidUTF8(r.UserAgent(), "")}
	if ip := p.client(r); ip.IsValid() {
		e.IP = ip.String()
	}
	return e
}

// client is where a request comes from: the last address in X-Forwarded-For that is no proxy of ours, if ours brought it. What stands
// before that anybody can write. The zero Addr: nobody knows.
func (p *pages) client(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	ip := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusted(ip); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = hop.Unmap().WithZone("")
	}
	return ip
}

func (p *pages) trusted(ip netip.Addr) bool {
	for _, prefix := range p.OptIn.TrustedProxies {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}
