// What is measured inside a page. Each function runs there, takes its arguments as a list, and returns what is wrong.
'use strict';

// layout: nothing is wider than the window, nothing is cut off, nothing moves, everything can be hit, and the page says its language.
function layout([lang, tall]) {
  const wrong = [];
  const name = (e) => `${e.tagName.toLowerCase()} "${(e.textContent || e.name || e.id || '').trim().slice(0, 40)}"`;
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest('.unseen, .trap');
  if (document.documentElement.lang !== lang) wrong.push(`lang is ${document.documentElement.lang}, want ${lang}`);
  if (document.scripts.length > 0) wrong.push('it has a script');
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  if (wide > 0) {
    const widest = [...document.body.querySelectorAll('*')].filter((e) => seen(e) && e.getBoundingClientRect().right > window.innerWidth + 1);
    wrong.push(`${wide} px wider than the window: ${widest.slice(0, 2).map(name).join(', ')}`);
  }
  for (const e of document.body.querySelectorAll('*')) {
    const style = getComputedStyle(e);
    if (parseFloat(style.transitionDuration) > 0 || parseFloat(style.animationDuration) > 0) wrong.push(`${name(e)} moves`);
    if (!seen(e)) continue;
    if (e.matches('button, input, a, p, dd, dt, h1, h2, summary, label') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && style.overflowX === 'visible' && style.display !== 'inline') {
      wrong.push(`${name(e)} does not hold its text`);
    }
  }
  for (const e of document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')) {
    const style = getComputedStyle(e);
    if (!seen(e) || style.display === 'inline') continue; // a link in a sentence is as tall as its line
    const box = e.getBoundingClientRect();
    const want = e.matches('button:not(.as-link), .button, .field') ? tall : 24;
    if (box.height < want - 0.5 || box.width < 24) wrong.push(`${name(e)} is ${Math.round(box.width)} × ${Math.round(box.height)} px, want ${want} tall`);
  }
  return wrong;
}

// colours: in forced colours, what is drawn has the reader's colours, and a control still has an edge.
function colours() {
  const wrong = [];
  const probe = document.createElement('p');
  document.body.append(probe);
  const system = (word) => { probe.style.color = word; return getComputedStyle(probe).color; };
  const theirs = ['CanvasText', 'LinkText', 'ButtonText', 'GrayText', 'Highlight'].map(system);
  for (const e of document.querySelectorAll('svg')) {
    const { stroke } = getComputedStyle(e);
    if (!theirs.includes(stroke)) wrong.push(`a picture is drawn in ${stroke}`);
  }
  for (const e of document.querySelectorAll('button:not(.as-link), .button, .field')) {
    const style = getComputedStyle(e);
    if (style.borderTopStyle === 'none' || parseFloat(style.borderTopWidth) < 1) wrong.push(`${e.textContent.trim()} has no edge`);
  }
  probe.remove();
  return wrong;
}

// paper: dark ink on white, whatever the screen is, and no buttons.
function paper() {
  const wrong = [];
  const sum = (colour) => colour.match(/[\d.]+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0);
  const ground = getComputedStyle(document.body).backgroundColor;
  if (sum(ground) < 750 && !ground.endsWith(', 0)')) wrong.push(`paper is ${ground}`);
  for (const e of document.querySelectorAll('h1, p, dt, dd, td, li')) {
    if (e.checkVisibility() && sum(getComputedStyle(e).color) > 300) wrong.push(`"${e.textContent.trim().slice(0, 40)}" is printed in ${getComputedStyle(e).color}`);
  }
  for (const e of document.querySelectorAll('button, nav')) if (e.checkVisibility()) wrong.push(`"${e.textContent.trim()}" is printed`);
  return wrong;
}

module.exports = { layout, colours, paper };
