package evidence

import (
	"embed"
	"fmt"
	"io"
	"strings"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
)

//go:embed fonts/*.ttf
var fonts embed.FS

// The fonts: PT Sans and PT Mono have every letter of Kazakh, and are made for reading on paper.
const (
	sans = "PT Sans"
	mono = "PT Mono"
)

// The measures of a page, in millimetres, and the sizes of letters, in points.
const (
	pageMargin  = 16.0
	labelWidth  = 46.0
	gap         = 3.0
	bodySize    = 9.0
	codeSize    = 7.5
	lineFactor  = 0.45 // of a line's height to its letters' size: millimetres for each point
	quoteIndent = 4.0
)

// PDF writes the evidence as a PDF of A4 pages with the JSON document attached. The same document is the same bytes.
func (k *Maker) PDF(w io.Writer, s Sealed) error {
	sh := k.sheet(s)
	p := &paper{Fpdf: fpdf.New("P", "mm", "A4", "")}
	for _, f := range []struct{ family, style, file string }{
		{sans, "", "fonts/PTSans-Regular.ttf"}, {sans, "B", "fonts/PTSans-Bold.ttf"}, {mono, "", "fonts/PTMono-Regular.ttf"},
	} {
		letters, err := fonts.ReadFile(f.file)
		if err != nil {
			return err
		}
		p.AddUTF8FontFromBytes(f.family, f.style, letters)
	}
	p.SetCatalogSort(true)
	p.SetCreationDate(s.Document.GeneratedAt)
	p.SetModificationDate(s.Document.GeneratedAt)
	p.SetTitle(sh.Title+" "+string(s.Document.Message.ID), true)
	p.SetSubject(printable(sh.Verdict), true)
	p.SetAuthor(printable(s.Document.Operator.Name), true)
	p.SetCreator("Elshi", true)
	p.SetLang(string(sh.Lang))
	p.SetAttachments([]fpdf.Attachment{{Content: s.JSON, Filename: s.FileName(), Description: sh.Title}})
	p.SetMargins(pageMargin, pageMargin, pageMargin)
	p.SetCellMargin(0)
	p.SetAutoPageBreak(false, pageMargin) // see room
	p.AliasNbPages("")
	p.SetFooterFunc(func() {
		p.SetY(-pageMargin + 4)
		p.SetFont(sans, "", 8)
		p.SetTextColor(90, 90, 90)
		p.CellFormat(0, 4, string(s.Document.Message.ID), "", 0, "L", false, 0, "")
		p.SetX(pageMargin)
		p.CellFormat(0, 4, fmt.Sprintf("%s %d %s {nb}", say(sh.Lang, "page"), p.PageNo(), say(sh.Lang, "of")), "", 0, "R", false, 0, "")
		p.SetTextColor(0, 0, 0)
	})
	p.AddPage()
	p.sheet(sh)
	return p.Output(w)
}

// paper is a PDF being written. It breaks lines and pages itself: a row of a table or a fact stays on one page as long as it fits on one.
type paper struct{ *fpdf.Fpdf }

func (p *paper) width() float64 {
	w, _ := p.GetPageSize()
	return w - 2*pageMargin
}

// room begins a new page if less than height is left on this one.
func (p *paper) room(height float64) {
	_, h := p.GetPageSize()
	if bottom := h - pageMargin; p.GetY()+height > bottom && p.GetY() > pageMargin {
		p.AddPage()
	}
}

// style is how letters look.
type style struct {
	family, weight string
	size           float64
}

var (
	plain = style{sans, "", bodySize}
	bold  = style{sans, "B", bodySize}
	code  = style{mono, "", codeSize}
)

func (s style) line() float64 { return s.size * lineFactor }

func (p *paper) use(s style) { p.SetFont(s.family, s.weight, s.size) }

// wrap breaks a text into lines that are at most width wide: at spaces, and a word that is longer than a line where the line ends.
func (p *paper) wrap(text string, s style, width float64) []string {
	p.use(s)
	var lines []string
	for paragraph := range strings.SplitSeq(printable(text), "\n") {
		line := ""
		for word := range strings.FieldsSeq(paragraph) {
			joined := strings.TrimPrefix(line+" "+word, " ")
			if p.GetStringWidth(joined) <= width {
				line = joined
				continue
			}
			if line != "" {
				lines = append(lines, line)
			}
			for line = word; p.GetStringWidth(line) > width; {
				head, tail := p.cut(line, width)
				lines, line = append(lines, head), tail
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// cut parts a word where a line ends; the head has at least one letter.
func (p *paper) cut(word string, width float64) (head, tail string) {
	letters := []rune(word)
	n := 1
	for n < len(letters) && p.GetStringWidth(string(letters[:n+1])) <= width {
		n++
	}
	return string(letters[:n]), string(letters[n:])
}

// printable is a text without what the fonts' tables cannot hold: they end with the basic plane of Unicode. The JSON document has it as it is.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.IsSpace(r):
			return ' '
		case r > 0xFFFF || r == unicode.ReplacementChar:
			return '□'
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text)
}

// lines writes lines at x, one below the other.
func (p *paper) lines(lines []string, s style, x float64) {
	for _, line := range lines {
		p.room(s.line())
		p.use(s)
		p.SetX(x)
		p.CellFormat(0, s.line(), line, "", 1, "L", false, 0, "")
	}
}
