package templates

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// spot is a place in an HTML text: where in its grammar (HTML Living Standard, section 13.2.5, reduced) the next character
// stands. The parser carries one along so that each output is escaped for its own place. Spots are comparable: branches of
// an if must end in the same one.
type spot struct {
	mode  htmlMode
	tag   string // the open tag's name, lower case; in rawMode the element whose text this is
	attr  string // the attribute's name, lower case
	quote byte   // of the attribute's value; 0: none
	url   urlMode
	begun string // what a URL began with, until its scheme is known
}

type htmlMode int

const (
	textMode    htmlMode = iota // between tags
	tagNameMode                 // after "<"
	inTagMode                   // between attributes
	attrMode                    // in an attribute's name
	afterMode                   // after an attribute's name
	beforeMode                  // after "="
	valueMode                   // in an attribute's value
	commentMode                 // in <!-- -->
	rawMode                     // in <style>
)

type urlMode int

const (
	noURL     urlMode = iota
	startURL          // nothing but space so far
	schemeURL         // literal text, scheme not complete
	hostURL           // after "https://", before the next "/"
	pathURL           // after the host
	queryURL          // behind "?" or "#", in mailto: or tel:, or after a whole URL from data
)

var (
	urlAttributes  = []string{"href", "src", "action", "formaction", "background", "cite", "longdesc", "poster", "data", "xlink:href"}
	fixedElements  = []string{"meta", "base", "link", "object", "embed", "iframe", "param"} // their attributes can act; no data in them
	fixedAttribute = []string{"style", "srcset", "srcdoc", "id", "class", "http-equiv"}
	imageAttribute = []string{"src", "background", "poster"}
)

// markupError is an error at an offset of the text that was fed.
type markupError struct {
	offset int
	detail string
}

func (e *markupError) Error() string { return e.detail }

// feed moves the spot over literal text.
func (p *spot) feed(text string) error {
	for i := 0; i < len(text); {
		next, err := p.consume(text, i)
		if err != nil {
			return &markupError{offset: i, detail: err.Error()}
		}
		i = next
	}
	return nil
}

// consume reads at least one character and returns where to go on.
func (p *spot) consume(text string, i int) (int, error) {
	c := text[i]
	switch p.mode {
	case textMode:
		return p.consumeText(text, i)
	case commentMode:
		if end := strings.Index(text[i:], "-->"); end >= 0 {
			*p = spot{}
			return i + end + len("-->"), nil
		}
		return len(text), nil
	case rawMode:
		if end := strings.Index(strings.ToLower(text[i:]), "</"+p.tag); end >= 0 {
			*p = spot{}
			return i + end, nil
		}
		return len(text), nil
	case tagNameMode:
		if isSpace(c) || c == '>' || c == '/' && p.tag != "" {
			p.mode = inTagMode
			if p.tag == "script" {
				return i, errors.New("a message must not hold a script")
			}
			return i, nil
		}
		p.tag += strings.ToLower(string(c))
		return i + 1, nil
	case inTagMode:
		switch {
		case c == '>':
			p.closeTag()
		case !isSpace(c) && c != '/':
			p.mode, p.attr = attrMode, ""
			return i, nil
		}
		return i + 1, nil
	case attrMode:
		if isSpace(c) || c == '=' || c == '>' || c == '/' {
			p.mode = afterMode
			if strings.HasPrefix(p.attr, "on") {
				return i, fmt.Errorf("the attribute %s would run a script", p.attr)
			}
			return i, nil
		}
		p.attr += strings.ToLower(string(c))
		return i + 1, nil
	case afterMode:
		switch {
		case c == '=':
			p.mode = beforeMode
		case !isSpace(c):
			p.mode, p.attr = inTagMode, ""
			return i, nil
		}
		return i + 1, nil
	case beforeMode:
		switch {
		case isSpace(c):
		case c == '"' || c == '\'':
			p.openValue(c)
		case c == '>':
			return i, fmt.Errorf("the attribute %s has no value", p.attr)
		default:
			p.openValue(0)
			return i, nil
		}
		return i + 1, nil
	case valueMode:
		return p.consumeValue(text, i)
	}
	return i + 1, nil
}

func (p *spot) consumeText(text string, i int) (int, error) {
	open := strings.IndexByte(text[i:], '<')
	if open < 0 {
		return len(text), nil
	}
	i += open
	rest := text[i:]
	skip := func(start, end string) (int, bool, error) {
		if len(rest) < len(start) || !strings.EqualFold(rest[:len(start)], start) {
			return 0, false, nil
		}
		length := strings.Index(rest, end)
		if length < 0 {
			return 0, true, fmt.Errorf("%s without its %s", start, end)
		}
		return i + length + len(end), true, nil
	}
	// Conditional comments of Outlook hold HTML that Outlook shows: only their marks are skipped.
	for _, mark := range [][2]string{{"<!--[if", "]>"}, {"<!-->", ">"}, {"<!--<![endif]", "-->"}, {"<![endif]", ">"}, {"<![if", "]>"}, {"<!doctype", ">"}, {"<?xml", ">"}} {
		if next, found, err := skip(mark[0], mark[1]); found {
			return next, err
		}
	}
	if strings.HasPrefix(rest, "<!--") {
		p.mode = commentMode
		return i + len("<!--"), nil
	}
	name := strings.TrimPrefix(rest[1:], "/")
	switch {
	case name == "" || rest[1] == '!' || rest[1] == '?':
		return i, errors.New("an unfinished tag: write &lt; for the sign itself")
	case !isLetter(name[0]):
		return i + 1, nil // a lone "<" before a space or a digit is text
	}
	*p = spot{mode: tagNameMode}
	if rest[1] == '/' {
		p.tag = "/"
		i++
	}
	return i + 1, nil
}

func (p *spot) closeTag() {
	tag := p.tag
	*p = spot{}
	if tag == "style" {
		*p = spot{mode: rawMode, tag: tag}
	}
}

func (p *spot) openValue(quote byte) {
	p.mode, p.quote, p.begun = valueMode, quote, ""
	p.url = noURL
	if slices.Contains(urlAttributes, p.attr) {
		p.url = startURL
	}
}

func (p *spot) consumeValue(text string, i int) (int, error) {
	c := text[i]
	ends := c == p.quote && c != 0 || p.quote == 0 && (isSpace(c) || c == '>')
	if !ends {
		return i + 1, p.feedURL(c)
	}
	if p.url == schemeURL {
		return i, p.badURL()
	}
	p.mode, p.attr, p.url, p.begun = inTagMode, "", noURL, ""
	if p.quote == 0 {
		p.quote = 0
		return i, nil
	}
	p.quote = 0
	return i + 1, nil
}

// feedURL follows a URL that is written in the template. What a link may begin with is a closed list, because what it may
// not ("javascript:", with entities, tabs or odd letter case in it) is an open one.
func (p *spot) feedURL(c byte) error {
	switch p.url {
	case noURL, queryURL:
	case startURL, schemeURL:
		if p.url == startURL && isSpace(c) {
			return nil
		}
		p.url, p.begun = schemeURL, p.begun+strings.ToLower(string(c))
		switch {
		case p.begun == "#" || p.begun == "mailto:" || p.begun == "tel:":
			p.url, p.begun = queryURL, ""
		case p.begun == "cid:" && slices.Contains(imageAttribute, p.attr):
			p.url, p.begun = queryURL, ""
		case p.begun == "http://" || p.begun == "https://":
			p.url, p.begun = hostURL, ""
		case len(p.begun) > len("https://"):
			return p.badURL()
		}
	case hostURL:
		if c == '/' {
			p.url = pathURL
		}
	case pathURL:
		if c == '?' || c == '#' {
			p.url = queryURL
		}
	}
	return nil
}

func (p *spot) badURL() error {
	return fmt.Errorf("the address in %s must be absolute, with one of the schemes https, http, mailto and tel", p.attr)
}

// output returns how data is written here, or why it must not be, and moves the spot over it.
func (p *spot) output() (func(v any, s string) (string, error), error) {
	switch p.mode {
	case textMode:
		return asHTML, nil
	case commentMode:
		return nil, errors.New("data must not stand in a comment")
	case rawMode:
		return nil, errors.New("data must not stand in <" + p.tag + ">")
	case tagNameMode, inTagMode, attrMode, afterMode, beforeMode:
		return nil, errors.New("data must not stand in a tag, only in the quotes of an attribute")
	case valueMode:
	}
	switch {
	case p.quote == 0:
		return nil, fmt.Errorf("the value of %s needs quotes around data", p.attr)
	case slices.Contains(fixedElements, p.tag) || slices.Contains(fixedAttribute, p.attr):
		return nil, fmt.Errorf("data must not stand in %s of <%s>", p.attr, p.tag)
	}
	switch p.url {
	case noURL:
		return asAttribute, nil
	case startURL:
		p.url = queryURL
		if slices.Contains(imageAttribute, p.attr) {
			return asImage, nil
		}
		return asLink, nil
	case pathURL:
		return asURLPath, nil
	case queryURL:
		return asURLPart, nil
	case schemeURL, hostURL:
	}
	return nil, errors.New("data must not stand in the scheme or the host of a link; give the whole address as one variable")
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }
