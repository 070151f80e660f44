package config

import (
	"net/netip"
	"strconv"
	"time"
)

// SignUp is how sign-up forms tell people from robots.
type SignUp struct {
	// MinFill is the time that nobody is faster than: a form that comes back sooner was filled in by a robot. Default 3s.
	MinFill time.Duration `yaml:"min_fill"`
	// MaxAge is how long a form may stay open before it is shown anew. Default 2h.
	MaxAge time.Duration `yaml:"max_age"`
	// PerSource is how many sign-ups may come from one IPv4 address, or one IPv6 /64, in ten minutes. Default 30.
	PerSource int `yaml:"per_source"`
	// Answer is how long the answer takes at least, so that its time does not tell whether an address is known. Default 400ms.
	Answer time.Duration `yaml:"answer"`
}

func defaultSignUp() SignUp {
	return SignUp{MinFill: 3 * time.Second, MaxAge: 2 * time.Hour, PerSource: 30, Answer: 400 * time.Millisecond}
}

func (k *checker) signUp(c *Config) {
	s := c.SignUp
	k.want(s.MinFill > 0 && s.MinFill <= time.Minute, "sign_up.min_fill", "must be more than 0s and at most 1m")
	k.want(s.MaxAge >= time.Minute && s.MaxAge <= 24*time.Hour, "sign_up.max_age", "must be between 1m and 24h")
	k.between("sign_up.per_source", s.PerSource, 1, 1_000_000)
	k.want(s.Answer >= 0 && s.Answer <= 5*time.Second, "sign_up.answer", "must be between 0s and 5s")
	for _, p := range c.Server.TrustedProxies {
		_, err := netip.ParsePrefix(p)
		k.want(err == nil, "server.trusted_proxies", strconv.Quote(p)+" is not a network; write for example 10.0.0.0/8 or 192.0.2.7/32")
	}
}

// Proxies returns Server.TrustedProxies as networks.
func (c *Config) Proxies() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range c.Server.TrustedProxies {
		if prefix, err := netip.ParsePrefix(p); err == nil { // Load refuses the others
			all = append(all, prefix.Masked())
		}
	}
	return all
}
