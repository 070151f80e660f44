package notary

import "github.com/orleu/elshi/tlog"

// Attest signs, with the key of the heads, that a document was given out as it is. It says nothing about whether the document is true.
func (n *Notary) Attest(s tlog.Statement) (string, error) { return n.signer.SignStatement(s) }
