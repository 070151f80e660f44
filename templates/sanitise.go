package templates

import (
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	xhtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// newlineFilter keeps the line breaks of plain text. In HTML it escapes first, so that its result may stand as it is.
func newlineFilter(s setting, v any, _ []any) (any, error) {
	if !s.html {
		return v, nil
	}
	raw, err := text(v)
	if err != nil {
		return nil, err
	}
	if _, isSafe := v.(safeHTML); !isSafe {
		raw = escapeHTML(clean(raw))
	}
	return safeHTML(strings.ReplaceAll(raw, "\n", "<br>\n")), nil
}

// policy is what safe_html lets through: the formatting that an editor makes, and links. No images: they would be pixels
// that nobody approved.
var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "b", "strong", "i", "em", "u", "s", "ul", "ol", "li", "blockquote", "h2", "h3", "h4", "hr", "span", "sup", "sub")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes(linkSchemes...)
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	return p
})

var noMarkup = sync.OnceValue(bluemonday.StrictPolicy)

func safeHTMLFilter(_ setting, v any, _ []any) (any, error) {
	s, err := text(v)
	if err != nil {
		return nil, err
	}
	return balanced(policy().Sanitize(clean(s)))
}

// balanced closes what the sanitiser leaves open, so that one field cannot make the rest of the message bold.
func balanced(s string) (any, error) {
	nodes, err := xhtml.ParseFragment(strings.NewReader(s), &xhtml.Node{Type: xhtml.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil {
		return nil, badValue("the HTML cannot be read")
	}
	var b strings.Builder
	for _, n := range nodes {
		if err := xhtml.Render(&b, n); err != nil {
			return nil, badValue("the HTML cannot be read")
		}
	}
	return safeHTML(b.String()), nil
}
