// Reads mails (a JSON list of base 64) from standard input and writes what mailparser understands of each as JSON.
'use strict';
const { simpleParser } = require('mailparser');

const people = (field) => (field ? field.value.map((a) => [a.name, a.address]) : []);

async function main() {
  let input = '';
  for await (const chunk of process.stdin) input += chunk;
  const all = [];
  for (const mail of JSON.parse(input)) {
    const m = await simpleParser(Buffer.from(mail, 'base64'), { skipHtmlToText: true, skipTextToHtml: true });
    const files = m.attachments.filter((a) => a.contentDisposition === 'attachment');
    all.push({
      subject: m.subject, from: people(m.from), to: people(m.to), reply_to: people(m.replyTo), message_id: m.messageId,
      text: m.text, html: m.html || '', files: files.map((a) => a.filename),
      contents: files.map((a) => a.content.toString('utf8').replace(/\r\n/g, '\n')),
    });
  }
  process.stdout.write(JSON.stringify(all));
}

main().catch((error) => { console.error(error); process.exit(1); });
