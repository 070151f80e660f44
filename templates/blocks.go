package templates

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/parser"
)

// tag compiles a tag that is not a block.
func (p *parsing) tag(tok parser.Token) node {
	switch tok.Name {
	case "assign":
		return p.assign(tok)
	case "break", "continue":
		if len(p.loops) == 0 {
			p.wrong(tok, "bad_syntax", "%s outside a loop", tok.Name)
			return nil
		}
		if p.at != nil && *p.at != p.loops[len(p.loops)-1] {
			p.wrong(tok, "bad_html", "%s leaves the loop inside a tag that began in it", tok.Name)
			return nil
		}
		if tok.Name == "break" {
			return jump{errBreak}
		}
		return jump{errContinue}
	}
	p.wrong(tok, "unknown_tag", "unknown tag %q; there are if, unless, case, for, break, continue, assign, comment", tok.Name)
	return nil
}

func (p *parsing) assign(tok parser.Token) node {
	name, source, found := strings.Cut(tok.Args, "=")
	name = strings.TrimSpace(name)
	if !found || !p.canBind(tok, name) {
		if found {
			return nil
		}
		p.wrong(tok, "bad_syntax", "want {%% assign name = value %%}")
		return nil
	}
	e := p.expression(tok, source)
	if e == nil {
		return nil
	}
	stands := ""
	if e.plain != "" {
		stands = p.resolve(e.plain)
	}
	p.locals[name] = stands
	return &assign{line: tok.SourceLoc.LineNo, name: name, expr: e}
}

func (p *parsing) canBind(tok parser.Token, name string) bool {
	words, err := lex(name)
	if err != nil || len(words) != 1 || words[0].kind != identWord || slices.Contains(operators, name) {
		p.wrong(tok, "bad_syntax", "%q is not a name", name)
		return false
	}
	if _, taken := reserved[name]; taken || name == "forloop" {
		p.wrong(tok, "bad_syntax", "the name %q is reserved", name)
		return false
	}
	return true
}

// block compiles a block and returns what it prints in any case.
func (p *parsing) block(n *parser.ASTBlock, depth int) (node, map[string]bool) {
	switch n.Name {
	case "if", "unless", "case":
		return p.branch(n, depth)
	case "for":
		return p.loop(n, depth), nil // its list may be empty
	}
	p.wrong(n.Token, "unknown_tag", "unknown tag %q", n.Name)
	return nil, nil
}

func (p *parsing) branch(n *parser.ASTBlock, depth int) (node, map[string]bool) {
	made := &branch{line: n.SourceLoc.LineNo}
	fork := p.fork()
	var printed map[string]bool
	add := func(tests []*expr, negate bool, tree []parser.ASTNode) {
		fork.begin()
		body, always := p.sequence(tree, depth)
		fork.end(n.Token)
		made.arms = append(made.arms, arm{tests: tests, negate: negate, body: body})
		if printed == nil {
			printed = always
			return
		}
		maps.DeleteFunc(printed, func(path string, _ bool) bool { return !always[path] })
	}
	if n.Name == "case" {
		if made.subject = p.expression(n.Token, n.Args); made.subject == nil {
			return nil, nil
		}
		for _, stray := range n.Body {
			if t, ok := stray.(*parser.ASTText); !ok && !isTrim(stray, parser.Left) && !isTrim(stray, parser.Right) || ok && strings.TrimSpace(t.Source) != "" {
				p.wrong(n.Token, "bad_syntax", "something stands before the first when")
				return nil, nil
			}
		}
	} else {
		test := p.expression(n.Token, n.Args)
		if test == nil {
			return nil, nil
		}
		add([]*expr{test}, n.Name == "unless", n.Body)
	}
	complete := false
	for _, clause := range n.Clauses {
		if complete {
			p.wrong(clause.Token, "bad_syntax", "%s after else", clause.Name)
			return nil, nil
		}
		var tests []*expr
		switch clause.Name {
		case "else":
			complete = true
			if strings.TrimSpace(clause.Args) != "" {
				p.wrong(clause.Token, "bad_syntax", "else takes no condition; write elsif")
				return nil, nil
			}
		case "elsif":
			tests = []*expr{p.expression(clause.Token, clause.Args)}
		case "when":
			for source := range splitList(clause.Args) {
				tests = append(tests, p.expression(clause.Token, source))
			}
		}
		if slices.Contains(tests, nil) {
			return nil, nil
		}
		add(tests, false, clause.Body)
	}
	if !complete {
		fork.begin()
		fork.end(n.Token)
		printed = nil
	}
	return made, printed
}

// splitList yields the expressions between the commas of a when, which may stand in quotes.
func splitList(source string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quote, start := byte(0), 0
		for i := range len(source) {
			switch c := source[i]; {
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '"' || c == '\'':
				quote = c
			case c == ',':
				if !yield(source[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(source[start:])
	}
}

func (p *parsing) loop(n *parser.ASTBlock, depth int) node {
	words, err := lex(n.Args)
	if err != nil {
		p.wrong(n.Token, "bad_syntax", "%s", err)
		return nil
	}
	made := &loop{line: n.SourceLoc.LineNo}
	parsed, err := parseLoop(n.Args)
	if err != nil || len(words) < 3 || parsed.Cols != nil {
		p.wrong(n.Token, "bad_syntax", "want {%% for name in list %%}, perhaps with limit:, offset: or reversed")
		return nil
	}
	if !p.canBind(n.Token, parsed.Variable) {
		return nil
	}
	// "reversed" is the one word behind the list that is neither a variable nor a filter.
	listWords := slices.DeleteFunc(words[2:], func(w word) bool { return parsed.Reversed && w == word{identWord, "reversed"} })
	_, listText, _ := strings.Cut(n.Args, " in ")
	for _, modifier := range []string{" limit:", " offset:", " reversed"} {
		listText, _, _ = strings.Cut(listText, modifier)
	}
	made.over = p.named(n.Token, &expr{eval: parsed.Expr, text: strings.TrimSpace(listText)}, listWords)
	if made.over == nil {
		return nil
	}
	made.name, made.reversed = parsed.Variable, parsed.Reversed
	if parsed.Limit != nil {
		made.limit = &expr{eval: parsed.Limit, text: "limit"}
	}
	if parsed.Offset != nil {
		made.offset = &expr{eval: parsed.Offset, text: "offset"}
	}
	made.usesForloop = strings.Contains(p.source, "forloop")

	stands := ""
	if len(made.over.paths) > 0 && made.over.paths[0] == made.over.text {
		if path := p.resolve(made.over.text); path != "" {
			stands = path + "[]"
		}
	}
	outer, shadows := p.locals[made.name]
	p.locals[made.name] = stands
	fork := p.fork()
	fork.begin()
	if p.at != nil {
		p.loops = append(p.loops, *p.at)
	} else {
		p.loops = append(p.loops, spot{})
	}
	made.body, _ = p.sequence(n.Body, depth)
	p.loops = p.loops[:len(p.loops)-1]
	fork.end(n.Token)
	delete(p.locals, made.name)
	if shadows {
		p.locals[made.name] = outer
	}
	fork.begin()
	for i, clause := range n.Clauses {
		if i > 0 {
			p.wrong(clause.Token, "bad_syntax", "a second else")
			return nil
		}
		made.empty, _ = p.sequence(clause.Body, depth)
	}
	fork.end(n.Token)
	return made
}

func parseLoop(source string) (parsed expressions.Loop, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the loop cannot be parsed")
		}
	}()
	statement, err := expressions.ParseStatement(expressions.LoopStatementSelector, source)
	if err != nil {
		return expressions.Loop{}, err
	}
	if statement.Expr == nil {
		return expressions.Loop{}, errors.New("no loop")
	}
	return statement.Loop, nil
}

// fork holds the branches of a block to one rule: whichever is taken, the HTML goes on at the same place.
type fork struct {
	p     *parsing
	start spot
	ends  []spot
}

func (p *parsing) fork() *fork {
	f := &fork{p: p}
	if p.at != nil {
		f.start = *p.at
	}
	return f
}

func (f *fork) begin() {
	if f.p.at != nil {
		*f.p.at = f.start
	}
}

func (f *fork) end(tok parser.Token) {
	if f.p.at == nil {
		return
	}
	f.ends = append(f.ends, *f.p.at)
	if len(f.p.problems) == 0 && f.ends[0] != *f.p.at {
		f.p.wrong(tok, "bad_html", "the branches of %s end at different places of the HTML; put whole tags and whole addresses into each", tok.Name)
	}
}
