package config

import (
	"fmt"

	"github.com/orleu/elshi/vocab"
)

// Purpose is one of the organisation's own reasons to write. Package consent says what makes a good one.
type Purpose struct {
	// ID is lower-case words joined by dots, such as conference.news, or partner. and the partner's id. Default empty.
	ID vocab.Purpose `yaml:"id"`
	// Class is the rules that its messages live under: security, transactional, service, legal, breach or marketing; a partner's is
	// marketing. Default empty.
	Class vocab.Class `yaml:"class"`
	// Clause is where the privacy policy names it. Default 3.1 b10.
	Clause string `yaml:"clause"`
	// LegalBasis is the legal basis in one phrase; empty takes the one of its class. Default empty.
	LegalBasis string `yaml:"legal_basis"`
	// Names are what contacts read, by language: kk, ru and en. Default none.
	Names map[vocab.Language]string `yaml:"names"`
	// ValidMonths is how long a grant lasts, in calendar months; 0 takes consent.marketing_validity_months. Default 0.
	ValidMonths int `yaml:"valid_months"`
}

func (p *Purpose) setDefaults() { p.Clause = "3.1 b10" }

// Topic is what a contact picks inside a purpose.
type Topic struct {
	// ID is the topic as consents and messages name it, such as maths. Default empty.
	ID vocab.Topic `yaml:"id"`
	// Purpose is the purpose it belongs to. Default empty.
	Purpose vocab.Purpose `yaml:"purpose"`
	// Names are what contacts read, by language: kk, ru and en. Default none.
	Names map[vocab.Language]string `yaml:"names"`
}

// purposes checks what needs no knowledge of the purposes that ship.
func (k *checker) purposes(c *Config) {
	for i, p := range c.Purposes {
		k.want(p.ID != "", fmt.Sprintf("purposes[%d].id", i), "is empty; write for example partner.acme")
		k.between(fmt.Sprintf("purposes[%d].valid_months", i), p.ValidMonths, 0, 120)
	}
	for i, t := range c.Topics {
		k.want(t.ID != "", fmt.Sprintf("topics[%d].id", i), "is empty; write for example maths")
		k.want(t.Purpose != "", fmt.Sprintf("topics[%d].purpose", i), "is empty; name the purpose it belongs to")
	}
}
