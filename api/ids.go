package api

import (
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// maxPage is the most entries of a page that callers may ask for.
const maxPage = 199

// pageLimit bounds a page so that a book can be asked for one entry more: that one says whether there is a next page.
func pageLimit(limit int) int { return min(limit, maxPage) }

// checkID answers an id that cannot be one like an id that nobody has, without asking the ledger.
func checkID(prefix, id, code, detail string) error {
	if _, err := vocab.ParseID(prefix, id); err != nil {
		return fault.Missing(code, detail)
	}
	return nil
}

// idCheck collects the parameters that should be ids and are not.
type idCheck []problemField

func (c *idCheck) look(parameter, prefix, id string) {
	if id == "" {
		return
	}
	if _, err := vocab.ParseID(prefix, id); err != nil {
		*c = append(*c, problemField{Parameter: parameter, Code: "invalid_id", Detail: "want an id that begins with " + prefix + "_"})
	}
}

func (c *idCheck) add(parameter, code, detail string) {
	*c = append(*c, problemField{Parameter: parameter, Code: code, Detail: detail})
}

func (c idCheck) err() error {
	if len(c) == 0 {
		return nil
	}
	p := newProblem(statusInvalid, "invalid_request", "some fields of the request are not valid")
	p.Errors = c
	return p
}
