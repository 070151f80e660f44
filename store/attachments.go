package store

import (
	"context"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

type attachment = channels.Attachment

// eachAttachment reads the attachments of messages in the order they were given.
func (r runner) eachAttachment(ctx context.Context, ids []vocab.MessageID, f func(vocab.MessageID, attachment)) error {
	if len(ids) == 0 {
		return nil
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	var (
		id vocab.MessageID
		a  attachment
	)
	return r.each(ctx, []any{&id, &a.Name, &a.ContentType, &a.Content}, func() error {
		f(id, a)
		a.Content = nil
		return nil
	}, `SELECT message_id, name, content_type, content FROM attachments WHERE message_id IN {ids $1} ORDER BY message_id, id`, arg)
}

// addAttachment keeps one attachment of a message.
func (r runner) addAttachment(ctx context.Context, id vocab.MessageID, a attachment) error {
	content := a.Content
	if content == nil {
		content = []byte{} // nil is NULL
	}
	_, err := r.exec(ctx, `INSERT INTO attachments (id, message_id, name, content_type, content) VALUES ($1, $2, $3, $4, $5)`,
		vocab.NewID(vocab.AttachmentPrefix), string(id), plain(a.Name), plain(a.ContentType), content)
	return err
}
