// What is done without a mouse.
'use strict';

// controls are what Tab must go through, in the order of the page.
const controls = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';

// focused says what has the focus: which of the controls, and whether it can be seen. It runs in the page.
function focused(selector) {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  const x = Math.min(box.left + box.width / 2, window.innerWidth - 1);
  const y = Math.max(0, Math.min(box.top + box.height / 2, window.innerHeight - 1));
  const top = document.elementFromPoint(x, y);
  return {
    index: [...document.querySelectorAll(selector)].filter((c) => c.tabIndex >= 0 && c.checkVisibility()).indexOf(e),
    name: (e.labels && e.labels.length > 0 ? e.labels[0].textContent : e.textContent).trim(),
    ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    inside: box.bottom > 0 && box.top < window.innerHeight,
    hidden: !top || !(e.contains(top) || top.contains(e) || top.closest('label')),
  };
}

// tabThrough goes through all controls with Tab and returns how many there are.
async function tabThrough(page, at, report) {
  await page.evaluate(() => { window.scrollTo(0, 0); document.activeElement.blur(); });
  const n = await page.evaluate((selector) => [...document.querySelectorAll(selector)].filter((c) => c.tabIndex >= 0 && c.checkVisibility()).length, controls);
  for (let i = 0; i < n; i++) {
    await page.keyboard.press('Tab');
    const now = await page.evaluate(focused, controls);
    if (!now || now.index !== i) {
      report.find(`${at}: Tab ${i + 1} of ${n} goes to ${JSON.stringify(now)}`);
      return n;
    }
    if (!now.ring) report.find(`${at}: the focus cannot be seen on "${now.name}"`);
    if (!now.inside || now.hidden) report.find(`${at}: "${now.name}" is hidden when it has the focus`);
  }
  return n;
}

// perform does a task with the keyboard alone: Tab to each control, and press what its step says.
async function perform(context, job, task, report) {
  const where = `${task.name} by keyboard`;
  const page = await context.newPage();
  await page.goto(job.base + task.url);
  for (const [n, step] of task.steps.entries()) {
    let now = null;
    for (let i = 0; i < 60 && !(now && now.name.endsWith(step.to)) && !(now && now.name.startsWith(step.to)); i++) {
      await page.keyboard.press('Tab');
      now = await page.evaluate(focused, controls);
    }
    if (!now || !(now.name.endsWith(step.to) || now.name.startsWith(step.to))) {
      report.find(`${where}: Tab does not reach "${step.to}"`);
      break;
    }
    if (step.press !== 'Enter' && step.press !== 'Space') await page.keyboard.type(step.press);
    else if (n + 1 < task.steps.length) await page.keyboard.press(step.press);
    else await Promise.all([page.waitForNavigation(), page.keyboard.press(step.press)]);
  }
  const said = (await page.textContent('main')).replace(/\s+/g, ' ').trim();
  if (!said.includes(task.says)) report.find(`${where}: it says ${JSON.stringify(said.slice(0, 300))}, want ${task.says}`);
  report.Tasks++;
  await page.close();
}

module.exports = { tabThrough, perform };
