package templates

import (
	"errors"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/values"
)

// What one Render may cost, whatever template and data say. The figures are far above any honest message.
const (
	maxOutput = 1 << 20 // bytes of one rendered field
	maxSteps  = 50_000  // nodes rendered, so also loop iterations
	maxSpent  = 16 << 20
	maxDepth  = 20   // blocks inside blocks
	maxMarks  = 1000 // of one field; what comes behind is not marked
)

// minFixed is how long a text must be, in bytes, to be marked as fixed: to copy a shorter one saves nothing.
const minFixed = 32

// node is a piece of a compiled text.
type node interface {
	render(r *run) error
}

// run is one rendering of one message; it belongs to one goroutine.
type run struct {
	out      []byte
	marks    []Mark
	first    int                 // what the field's own numbers of fixed texts are counted from
	roots    [len(roots)]scoped  // what every message brings
	message  map[string]any      // root message, with what is rendered already
	bindings map[string]any      // what the field assigns and loops over; roots only if scope needs them
	scope    expressions.Context // nil until an expression needs it
	config   expressions.Config
	steps    int
	spent    int  // bytes of data that expressions looked at
	lenient  bool // a condition is being evaluated: missing is false
}

// begin makes ready for a field.
func (r *run) begin(first int, config expressions.Config) {
	r.out, r.marks, r.first = r.out[:0], r.marks[:0], first
	r.scope, r.config = nil, config
	clear(r.bindings)
}

// context is what liquid evaluates expressions in. Many fields hold nothing but plain variables, which do not need it.
func (r *run) context() expressions.Context {
	if r.scope == nil {
		for i, root := range roots {
			r.bindings[root] = &r.roots[i]
		}
		r.scope = expressions.NewContext(r.bindings, r.config)
	}
	return r.scope
}

// charge counts what an expression reads, because filters work in time with it.
func (r *run) charge(v any) {
	switch v := v.(type) {
	case string:
		r.spent += len(v)
	case safeHTML:
		r.spent += len(v)
	case []any:
		r.spent += 16 * len(v)
	}
}

func (r *run) step() error {
	r.steps++
	if r.steps > maxSteps || r.spent > maxSpent {
		return &RenderError{Code: "too_long_running", Detail: "the template does more work than a message may need; shorten its loops"}
	}
	return nil
}

func (r *run) write(s string) error {
	if len(r.out)+len(s) > maxOutput {
		return &RenderError{Code: "too_large", Detail: "the text grows beyond 1 MiB"}
	}
	r.out = append(r.out, s...)
	return nil
}

// evaluate returns an expression's value; in an output or a loop (not lenient) a missing variable is an error.
func (r *run) evaluate(e *expr, lenient bool) (any, error) {
	if v := r.look(e); v != nil {
		return v, nil
	}
	r.lenient = lenient
	v, err := e.eval.Evaluate(r.context())
	if err != nil {
		if failed, ok := errors.AsType[expressions.FilterError](err); ok {
			err = failed.Err
		}
		switch err.(type) { //nolint:errorlint // filters return these two unwrapped
		case *MissingVariable, *RenderError:
			return nil, err
		}
		return nil, badValue("%s cannot be worked out from this data", e.text) // liquid's own words would repeat the data
	}
	if missing, ok := v.(*MissingVariable); ok && !lenient {
		return nil, missing
	}
	if v == nil && !lenient {
		return nil, &MissingVariable{Name: e.text}
	}
	return v, nil
}

// look returns the value of a plain variable as liquid would find it; nil if it is not there, for whatever reason: then liquid says
// which part is missing.
func (r *run) look(e *expr) any {
	if len(e.keys) == 0 {
		return nil
	}
	var root *scoped
	if e.root >= 0 {
		root = &r.roots[e.root]
	} else if root, _ = r.bindings[e.keys[0]].(*scoped); root == nil {
		return nil
	}
	v := root.value
	for _, key := range e.keys[1:] {
		if v = child(v, key); v == nil {
			return nil
		}
	}
	v = plain(v)
	r.charge(v)
	return v
}

func (r *run) renderAll(nodes []node) error {
	for _, n := range nodes {
		if err := n.render(r); err != nil {
			return err
		}
	}
	return nil
}

// literal is what stands between tags.
type literal struct {
	text  string
	fixed int // its number among the field's fixed texts; -1: too short to be one
}

func (n *literal) render(r *run) error {
	if err := r.step(); err != nil {
		return err
	}
	if n.fixed >= 0 && len(r.marks) < maxMarks {
		r.marks = append(r.marks, Mark{At: len(r.out), Fixed: r.first + n.fixed})
	}
	return r.write(n.text)
}

// output is {{ … }}.
type output struct {
	*expr
	line   int
	escape func(v any, s string) (string, error)
}

func (n *output) render(r *run) error {
	if err := r.step(); err != nil {
		return err
	}
	v, err := r.evaluate(n.expr, false)
	if err != nil {
		return atLine(err, n.line)
	}
	s, err := text(v)
	if err == nil {
		s, err = n.escape(v, clean(s))
	}
	if err != nil {
		return atLine(badNamed(err, n.text), n.line)
	}
	return r.write(s)
}

// branch is if, unless or case: the first arm whose test holds is rendered.
type branch struct {
	line    int
	subject *expr // case only
	arms    []arm
}

type arm struct {
	tests  []*expr // none: else
	negate bool    // unless
	body   []node
}

func (n *branch) render(r *run) error {
	if err := r.step(); err != nil {
		return err
	}
	var subject any
	if n.subject != nil {
		var err error
		if subject, err = r.evaluate(n.subject, true); err != nil {
			return atLine(err, n.line)
		}
	}
	for _, a := range n.arms {
		holds := len(a.tests) == 0
		for _, test := range a.tests {
			v, err := r.evaluate(test, true)
			if err != nil {
				return atLine(err, n.line)
			}
			if n.subject != nil {
				holds = holds || values.Equal(plain(subject), plain(v))
			} else {
				holds = truthy(v) != a.negate
			}
		}
		if holds {
			return r.renderAll(a.body)
		}
	}
	return nil
}

// assign is {% assign x = … %}.
type assign struct {
	line int
	name string
	*expr
}

func (n *assign) render(r *run) error {
	if err := r.step(); err != nil {
		return err
	}
	v, err := r.evaluate(n.expr, false)
	if err != nil {
		return atLine(err, n.line)
	}
	r.bindings[n.name] = &scoped{run: r, key: n.name, index: -1, value: v}
	return nil
}

// jump is break or continue. Its two values travel up to the loop as errors.
type jump struct{ err error }

var (
	errBreak    = errors.New("break outside a loop")
	errContinue = errors.New("continue outside a loop")
)

func (n jump) render(*run) error { return n.err }

// loop is for.
type loop struct {
	line          int
	name          string
	over          *expr
	limit, offset *expr
	reversed      bool
	usesForloop   bool
	body, empty   []node
}

func (n *loop) render(r *run) error {
	if err := r.step(); err != nil {
		return err
	}
	v, err := r.evaluate(n.over, false)
	if err != nil {
		return atLine(err, n.line)
	}
	count, at, err := n.sequence(v)
	if err != nil {
		return atLine(err, n.line)
	}
	first, last, err := n.window(r, count)
	if err != nil {
		return atLine(err, n.line)
	}
	if first >= last {
		return r.renderAll(n.empty)
	}
	// Later iterations and the text after the loop see what was bound before it.
	outer, outerLoop := r.bindings[n.name], r.bindings["forloop"]
	defer func() { r.bindings[n.name], r.bindings["forloop"] = outer, outerLoop }()
	for i := first; i < last; i++ {
		place := i
		if n.reversed {
			place = first + last - 1 - i
		}
		r.bindings[n.name] = &scoped{run: r, key: n.over.text, index: place, value: at(place)}
		if n.usesForloop {
			r.bindings["forloop"] = &scoped{run: r, key: "forloop", index: -1, value: map[string]any{
				"index": i - first + 1, "index0": i - first, "first": i == first, "last": i == last-1,
				"length": last - first, "rindex": last - i, "rindex0": last - i - 1,
			}}
		}
		if err := r.step(); err != nil { // an empty body must count, too
			return err
		}
		switch err := r.renderAll(n.body); {
		case err == nil, errors.Is(err, errContinue):
		case errors.Is(err, errBreak):
			return nil
		default:
			return err
		}
	}
	return nil
}

func (n *loop) sequence(v any) (count int, at func(int) any, err error) {
	if span, ok := v.(values.Range); ok {
		return max(span.Len(), 0), span.Index, nil // never as a list: (1..1000000000) must cost nothing before it is too long
	}
	items := list(v)
	if items == nil {
		return 0, nil, badValue("%s is not a list", n.over.text)
	}
	return len(items), func(i int) any { return items[i] }, nil
}

func (n *loop) window(r *run, count int) (first, last int, err error) {
	last = count
	if n.offset != nil {
		if first, err = r.wholeNumber(n.offset); err != nil {
			return 0, 0, err
		}
	}
	if n.limit != nil {
		limit, err := r.wholeNumber(n.limit)
		if err != nil {
			return 0, 0, err
		}
		if limit < count-min(first, count) {
			last = first + limit
		}
	}
	return first, last, nil
}

func (r *run) wholeNumber(e *expr) (int, error) {
	v, err := r.evaluate(e, false)
	if err != nil {
		return 0, err
	}
	switch n := plain(v).(type) {
	case int:
		return max(n, 0), nil
	case float64:
		return max(int(n), 0), nil
	}
	return 0, badValue("%s is not a whole number", e.text)
}

// atLine puts the line on an error that has none yet; the field is put on by whoever renders the field.
func atLine(err error, line int) error {
	return located(err, "", line)
}

// badNamed puts the expression before the sentence of a bad value.
func badNamed(err error, text string) error {
	if e, ok := errors.AsType[*RenderError](err); ok {
		return &RenderError{Code: e.Code, Detail: text + ": " + e.Detail}
	}
	return err
}
