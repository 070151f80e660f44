package templates

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"
)

// maxSource bounds one source, in bytes.
const maxSource = 200 << 10

// reserved are the variables that every message brings; data is the caller's and open. message.subject and message.preheader
// are the rendered ones, for HTML and text.
var reserved = map[string][]string{
	"contact": {"name", "language"},
	"org":     {"name", "short_name", "address", "url"},
	"links":   {"unsubscribe", "preferences", "why", "keep"},
	"message": {"id", "purpose", "subject", "preheader"},
	"data":    nil,
}

// roots are the names of reserved, in an order.
var roots = [...]string{"contact", "org", "links", "message", "data"}

// program is a compiled source.
type program struct {
	nodes  []node
	uses   []string // variables it reads, sorted; elements of lists as "data.articles[].title"
	always []string // variables that it prints whatever the data are
	size   int      // of the source, in bytes: about what it will print
	fixed  []string // texts that are worth marking
	first  int      // place of the first of them among the version's
}

// parsing turns liquid's syntax tree into nodes. The tree is liquid's; rendering is ours, because liquid's renderer writes
// nothing for a missing variable, does not escape, and loops for ever over (1..1000000000).
type parsing struct {
	source   string
	lines    []string
	at       *spot             // nil in plain text
	locals   map[string]string // variable → path it stands for, "" if unknown
	loops    []spot            // where the bodies of the open loops began
	uses     map[string]bool
	fixed    []string
	problems []problem
}

// parse compiles a source. The program is only whole if there are no problems.
func parse(source string, isHTML bool) (program, []problem) {
	p := &parsing{source: source, lines: strings.Split(source, "\n"), locals: map[string]string{}, uses: map[string]bool{}}
	if len(source) > maxSource {
		return program{}, []problem{{code: "too_large", detail: "the source is larger than 200 KB"}}
	}
	if !utf8.ValidString(source) {
		return program{}, []problem{{code: "bad_encoding", detail: "the source is not UTF-8"}}
	}
	if isHTML {
		p.at = &spot{}
	}
	tree, err := syntaxTree(source)
	if err != nil {
		p.syntaxError(err)
		return program{}, p.problems
	}
	nodes, always := p.sequence(tree, 0)
	if isHTML && len(p.problems) == 0 && p.at.mode != textMode {
		p.problem(len(p.lines), p.lines[len(p.lines)-1], "bad_html", "the source ends inside a tag, a comment or <style>")
	}
	return program{
		nodes: nodes, uses: slices.Sorted(maps.Keys(p.uses)), always: slices.Sorted(maps.Keys(always)), size: len(source),
		fixed: p.fixed,
	}, p.problems
}

// grammar tells liquid's parser which blocks exist. Other standard tags are left out on purpose: include reads files, raw
// prints {{ }}, capture would escape twice.
func grammar() render.Config {
	config := render.NewConfig()
	config.AddBlock("if").Clause("else").Clause("elsif")
	config.AddBlock("unless").Clause("else").Clause("elsif")
	config.AddBlock("case").Clause("when").Clause("else")
	config.AddBlock("for").Clause("else")
	config.AddBlock("comment")
	return config
}

func syntaxTree(source string) (tree []parser.ASTNode, err error) {
	defer func() { // liquid's scanner panics on some input that is not an expression
		if r := recover(); r != nil {
			err = errors.New("the source cannot be parsed")
		}
	}()
	if err := precheck(source); err != nil {
		return nil, err
	}
	root, parseErr := grammar().Parse(source, parser.SourceLoc{LineNo: 1})
	if parseErr != nil {
		return nil, parseErr
	}
	return root.(*parser.ASTSeq).Children, nil
}

// precheck finds what liquid's parser does not survive (a huge number) or does not see (a comment that never ends, which
// silently swallows the rest of the text).
func precheck(source string) error {
	var comment *parser.Token
	for _, tok := range parser.Scan(source, parser.SourceLoc{LineNo: 1}, nil) {
		switch {
		case comment != nil:
			if tok.Type == parser.TagTokenType && tok.Name == "endcomment" {
				comment = nil
			}
		case tok.Type == parser.TagTokenType && tok.Name == "comment":
			comment = &tok
		case tok.Type == parser.ObjTokenType:
			if _, err := lex(tok.Args); err != nil {
				return parser.Errorf(tok, "%s", err)
			}
		}
	}
	if comment != nil {
		return parser.Errorf(comment, "comment without its endcomment")
	}
	return nil
}

var liquidError = regexp.MustCompile(`(?s)^Liquid error(?: \(line \d+\))?: (.*) in (\{[{%].*)$`)

func (p *parsing) syntaxError(err error) {
	at, ok := errors.AsType[parser.Error](err)
	if !ok {
		p.problem(0, "", "bad_syntax", err.Error())
		return
	}
	detail, where := at.Error(), ""
	if parts := liquidError.FindStringSubmatch(detail); parts != nil {
		detail, where = parts[1]+" in "+parts[2], parts[2]
	}
	p.problem(at.LineNumber(), where, "bad_syntax", detail)
}

// problem notes what is wrong at a piece of source that begins on a line (from 1). Liquid knows lines only, so the column is
// where that line first holds the piece.
func (p *parsing) problem(line int, piece, code, detail string) {
	column := 0
	if line >= 1 && line <= len(p.lines) {
		first, _, _ := strings.Cut(piece, "\n")
		column = 1
		if i := strings.Index(p.lines[line-1], first); i > 0 {
			column = utf8.RuneCountInString(p.lines[line-1][:i]) + 1
		}
	}
	p.problems = append(p.problems, problem{line: line, column: column, code: code, detail: detail})
}

func (p *parsing) wrong(tok parser.Token, code, format string, args ...any) {
	p.problem(tok.SourceLoc.LineNo, tok.Source, code, fmt.Sprintf(format, args...))
}

// sequence compiles siblings and returns what they print in any case.
func (p *parsing) sequence(tree []parser.ASTNode, depth int) (nodes []node, always map[string]bool) {
	always = map[string]bool{}
	for i, n := range tree {
		switch n := n.(type) {
		case *parser.ASTText:
			trimLeft := i > 0 && isTrim(tree[i-1], parser.Right)
			trimRight := i+1 < len(tree) && isTrim(tree[i+1], parser.Left)
			if text := p.text(n.Token, trimLeft, trimRight); text != "" {
				nodes = append(nodes, p.literal(text))
			}
		case *parser.ASTObject:
			if out := p.output(n); out != nil {
				nodes = append(nodes, out)
				for _, path := range out.paths {
					always[p.resolve(path)] = true
				}
			}
		case *parser.ASTTag:
			if made := p.tag(n.Token); made != nil {
				nodes = append(nodes, made)
			}
		case *parser.ASTBlock:
			if depth >= maxDepth {
				p.wrong(n.Token, "too_deep", "more than %d blocks inside each other", maxDepth)
				return nodes, always
			}
			made, printed := p.block(n, depth+1)
			if made != nil {
				nodes = append(nodes, made)
			}
			maps.Copy(always, printed)
		}
	}
	return nodes, always
}

func (p *parsing) literal(text string) *literal {
	if len(text) < minFixed {
		return &literal{text, -1}
	}
	p.fixed = append(p.fixed, text)
	return &literal{text, len(p.fixed) - 1}
}

func isTrim(n parser.ASTNode, direction parser.TrimDirection) bool {
	trim, ok := n.(*parser.ASTTrim)
	return ok && trim.TrimDirection == direction
}

func (p *parsing) text(tok parser.Token, trimLeft, trimRight bool) string {
	text, line := tok.Source, tok.SourceLoc.LineNo
	for _, opener := range []string{"{{", "{%"} {
		if i := strings.Index(text, opener); i >= 0 {
			p.problem(line+strings.Count(text[:i], "\n"), opener, "bad_syntax", opener+" without its end on the same line")
			return ""
		}
	}
	if trimLeft {
		trimmed := strings.TrimLeftFunc(text, unicode.IsSpace)
		line += strings.Count(text[:len(text)-len(trimmed)], "\n")
		text = trimmed
	}
	if trimRight {
		text = strings.TrimRightFunc(text, unicode.IsSpace)
	}
	if p.at == nil || len(p.problems) > 0 { // after one problem the place in the HTML is not sure any more
		return text
	}
	if bad, ok := errors.AsType[*markupError](p.at.feed(text)); ok {
		before := text[:bad.offset]
		piece := before[strings.LastIndexByte(before, '\n')+1:] + text[bad.offset:]
		p.problem(line+strings.Count(before, "\n"), piece, "bad_html", bad.detail)
	}
	return text
}

func (p *parsing) output(n *parser.ASTObject) *output {
	e := p.expression(n.Token, n.Args)
	if e == nil {
		return nil
	}
	out := &output{expr: e, line: n.SourceLoc.LineNo, escape: asText}
	if p.at != nil && len(p.problems) == 0 {
		escape, err := p.at.output()
		if err != nil {
			p.wrong(n.Token, "bad_html", "%s", err)
			return nil
		}
		out.escape = escape
	}
	return out
}

// expression compiles an expression and looks its variables and filters up; nil if it noted a problem.
func (p *parsing) expression(tok parser.Token, source string) *expr {
	words, err := lex(source)
	if err != nil {
		p.wrong(tok, "bad_syntax", "%s", err)
		return nil
	}
	eval, err := parseExpression(source)
	if err != nil {
		p.wrong(tok, "bad_syntax", "%s", err)
		return nil
	}
	return p.named(tok, &expr{eval: eval, text: strings.TrimSpace(source)}, words)
}

func parseExpression(source string) (eval expressions.Expression, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the expression cannot be parsed")
		}
	}()
	return expressions.Parse(source)
}

// named notes what an expression uses.
func (p *parsing) named(tok parser.Token, e *expr, words []word) *expr {
	paths, filters := facts(words)
	if len(filters) > maxFilters {
		p.wrong(tok, "bad_syntax", "more than %d filters in one expression", maxFilters)
		return nil
	}
	for _, name := range filters {
		if !known(name) {
			p.wrong(tok, "unknown_filter", "unknown filter %q; there are %s", name, knownFilters())
			return nil
		}
		if name == "safe_html" && p.at == nil {
			p.wrong(tok, "unknown_filter", "safe_html is for HTML; use strip_html here")
			return nil
		}
	}
	for _, path := range paths {
		if !p.use(tok, path) {
			return nil
		}
	}
	e.paths = paths
	if isPlain(words) {
		e.plain, e.keys = paths[0], strings.Split(paths[0], ".")
		e.root = slices.Index(roots[:], e.keys[0])
	}
	return e
}

// use checks that a variable can exist and notes it.
func (p *parsing) use(tok parser.Token, path string) bool {
	root, rest, _ := strings.Cut(path, ".")
	root = strings.TrimSuffix(root, "[]")
	if _, local := p.locals[root]; local || root == "forloop" {
		if name := p.resolve(path); name != "" {
			p.uses[name] = true
		}
		return true
	}
	names, ok := reserved[root]
	if !ok {
		p.wrong(tok, "unknown_variable", "unknown variable %q; the caller's data are data.…", path)
		return false
	}
	first, _, _ := strings.Cut(rest, ".")
	if names != nil && !slices.Contains(names, first) {
		p.wrong(tok, "unknown_variable", "unknown variable %q; %s has %s", path, root, strings.Join(names, ", "))
		return false
	}
	p.uses[path] = true
	return true
}

// resolve returns a path with loop variables and plain assignments replaced by what they stand for; "" if that is unknown.
func (p *parsing) resolve(path string) string {
	root := path
	if i := strings.IndexAny(path, ".["); i >= 0 {
		root = path[:i]
	}
	stands, local := p.locals[root]
	switch {
	case !local && root != "forloop":
		return path
	case stands == "":
		return ""
	}
	return stands + path[len(root):]
}
