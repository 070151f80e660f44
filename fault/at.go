package fault

import "errors"

// At returns err with prefix put before the pointer of each of its fields, so that a part of a request can be checked by code
// that does not know where in the request it stands. An error without fields, and nil, come back as they are.
func At(prefix string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	moved := *e
	moved.Fields = make([]Field, len(e.Fields))
	for i, f := range e.Fields {
		f.Pointer = prefix + f.Pointer
		moved.Fields[i] = f
	}
	return &moved
}
