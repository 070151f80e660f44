package store

import (
	"context"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Survivor returns who a contact has become: the one it was merged into, or itself, also if there is none of that id.
func (c *Contacts) Survivor(ctx context.Context, id vocab.ContactID) (vocab.ContactID, error) {
	survivor, err := c.db.reader().survivor(ctx, id)
	return survivor, away(err)
}

// survivor is one step: whoever is merged takes along those who were merged into it.
func (r runner) survivor(ctx context.Context, id vocab.ContactID) (vocab.ContactID, error) {
	var into vocab.ContactID
	err := r.row(ctx, []any{textOf(&into)}, `SELECT merged_into FROM contacts WHERE id = $1`, string(id))
	if err != nil && !isNone(err) {
		return id, err
	}
	if into == "" {
		return id, nil
	}
	return into, nil
}

// guardSurvivor guards who a contact has become and returns its id; fault.NotFound if there is no such contact. Looked at again under the
// guard, because a merge may have come between: whoever merges holds it too.
func (tx *tx) guardSurvivor(ctx context.Context, id vocab.ContactID) (vocab.ContactID, error) {
	for {
		survivor, err := tx.survivor(ctx, id)
		if err != nil {
			return "", err
		}
		if err := tx.guard(ctx, []vocab.ContactID{survivor}, nil); err != nil {
			return "", err
		}
		again, err := tx.survivor(ctx, survivor)
		if err != nil {
			return "", err
		}
		if again == survivor {
			return survivor, tx.contactExists(ctx, survivor)
		}
		id = again
	}
}

// survivorOf is survivor as a list of one; fault.NotFound if there is no such contact.
func (tx *tx) survivorOf(ctx context.Context, id vocab.ContactID) ([]vocab.ContactID, error) {
	survivor, err := tx.survivor(ctx, id)
	if err != nil {
		return nil, err
	}
	return []vocab.ContactID{survivor}, tx.contactExists(ctx, survivor)
}

// sameAs returns a contact and those who were merged into it.
func (r runner) sameAs(ctx context.Context, id vocab.ContactID) ([]vocab.ContactID, error) {
	list := []vocab.ContactID{id}
	var merged vocab.ContactID
	err := r.each(ctx, []any{&merged}, func() error {
		list = append(list, merged)
		return nil
	}, `SELECT id FROM contacts WHERE merged_into = $1 ORDER BY id`, string(id))
	return list, err
}

// sameAsArg is sameAs for {ids}.
func (r runner) sameAsArg(ctx context.Context, id vocab.ContactID) (string, error) {
	same, err := r.sameAs(ctx, id)
	if err != nil {
		return "", err
	}
	return jsonArg(same)
}

// contactMerged is the answer of a contact that has become another one.
func contactMerged(into vocab.ContactID) error {
	return &fault.Error{
		Kind: fault.Conflict, Code: "contact_merged", Detail: "this contact was merged into " + string(into) + "; ask for that one",
		Fields: []fault.Field{{Pointer: "", Code: "merged_into", Detail: string(into)}},
	}
}

// renamed gives what is for a merged contact to its survivor, without the facts of the merged one, and says whether there was any.
func renamed(cs []dispatcher.Candidate, people []person) bool {
	any := false
	for i, who := range people {
		if who.mergedInto != "" {
			cs[i].Message.ContactID = who.mergedInto
			any = true
		}
	}
	if any {
		for i := range cs {
			cs[i] = dispatcher.Candidate{Message: cs[i].Message}
		}
	}
	return any
}

// followMerged gives messages of contacts that were merged to their survivors and passes over them: the survivor's guard is not held here,
// so they are decided when they are rung for again. A merge moves what waits; these were sent again by order, or came between.
func (tx *tx) followMerged(ctx context.Context, found []dispatcher.Permit, cs []dispatcher.Candidate, people []person) ([]dispatcher.Permit, []dispatcher.Candidate, []person, error) {
	var moved rowset
	n := 0
	for i, who := range people {
		if who.mergedInto != "" {
			moved = append(moved, []any{found[i].Message.ID, who.mergedInto})
			continue
		}
		found[n], cs[n], people[n] = found[i], cs[i], people[i]
		n++
	}
	err := tx.execRows(ctx, moved, `UPDATE messages SET contact_id = j.value ->> 1 FROM {rows $1} WHERE messages.id = j.value ->> 0`)
	return found[:n], cs[:n], people[:n], err
}
