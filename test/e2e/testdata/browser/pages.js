// Looks at pages as different people do: in light and dark, on a phone and on a desk, with the keyboard alone, without JavaScript. Reads a
// job as JSON from standard input and prints what is wrong, one finding each.
'use strict';
const path = require('path');
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

const findings = [];
let looked = 0;

function watch(page, job, where) {
  page.on('console', (m) => { if (m.type() === 'error') findings.push(`${where()}: console: ${m.text()}`); });
  page.on('pageerror', (e) => findings.push(`${where()}: script: ${e.message}`));
  page.on('request', (r) => {
    if (!r.url().startsWith(job.base) && !r.url().startsWith('data:') && !r.url().startsWith('blob:')) findings.push(`${where()}: asks another host: ${r.url()}`);
  });
}

async function check(page, where, shot) {
  looked++;
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) findings.push(`${where}: ${wide} px wider than the window`);
  const result = await new AxeBuilder({ page }).analyze();
  for (const v of result.violations) {
    findings.push(`${where}: axe ${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(' | ')}`);
  }
  if (shot) await page.screenshot({ path: shot, fullPage: true });
}

// look visits every page in one look: a colour scheme and a width.
async function look(browser, job, colorScheme, width) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  let at = '';
  watch(page, job, () => at);
  for (const p of job.pages) {
    at = `${p.name} (${colorScheme}, ${width} px)`;
    const resp = await page.goto(job.base + p.path, { waitUntil: p.scripts ? 'networkidle' : 'load' });
    if (!resp.ok()) findings.push(`${at}: ${resp.status()}`);
    if (p.press) {
      await Promise.all([page.waitForNavigation(), page.evaluate(() => {
        const form = document.createElement('form');
        form.method = 'post';
        form.innerHTML = '<input type="hidden" name="List-Unsubscribe" value="One-Click">';
        document.body.append(form);
        form.submit();
      })]);
    }
    await check(page, at, job.shots && path.join(job.shots, `${p.name.replace(/[^a-z0-9]+/gi, '-')}-${colorScheme}-${width}.png`));
  }
  await context.close();
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
    await check(page, `${where}, after`, job.shots && path.join(job.shots, `${task.name.replace(/[^a-z0-9]+/gi, '-')}-pressed-${javaScriptEnabled}.png`));
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
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [360, 1200]) await look(browser, job, colorScheme, width);
  }
  for (const task of job.tasks) await press(browser, job, task, task.scripts);
  await browser.close();
  process.stdout.write(JSON.stringify({ findings, looked }));
}

main().catch((error) => { console.error(error); process.exit(1); });
