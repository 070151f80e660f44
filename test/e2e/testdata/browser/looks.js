// What is looked at: a page is opened once, and then the window and the reader's wishes change around it.
'use strict';
const path = require('path');
const axe = require('axe-core');
const { layout, colours, paper } = require('./measures.js');
const { tabThrough } = require('./keyboard.js');

// The success criteria of WCAG 2.2 A and AA, and what axe thinks good practice.
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];
// Colours are the same in every language, and so is what Tab does: one language is asked for them, the others for all that depends on words.
const colourRules = ['color-contrast', 'link-in-text-block'];

// Where words may not fit: it shows first in the tight ones.
const tight = [['320 px', { width: 320 }], ['phone, letters twice as large', { letters: 2 }]];
const wide = [['desk', { width: 1280 }], ['desk, letters twice as large', { width: 1280, letters: 2 }]];

const urlOf = (job, p) => (p.url.startsWith('http') ? p.url : job.base + p.url);

// watch listens to what a page does beside being shown.
function watch(page, url, expected, where, report) {
  const home = new URL(url).origin;
  page.on('console', (m) => {
    const refused = m.text().includes(`status of ${expected}`) && expected >= 400; // the browser complains of every such answer
    if (m.type() === 'error' && !refused) report.find(`${where()}: console: ${m.text()}`);
  });
  page.on('pageerror', (e) => report.find(`${where()}: script: ${e.message}`));
  page.on('request', (r) => {
    if (!r.url().startsWith(home) && !/^(data|blob|about):/.test(r.url())) report.find(`${where()}: asks another host: ${r.url()}`);
  });
}

// open opens a page, or sends a form to it from a page of the same site.
async function open(context, job, p, report) {
  const page = await context.newPage();
  const url = urlOf(job, p);
  const want = p.status || 200;
  watch(page, url, want, () => p.name, report);
  await page.setViewportSize({ width: 360, height: 800 });
  if (p.headers) await page.setExtraHTTPHeaders(p.headers);
  if (p.mail) { // its own policy turns scripts off, those of axe too
    await page.setContent(await (await context.request.get(url)).text());
    return page;
  }
  let resp;
  if (p.fields) {
    await page.goto(`${job.base}/?lang=en`);
    [resp] = await Promise.all([page.waitForNavigation(), page.evaluate(([action, fields]) => {
      const form = document.createElement('form');
      form.method = 'post';
      form.action = action;
      for (const [name, value] of Object.entries(fields)) {
        const field = document.createElement('input');
        Object.assign(field, { type: 'hidden', name, value });
        form.append(field);
      }
      document.body.append(form);
      form.submit();
    }, [url, p.fields])]);
  } else {
    resp = await page.goto(url, { waitUntil: p.scripts ? 'networkidle' : 'load' });
  }
  if (resp.status() !== want) report.find(`${p.name}: ${resp.status()}, want ${want}`);
  const policy = (await resp.headerValue('content-security-policy')) || '';
  if (!p.file && !policy.startsWith("default-src 'none'")) report.find(`${p.name}: Content-Security-Policy: ${policy}`);
  return page;
}

async function shot(page, job, p, name) {
  if (!job.shots) return;
  const file = `${p.name} ${name}`.replace(/[^a-z0-9]+/gi, '-');
  await page.screenshot({ path: path.join(job.shots, `${file}.png`), fullPage: !p.scripts, timeout: 120000 });
}

// frameless takes frames away, when the pictures are taken: scripts are off in the one that shows a mail, those of axe too. The mail is a page
// of its own.
async function frameless(page, at, report) {
  for (const title of await page.evaluate(() => [...document.querySelectorAll('iframe')].map((f) => { const t = f.title; f.remove(); return t; }))) {
    if (!title) report.find(`${at}: a frame has no title`);
  }
}

async function ask(page, rules, at, report, without = []) {
  const only = rules ? { type: 'rule', values: rules } : { type: 'tag', values: tags };
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async ([runOnly, off]) => {
    const rules = Object.fromEntries(off.map((rule) => [rule, { enabled: false }]));
    const result = await window.axe.run(document, { runOnly, rules, resultTypes: ['violations'], preload: false });
    return result.violations.map((v) => ({ id: v.id, impact: v.impact, at: v.nodes.map((n) => n.target.flat().join(' ')) }));
  }, [only, without]);
  for (const v of violations) {
    const ours = v.at.filter((target) => !target.includes('api-request')); // the reference's program's own, out of our reach
    if (ours.length > 0) report.find(`${at}: axe ${v.impact} ${v.id}: ${ours.slice(0, 3).join(' | ')}`);
  }
}

// visit opens a page and looks at it in every way.
async function visit(context, job, p, report) {
  const page = await open(context, job, p, report);
  const look = async (name, { width = 360, colorScheme = 'light', letters = 1, ...media }) => {
    await page.emulateMedia({ colorScheme, media: null, forcedColors: null, ...media });
    await page.setViewportSize({ width, height: 800 });
    await page.evaluate((size) => { document.documentElement.style.fontSize = size; }, letters === 1 ? '' : `${letters * 100}%`);
    return `${p.name} (${name})`;
  };
  const measure = async (at, what, ...given) => {
    for (const wrong of await page.evaluate(what, given)) report.find(`${at}: ${wrong}`);
  };
  const ours = !p.scripts && !p.mail;

  let at = await look('phone', {});
  await shot(page, job, p, 'phone');
  if (job.shots) { // the pictures first, with the frames
    await look('desk, dark', { width: 1280, colorScheme: 'dark' });
    await shot(page, job, p, 'desk dark');
    await look('phone', {});
  }
  await frameless(page, at, report);
  await ask(page, p.rules, at, report, p.once ? colourRules : []);
  if (ours) {
    await measure(at, layout, p.lang, 44);
    for (const [name, how] of p.once ? tight : tight.concat(wide)) {
      at = await look(name, how);
      await measure(at, layout, p.lang, 24);
      if (how.letters && !p.once) await shot(page, job, p, name);
    }
  }
  if (!p.once) {
    at = await look('desk, dark', { width: 1280, colorScheme: 'dark' });
    await ask(page, p.rules ? p.rules.filter((r) => colourRules.includes(r)) : colourRules, at, report);
    if (ours) {
      at = await look('forced colours', { colorScheme: 'dark', forcedColors: 'active' });
      await measure(at, colours);
      await shot(page, job, p, 'forced colours');
      if (p.print) {
        at = await look('paper', { width: 794, colorScheme: 'dark', media: 'print' });
        await measure(at, paper);
        await shot(page, job, p, 'paper');
      }
      at = await look('Tab', {});
      report.Tabs += await tabThrough(page, at, report);
    }
  }
  report.Looked++;
  await page.close();
}

module.exports = { visit };
