package evidence

// sheet writes the whole of it.
func (p *paper) sheet(s sheet) {
	title := style{sans, "B", 15}
	p.lines(p.wrap(s.Title, title, p.width()), title, pageMargin)
	p.Ln(1)
	p.facts(s.Facts)
	p.Ln(2)
	verdict := style{sans, "B", 12}
	p.lines(p.wrap(s.Verdict, verdict, p.width()), verdict, pageMargin)
	p.Ln(1)
	outcome := style{sans, "", 11}
	p.lines(p.wrap(s.Outcome, outcome, p.width()), outcome, pageMargin)
	for _, note := range s.Notes {
		p.Ln(0.5)
		p.lines(p.wrap("• "+note, plain, p.width()), plain, pageMargin)
	}
	for _, x := range s.Sections {
		p.heading(x.Title)
		for _, part := range x.Parts {
			p.part(part)
		}
	}
}

// heading is never the last line of a page.
func (p *paper) heading(text string) {
	h := style{sans, "B", 11}
	p.Ln(3)
	p.room(4 * h.line())
	p.lines(p.wrap(text, h, p.width()), h, pageMargin)
	p.SetLineWidth(0.2)
	p.Line(pageMargin, p.GetY(), pageMargin+p.width(), p.GetY())
	p.Ln(1)
}

func (p *paper) part(x part) {
	switch {
	case x.Head != "":
		p.Ln(1)
		p.room(4 * bold.line())
		p.lines(p.wrap(x.Head, bold, p.width()), bold, pageMargin)
	case x.Text != "":
		p.lines(p.wrap(x.Text, plain, p.width()), plain, pageMargin)
		p.Ln(0.5)
	case len(x.Facts) > 0:
		p.facts(x.Facts)
	case len(x.Quote) > 0:
		p.quote(x.Quote)
	case len(x.Code) > 0:
		for _, line := range x.Code {
			p.lines(p.wrap(line, code, p.width()-quoteIndent), code, pageMargin+quoteIndent)
		}
		p.Ln(0.5)
	case x.Table != nil:
		p.table(*x.Table)
	}
}

// cell is a text in a column.
type cell struct {
	lines []string
	style style
	x     float64
}

func (c cell) height() float64 { return float64(len(c.lines)) * c.style.line() }

// row writes cells beside each other. What is higher than a page goes on on the next one.
func (p *paper) row(cells []cell, above, below float64) {
	height := 0.0
	for _, c := range cells {
		height = max(height, c.height())
	}
	_, page := p.GetPageSize()
	if whole := page - 2*pageMargin; height+above+below > whole {
		p.long(cells)
		return
	}
	p.room(height + above + below)
	top := p.GetY() + above
	for _, c := range cells {
		p.SetY(top)
		for _, line := range c.lines {
			p.use(c.style)
			p.SetX(c.x)
			p.CellFormat(0, c.style.line(), line, "", 1, "L", false, 0, "")
		}
	}
	p.SetY(top + height + below)
}

// long writes cells line by line over pages.
func (p *paper) long(cells []cell) {
	for i := 0; ; i++ {
		height := 0.0
		for _, c := range cells {
			if i < len(c.lines) {
				height = max(height, c.style.line())
			}
		}
		if height == 0 {
			return
		}
		p.room(height)
		y := p.GetY()
		for _, c := range cells {
			if i < len(c.lines) {
				p.use(c.style)
				p.SetXY(c.x, y)
				p.CellFormat(0, c.style.line(), c.lines[i], "", 0, "L", false, 0, "")
			}
		}
		p.SetY(y + height)
	}
}

func (p *paper) facts(list []fact) {
	for _, f := range list {
		s := plain
		if f.Code {
			s = code
		}
		value := p.width() - labelWidth - gap
		p.row([]cell{
			{p.wrap(f.Label, bold, labelWidth), bold, pageMargin},
			{p.wrap(f.Value, s, value), s, pageMargin + labelWidth + gap},
		}, 0, 0.6)
	}
}

// quote is somebody's own words, with a line at their side; the first is their title.
func (p *paper) quote(words []string) {
	for i, paragraph := range words {
		s := plain
		if i == 0 {
			s = bold
		}
		for _, line := range p.wrap(paragraph, s, p.width()-quoteIndent) {
			p.room(s.line())
			p.SetLineWidth(0.8)
			p.Line(pageMargin+0.8, p.GetY(), pageMargin+0.8, p.GetY()+s.line())
			p.lines([]string{line}, s, pageMargin+quoteIndent)
		}
	}
	p.Ln(1)
}

func (p *paper) table(t table) {
	p.tableRow(t, t.Head, bold)
	for _, row := range t.Rows {
		p.tableRow(t, row, plain)
	}
	p.Ln(1)
}

func (p *paper) tableRow(t table, row []string, s style) {
	x := pageMargin
	cells := make([]cell, len(row))
	for i, text := range row {
		width := p.width() * float64(t.Shares[i]) / 100
		cells[i] = cell{p.wrap(text, s, width-2), s, x}
		x += width
	}
	p.row(cells, 0.6, 0.6)
	p.SetLineWidth(0.1)
	p.Line(pageMargin, p.GetY(), pageMargin+p.width(), p.GetY())
}
