package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/vocab"
)

// Audit keeps the audit log, which only grows: the engine refuses everything else.
type Audit struct{ db *DB }

// NewAudit returns the audit log of a database.
func NewAudit(db *DB) *Audit { return &Audit{db} }

// Record writes an event. Its id is made if it has none.
func (a *Audit) Record(ctx context.Context, e audit.Event) error {
	err := a.db.tx(ctx, func(tx *tx) error { return tx.audit(ctx, e) })
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Operation, err)
	}
	return nil
}

// Complete writes how a begun event ended. A second outcome of one event is refused by the engine.
func (a *Audit) Complete(ctx context.Context, o audit.Outcome) error {
	err := a.db.tx(ctx, func(tx *tx) error {
		if _, err := tx.exec(ctx, `INSERT INTO audit_outcomes (event_id, at, status, resource_id) VALUES ($1, $2, $3, $4)`,
			string(o.Event), o.At.UnixMicro(), o.Status, plain(o.ResourceID)); err != nil {
			return err
		}
		return tx.auditSubjects(ctx, o.Event, o.ResourceID, o.Contacts)
	})
	if err != nil {
		return fmt.Errorf("audit outcome of %s: %w", o.Event, err)
	}
	return nil
}

// audit writes an event in the transaction that makes it true. An event without an id gets one, and one without a time the id's own.
func (tx *tx) audit(ctx context.Context, e audit.Event) error {
	if e.ID == "" {
		e.ID = vocab.AuditEventID(vocab.NewID(vocab.AuditEventPrefix))
	}
	if e.At.IsZero() {
		raw, err := vocab.ParseID(vocab.AuditEventPrefix, string(e.ID))
		if err != nil {
			return err
		}
		var ms [8]byte
		copy(ms[2:], raw[:6])
		e.At = time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:]))) //nolint:gosec // 48 bits (RFC 9562 section 5.7)
	}
	fields, err := json.Marshal(orNone(e.Fields))
	if err != nil {
		return err
	}
	var status any
	if e.Status != 0 {
		status = e.Status
	}
	if _, err := tx.exec(ctx, `
		INSERT INTO audit_events (id, at, actor_kind, actor_id, operation, resource_kind, resource_id, fields, reason, request_id, status)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		string(e.ID), e.At.UnixMicro(), string(e.Actor.Kind), plain(e.Actor.ID), e.Operation, e.Resource.Kind, plain(e.Resource.ID), string(fields),
		plain(e.Reason), plain(e.RequestID), status); err != nil {
		return err
	}
	return tx.auditSubjects(ctx, e.ID, e.Resource.ID, e.Contacts)
}

// auditSubjects names what an event is about. What was named at its begin is not named again.
func (tx *tx) auditSubjects(ctx context.Context, id vocab.AuditEventID, resource string, contacts []vocab.ContactID) error {
	subjects := make([]string, 0, len(contacts)+1)
	if resource != "" {
		subjects = append(subjects, plain(resource))
	}
	for _, c := range contacts {
		subjects = append(subjects, string(c))
	}
	slices.Sort(subjects)
	var rows rowset
	for _, s := range slices.Compact(subjects) {
		rows = append(rows, []any{s})
	}
	// Asked before it is written: SQLite's trigger refuses a row that is there, whatever is done about it.
	return tx.execRows(ctx, rows, `
		INSERT INTO audit_subjects (subject_id, event_id)
		SELECT j.value ->> 0, CAST($2 AS text) FROM {rows $1}
		WHERE NOT EXISTS (SELECT 1 FROM audit_subjects s WHERE s.event_id = CAST($2 AS text) AND s.subject_id = j.value ->> 0)`, string(id))
}

// List returns events, the newest first, each with its outcome and the contacts it was about.
func (a *Audit) List(ctx context.Context, f audit.Filter) ([]audit.Event, error) {
	list, err := a.db.reader().auditEvents(ctx, f)
	if err != nil {
		return nil, away(err)
	}
	return list, away(a.db.reader().withContacts(ctx, list))
}

func (r runner) auditEvents(ctx context.Context, f audit.Filter) ([]audit.Event, error) {
	var where conditions
	from := `audit_events e`
	if f.Subject != "" { // by what it was about first: that is fewest
		from = where.numbered(`(SELECT event_id FROM audit_subjects WHERE subject_id = ?) s {probe audit_events.id = s.event_id}`, plain(f.Subject))
	}
	table := "e"
	if f.Subject != "" {
		table = "audit_events"
	}
	for _, c := range []struct {
		text string
		set  bool
		arg  any
	}{
		{`.actor_id = ?`, f.ActorID != "", plain(f.ActorID)},
		{`.operation = ?`, f.Operation != "", plain(f.Operation)},
		{`.id < ?`, f.After != "", string(f.After)},
		{`.id >= ?`, !f.From.IsZero(), auditIDAt(f.From)},
		{`.id < ?`, !f.To.IsZero(), auditIDAt(f.To)},
	} {
		if c.set {
			where.add(table+c.text, c.arg)
		}
	}
	var list []audit.Event
	var e audit.Event
	var status, ended *int
	var made *string
	err := r.each(ctx, []any{
		&e.ID, at(&e.At), &e.Actor.Kind, &e.Actor.ID, &e.Operation, &e.Resource.Kind, &e.Resource.ID, jsonOf(&e.Fields), &e.Reason, &e.RequestID,
		&status, &ended, &made,
	}, func() error {
		x := e
		for _, n := range []*int{status, ended} {
			if n != nil {
				x.Status = *n
			}
		}
		if made != nil && *made != "" {
			x.Resource.ID = *made
		}
		list = append(list, x)
		return nil
	}, `SELECT `+auditColumns(table)+` FROM `+from+where.where()+` ORDER BY `+table+`.id DESC`+where.limit(f.Limit), where.args...)
	return list, err
}

// auditColumns are the columns of an event with its outcome, which is looked up by its key for each row and never joined.
func auditColumns(t string) string {
	return t + `.id, ` + t + `.at, ` + t + `.actor_kind, ` + t + `.actor_id, ` + t + `.operation, ` + t + `.resource_kind, ` + t + `.resource_id, ` +
		t + `.fields, ` + t + `.reason, ` + t + `.request_id, ` + t + `.status,
		(SELECT o.status FROM audit_outcomes o WHERE o.event_id = ` + t + `.id), (SELECT o.resource_id FROM audit_outcomes o WHERE o.event_id = ` + t + `.id)`
}

// auditIDAt is the lowest id of an event that can be made at a time.
func auditIDAt(t time.Time) string {
	return vocab.AuditEventPrefix + string(firstID(t)[len(vocab.MessagePrefix):])
}

// withContacts fills in whom events were about.
func (r runner) withContacts(ctx context.Context, list []audit.Event) error {
	place := make(map[vocab.AuditEventID]int, len(list))
	ids := make([]vocab.AuditEventID, len(list))
	for i, e := range list {
		place[e.ID], ids[i] = i, e.ID
	}
	if len(list) == 0 {
		return nil
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	var event vocab.AuditEventID
	var contact vocab.ContactID
	return r.each(ctx, []any{&event, &contact}, func() error {
		x := &list[place[event]]
		x.Contacts = append(x.Contacts, contact)
		return nil
	}, `SELECT event_id, subject_id FROM audit_subjects WHERE event_id IN {ids $1} AND subject_id LIKE 'con!_%' ESCAPE '!' ORDER BY event_id, subject_id`, arg)
}
