// Looks at pages as different people do: in light and dark, on a phone and on a desk, with the keyboard alone, without JavaScript. Reads a
// job as JSON from standard input and prints what is wrong, one finding each.
'use strict';
const path = require('path');
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

const findings = { all: [], push(text) { this.all.push(text); process.stderr.write(`${text}\n`); } }; // also if this is ended early
let looked = 0;

function watch(page, job, where) {
  page.on('console', (m) => { if (m.type() === 'error') findings.push(`${where()}: console: ${m.text()}`); });
  page.on('pageerror', (e) => findings.push(`${where()}: script: ${e.message}`));
  page.on('request', (r) => {
    if (!r.url().startsWith(job.base) && !r.url().startsWith('data:') && !r.url().startsWith('blob:')) findings.push(`${where()}: asks another host: ${r.url()}`);
  });
}

// The looks at a page. Colours are the same in every language, so that one language is asked for all rules in all looks; the others are asked
// for all rules once, and in every look whether their words fit.
const lookRules = ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable'];
const looks = [
  { colorScheme: 'light', width: 360, every: 'all' },
  { colorScheme: 'dark', width: 1200, every: 'all' },
  { colorScheme: 'dark', width: 360, every: lookRules },
  { colorScheme: 'light', width: 1200, every: lookRules },
];

async function check(page, where, rules) {
  looked++;
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) findings.push(`${where}: ${wide} px wider than the window`);
  if (!rules) return;
  const axe = new AxeBuilder({ page }).setLegacyMode(true); // there are no frames left, and it saves a page for each run
  if (rules !== 'all') axe.withRules(rules);
  for (const v of (await axe.analyze()).violations) {
    // The forms that try a call are the reference's program's own, and out of our reach.
    v.nodes = v.nodes.filter((n) => !JSON.stringify(n.target).includes('api-request'));
    if (v.nodes.length === 0) continue;
    findings.push(`${where}: axe ${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(' | ')}`);
  }
}

// frameless takes frames away: scripts are off in the one that shows a caught mail, those of axe too, so the mail is a page of its own.
async function frameless(page, where) {
  for (const title of await page.evaluate(() => [...document.querySelectorAll('iframe')].map((f) => { const t = f.title; f.remove(); return t; }))) {
    if (!title) findings.push(`${where}: a frame has no title`);
  }
}

async function shot(page, job, name, fullPage) {
  if (job.shots) await page.screenshot({ path: path.join(job.shots, `${name.replace(/[^a-z0-9]+/gi, '-')}.png`), fullPage, timeout: 120000 });
}

// visit opens a page and looks at it in every way.
async function visit(context, job, p) {
  const page = await context.newPage();
  let at = p.name;
  watch(page, job, () => at);
  if (p.mail) {
    // Its own policy turns scripts off, those of axe too.
    await page.setContent(await (await context.request.get(job.base + p.path)).text());
  } else {
    const resp = await page.goto(job.base + p.path, { waitUntil: p.scripts ? 'networkidle' : 'load' });
    if (!resp.ok()) findings.push(`${at}: ${resp.status()}`);
  }
  if (p.press) {
    await Promise.all([page.waitForNavigation(), page.evaluate((fields) => {
      const form = document.createElement('form');
      form.method = 'post';
      for (const [name, value] of Object.entries(fields)) {
        const field = document.createElement('input');
        [field.type, field.name, field.value] = ['hidden', name, value];
        form.append(field);
      }
      document.body.append(form);
      form.submit();
    }, p.fields || { 'List-Unsubscribe': 'One-Click' })]);
  }
  for (const [n, look] of looks.entries()) {
    at = `${p.name} (${look.colorScheme}, ${look.width} px)`;
    await page.emulateMedia({ colorScheme: look.colorScheme });
    await page.setViewportSize({ width: look.width, height: 800 });
    if (n < 2) await shot(page, job, `${p.name} ${look.colorScheme} ${look.width}`, !p.scripts);
    if (n === 1) await frameless(page, at); // the picture of each is taken
    if (n > 0) await check(page, at, p.once ? null : p.rules || look.every);
  }
  await page.emulateMedia({ colorScheme: looks[0].colorScheme });
  await page.setViewportSize({ width: looks[0].width, height: 800 });
  at = `${p.name} (${looks[0].colorScheme}, ${looks[0].width} px)`;
  await check(page, at, p.rules || 'all');
  await page.close();
}

// press goes to a button with Tab alone and presses it with Enter.
async function press(browser, job, task, javaScriptEnabled) {
  const where = `${task.name} by keyboard, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`;
  const context = await browser.newContext({ javaScriptEnabled, viewport: { width: 360, height: 800 } });
  const page = await context.newPage();
  watch(page, job, () => where);
  await page.goto(job.base + task.path);
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const focus = page.locator(':focus');
    if ((await focus.count()) === 0 || !(await focus.evaluate((e, text) => e.tagName === 'BUTTON' && e.textContent.includes(text), task.button))) continue;
    const ring = await focus.evaluate((e) => { const s = getComputedStyle(e); return s.outlineStyle !== 'none' || s.boxShadow !== 'none'; });
    if (!ring) findings.push(`${where}: the focus cannot be seen`);
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
    const said = await page.textContent('main');
    if (!said.includes(task.says)) findings.push(`${where}: it says ${JSON.stringify(said.trim().slice(0, 300))}, want ${task.says}`);
    if (javaScriptEnabled) await check(page, `${where}, after`, 'all');
    await context.close();
    return;
  }
  findings.push(`${where}: Tab does not reach the button ${task.button}`);
  await context.close();
}

async function main() {
  let input = '';
  for await (const chunk of process.stdin) input += chunk;
  const job = JSON.parse(input);
  const browser = await chromium.launch({ executablePath: job.chromium, args: flags });
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  for (const p of job.pages) await visit(context, job, p);
  await context.close();
  for (const task of job.tasks) await press(browser, job, task, task.scripts);
  await browser.close();
  process.stdout.write(JSON.stringify({ findings: findings.all, looked }));
}

main().catch((error) => { console.error(error); process.exit(1); });
