package sms

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orleu/elshi/channels"
)

// answer is a compiled Answer.
type answer struct {
	code, ref, words *selector
	accepted         []string
	causes           map[string]channels.Cause
	statuses         map[int]channels.Cause
}

func (a Answer) compile() (answer, error) {
	c := answer{accepted: a.Accepted, causes: a.Causes, statuses: a.Statuses}
	problems := []error{compileAll(slot{a.Code, &c.code}, slot{a.Ref, &c.ref}, slot{a.Words, &c.words})}
	if a.Code != "" && len(a.Accepted) == 0 {
		problems = append(problems, errors.New("accepted: with a code, want the codes that mean accepted"))
	}
	for code, cause := range a.Causes {
		problems = append(problems, checkCause(code, cause))
	}
	for status, cause := range a.Statuses {
		problems = append(problems, checkCause(strconv.Itoa(status), cause))
	}
	return c, errors.Join(problems...)
}

// checkCause keeps out the causes that say something about our own side.
func checkCause(code string, cause channels.Cause) error {
	own := []channels.Cause{channels.ConnectionLost, channels.LeaseExpired, channels.Stopped, channels.Unrenderable}
	if !slices.Contains(channels.Causes(), cause) || slices.Contains(own, cause) {
		return fmt.Errorf("code %q: cause %q is not one that a gateway can give", code, cause)
	}
	return nil
}

// maxWords bounds what is kept of a gateway's words, in bytes.
const maxWords = 500

// classify says what an answer means, the gateway's own code first, then the HTTP status:
//
//	2xx and an accepted code (or no code is described)  accepted
//	a listed code, whatever the status                  refused with its cause
//	another code                                        refused: 5xx unreachable, 429 rate_limited, else permanent
//	2xx without the code that was described             in doubt: something answered, but not the gateway we know
//	a status that the profile lists                     refused with its cause
//	429                                                 refused, rate_limited, with Retry-After
//	503                                                 refused, unreachable, with Retry-After: it says that the request was
//	                                                    not handled (RFC 9110 section 15.6.4), and is what a proxy answers
//	                                                    when no gateway is behind it
//	500, 502, 504 and other 5xx                         in doubt: the program broke, or the proxy lost it, after it had the request
//	401, 402, 403, 404, 405, other 3xx…                 refused, provider_refused_us: the account, its credit or our settings
//	408, 425                                            refused, temporary
//	413, 414, 431                                       refused, content_refused
//	other 4xx                                           refused, permanent
func (a answer) classify(status int, d document, now time.Time) result {
	code, hasCode := a.code.find(d)
	words := a.wordsOf(d)
	success := status >= 200 && status < 300
	if success && (a.code == nil || slices.Contains(a.accepted, code)) {
		ref, _ := a.ref.find(d)
		return result{outcome: channels.Accepted, ref: ref, words: words}
	}
	refused := func(cause channels.Cause) result {
		e := &channels.Error{Cause: cause, Code: status, Enhanced: code, Detail: words}
		if cause == channels.RateLimited || cause == channels.Unreachable {
			e.RetryAfter = retryAfter(d.header.Get("Retry-After"), now)
		}
		return result{outcome: channels.Refused, err: e}
	}
	if cause, listed := a.causes[code]; hasCode && listed {
		return refused(cause)
	}
	if cause, listed := a.statuses[status]; !hasCode && listed {
		return refused(cause)
	}
	switch {
	case status == http.StatusTooManyRequests:
		return refused(channels.RateLimited)
	case hasCode && status >= 500, status == http.StatusServiceUnavailable:
		return refused(channels.Unreachable)
	case success && hasCode:
		return refused(channels.Permanent)
	case success, status >= 500:
		return inDoubt(status, words)
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return refused(channels.Temporary)
	case status == http.StatusRequestEntityTooLarge, status == http.StatusRequestURITooLong, status == http.StatusRequestHeaderFieldsTooLarge:
		return refused(channels.ContentRefused)
	case status < 400, status <= http.StatusProxyAuthRequired && status != http.StatusBadRequest, status == http.StatusGone:
		return refused(channels.ProviderRefusedUs)
	}
	return refused(channels.Permanent)
}

func (a answer) wordsOf(d document) string {
	words, ok := a.words.find(d)
	if !ok {
		words = string(d.body)
	}
	if len(words) > maxWords {
		words = words[:maxWords]
	}
	return strings.TrimSpace(strings.ToValidUTF8(words, ""))
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3), at most a day.
func retryAfter(value string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
		wait = time.Duration(min(max(seconds, 0), 86400)) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), 24*time.Hour)
}
