package events

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWebhooksGoToPublicAddressesAlone(t *testing.T) {
	for text, want := range map[string]bool{
		"93.184.215.14": true, "8.8.8.8": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true, "172.32.0.1": true, "100.128.0.1": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "::": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "::ffff:10.0.0.1": false,
		"169.254.169.254": false, "::ffff:169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "fd00::1": false, "fc00::1": false,
		"100.64.0.1": false, "192.0.0.8": false, "198.18.0.1": false, "224.0.0.1": false, "ff02::1": false, "255.255.255.255": false,
		"240.0.0.1": false, "64:ff9b::a00:1": false, "64:ff9b:1::a00:1": false, "2002:a00:1::": false, "2001:0:4136:e378::": false, "::a00:1": false,
		"fec0::1": false, "2001:db8::1": false, "192.0.2.1": false, "198.51.100.7": false, "203.0.113.9": false,
	} {
		ip := netip.MustParseAddr(text)
		if got := (Guard{}).allows(ip); got != want {
			t.Errorf("%s: allowed %t, want %t", text, got, want)
		}
		address := netip.AddrPortFrom(ip, 443).String()
		if err := (Guard{}).control("tcp", address, nil); (err == nil) != want {
			t.Errorf("dialling %s: %v", address, err)
		}
		if !(Guard{AllowPrivate: true}).allows(ip) {
			t.Errorf("%s is refused although private addresses are allowed", text)
		}
		if got := (Guard{AllowLoopback: true}).allows(ip); got != (want || ip.Unmap().IsLoopback()) {
			t.Errorf("%s, with this machine: allowed %t", text, got)
		}
	}
	for _, broken := range []string{"", "example.org:443", "1.2.3.4", "[::1"} {
		if (Guard{AllowLoopback: true}).control("tcp", broken, nil) == nil {
			t.Errorf("%q is dialled", broken)
		}
	}
}

func TestURLsOfEndpoints(t *testing.T) {
	local, private := Guard{AllowLoopback: true}, Guard{AllowPrivate: true}
	for _, tc := range []struct {
		guard Guard
		url   string
		want  string
	}{
		{Guard{}, "https://example.org/in?key=1", ""},
		{Guard{}, "https://example.org:8443", ""},
		{Guard{}, "http://example.org", "https_required"},
		{Guard{}, "ftp://example.org", "https_required"},
		{Guard{}, "HTTPS://EXAMPLE.ORG", ""},
		{Guard{}, "https://", "url"},
		{Guard{}, "https:example.org", "url"},
		{Guard{}, "//example.org", "https_required"},
		{Guard{}, "https://a:b@example.org", "url"},
		{Guard{}, "https://example.org/#x", "url"},
		{Guard{}, "https://[::ffff:10.0.0.1]/", "address_refused"},
		{Guard{}, "https://169.254.169.254/latest", "address_refused"},
		{Guard{}, "http://localhost:9000", "https_required"},
		{local, "http://localhost:9000", ""},
		{local, "http://127.0.0.1:9000/in", ""},
		{local, "http://[::1]:9000/in", ""},
		{local, "http://example.org", "https_required"},
		{local, "https://192.168.0.1", "address_refused"},
		{private, "https://192.168.0.1", ""},
		{private, "http://192.168.0.1", "https_required"},
	} {
		got := ""
		for _, f := range tc.guard.CheckURL("/url", tc.url) {
			got += f.Code
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%+v %s (-want +got):\n%s", tc.guard, tc.url, diff)
		}
	}
}
