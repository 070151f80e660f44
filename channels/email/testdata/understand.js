// Reads mails (a JSON list of base 64) from standard input and writes all that mailparser understands of each as JSON.
'use strict';
const { simpleParser } = require('mailparser');
const libmime = require('libmime'); // mailparser's own

const people = (field) => (field ? field.value.map((a) => [a.name, a.address]) : []);
const ours = ['date', 'from', 'to', 'reply-to', 'subject', 'message-id', 'mime-version', 'user-agent', 'x-mailer'];

async function main() {
  let input = '';
  for await (const chunk of process.stdin) input += chunk;
  const all = [];
  for (const mail of JSON.parse(input)) {
    const m = await simpleParser(Buffer.from(mail, 'base64'), { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true });
    const files = m.attachments.filter((a) => a.contentDisposition === 'attachment');
    const calendar = m.attachments.find((a) => a.contentDisposition !== 'attachment' && a.contentType === 'text/calendar');
    all.push({
      subject: m.subject || '', from: people(m.from), to: people(m.to), reply_to: people(m.replyTo), message_id: m.messageId,
      date: Math.floor(m.date.getTime() / 1000),
      headers: m.headerLines.filter((h) => !ours.includes(h.key) && !h.key.startsWith('content-'))
        .map((h) => [h.key, libmime.decodeWords(h.line.slice(h.line.indexOf(':') + 1).replace(/\r?\n/g, ''))]).sort(),
      text: m.text || '', html: m.html || '', calendar: calendar ? calendar.content.toString('utf8') : '',
      files: files.map((a) => [a.filename, a.contentType]), contents: files.map((a) => a.content.toString('base64')),
    });
  }
  process.stdout.write(JSON.stringify(all));
}

main().catch((error) => { console.error(error); process.exit(1); });
