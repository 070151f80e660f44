// An SMSC that speaks SMPP 3.4: it prints every text it is given as a line of JSON, answers it with a receipt, and passes on
// the texts it reads as lines of JSON from standard input.
'use strict';
const smpp = require('smpp');
const readline = require('readline');

const print = (event) => process.stdout.write(JSON.stringify(event) + '\n');
let number = 0;
let bound = null;

const server = smpp.createServer((session) => {
  session.on('error', () => {}); // Kannel closes without unbinding
  session.on('bind_transceiver', (pdu) => {
    bound = session;
    session.send(pdu.response());
    print({ event: 'bound' });
  });
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => session.send(pdu.response()));
  session.on('deliver_sm_resp', () => {});
  session.on('submit_sm', (pdu) => {
    const id = String(++number);
    session.send(pdu.response({ message_id: id }));
    print({
      event: 'text', id, from: pdu.source_addr, to: pdu.destination_addr, ton: pdu.dest_addr_ton, coding: pdu.data_coding,
      text: pdu.short_message.message.toString(), concatenated: pdu.short_message.udh !== undefined,
    });
    if (pdu.registered_delivery === 0) return;
    const stat = pdu.destination_addr.endsWith('0000') ? 'UNDELIV' : 'DELIVRD';
    session.deliver_sm({
      esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT, source_addr: pdu.destination_addr, destination_addr: pdu.source_addr,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:${stat} err:000 text:`,
    });
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => print({ event: 'listening' }));

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { from, to, text } = JSON.parse(line);
  bound.deliver_sm({
    source_addr: from, source_addr_ton: 1, source_addr_npi: 1, destination_addr: to,
    data_coding: /[\u0400-\u04ff]/.test(text) ? 8 : 0, short_message: text,
  });
});
