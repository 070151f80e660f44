// Looks at pages as different people do. Reads a job as JSON from standard input (see pages_test.go) and prints what is wrong, one finding
// each. looks.js says what is looked at, keyboard.js what is done without a mouse, measures.js what is measured in a page.
'use strict';
const { chromium } = require('playwright-core');
const { visit } = require('./looks.js');
const { perform } = require('./keyboard.js');

const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const tabs = 2; // at a time: one waits for the server while another is looked at

// report is what comes of it; findings go to standard error at once, so that they are there if this is ended early.
const report = { Findings: [], Looked: 0, Tabs: 0, Tasks: 0, find(text) { this.Findings.push(text); process.stderr.write(`${text}\n`); } };

async function inTurn(list, work) {
  const left = list.slice();
  await Promise.all(Array.from({ length: tabs }, async () => {
    while (left.length > 0) await work(left.shift());
  }));
}

async function main() {
  let input = '';
  for await (const chunk of process.stdin) input += chunk;
  const job = JSON.parse(input);
  const browser = await chromium.launch({ executablePath: job.chromium, args: flags });
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  await inTurn(job.pages, (p) => visit(context, job, p, report));
  await context.close();
  const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 360, height: 800 } });
  await inTurn(job.tasks, (task) => perform(plain, job, task, report));
  await browser.close();
  process.stdout.write(JSON.stringify(report));
}

main().catch((error) => { console.error(error); process.exit(1); });
