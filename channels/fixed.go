package channels

import "sync"

// Fixed is a text that many messages say alike: a stretch of a template that no variable changes. Whoever compiles the template owns it;
// a channel may keep in it what it made of the text, so that it makes that once and not once a message. It is safe for concurrent use.
type Fixed struct {
	Text string // never changed

	once sync.Once
	form any
}

// Form returns what encode made of the text. The first caller's encode is called, once, and every later caller gets the same value, which
// it must not change; a caller that shares the text with another kind of channel looks at the value's type.
func (f *Fixed) Form(encode func(text string) any) any {
	f.once.Do(func() { f.form = encode(f.Text) })
	return f.form
}

// Mark says that a fixed text stands in a message's text.
type Mark struct {
	At    int // offset of its first byte
	Fixed *Fixed
}

// In says whether the mark is true of a text whose first from bytes are spoken for: the text itself is what counts.
func (m Mark) In(text string, from int) bool {
	return m.Fixed != nil && m.At >= from && m.At <= len(text) && len(m.Fixed.Text) <= len(text)-m.At && text[m.At:m.At+len(m.Fixed.Text)] == m.Fixed.Text
}
