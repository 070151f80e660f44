package events

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"github.com/orleu/elshi/fault"
)

// Guard says where webhooks may go: an endpoint that somebody names must not make this server talk to its own network. The zero Guard
// lets nothing but https to public addresses.
type Guard struct {
	AllowPrivate  bool // also to private, link-local and loopback addresses
	AllowLoopback bool // also to this machine, and there without TLS: for a server that is nobody else's
}

// maxURL bounds an endpoint's URL, in bytes.
const maxURL = 2000

// CheckURL returns what is wrong with an endpoint's URL. Names are looked up when they are dialled, not here: what they lead to may change.
func (g Guard) CheckURL(pointer, text string) []fault.Field {
	wrong := func(code, detail string) []fault.Field {
		return []fault.Field{{Pointer: pointer, Code: code, Detail: detail}}
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || len(text) > maxURL || u.Opaque != "" {
		return wrong("url", "want an absolute URL such as https://example.org/elshi")
	}
	if u.User != nil || u.Fragment != "" {
		return wrong("url", "want a URL without a user, a password and a fragment; requests are signed instead")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	literal := err == nil
	loopback := literal && ip.Unmap().IsLoopback() || strings.EqualFold(u.Hostname(), "localhost")
	if u.Scheme != "https" && (u.Scheme != "http" || !g.AllowLoopback || !loopback) {
		return wrong("https_required", "want https://; plain http is only for this machine, while server.public_url is a loopback address")
	}
	if literal && !g.allows(ip) {
		return wrong("address_refused", "this address is not public; an operator may set webhooks.allow_private")
	}
	return nil
}

// errAddress says that a name leads to an address that webhooks may not go to.
var errAddress = errors.New("address not allowed for webhooks")

// control refuses an address at the moment it is dialled (net.Dialer.Control): a name that is looked up twice may lead elsewhere.
func (g Guard) control(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return errAddress
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !g.allows(ip) {
		return errAddress
	}
	return nil
}

// allows says whether a webhook may go to an address.
func (g Guard) allows(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	switch {
	case g.AllowPrivate:
		return true
	case ip.IsLoopback():
		return g.AllowLoopback
	}
	return public(ip)
}

// notPublic are the networks that IsGlobalUnicast and IsPrivate let pass although nobody's endpoint is there (IANA special-purpose
// registries), and those that carry an IPv4 address inside, which may be any.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),   // shared address space (RFC 6598)
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks (RFC 2544)
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and the broadcast address
	netip.MustParsePrefix("::/96"),           // IPv4-compatible
	netip.MustParsePrefix("64:ff9b::/96"),    // NAT64 (RFC 6052)
	netip.MustParsePrefix("64:ff9b:1::/48"),  // NAT64 (RFC 8215)
	netip.MustParsePrefix("2001::/23"),       // Teredo and other protocols
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4
	netip.MustParsePrefix("fec0::/10"),       // site-local
}

func public(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, network := range notPublic {
		if network.Contains(ip) {
			return false
		}
	}
	return true
}
