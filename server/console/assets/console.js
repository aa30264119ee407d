// Live updates of the console. Every page works without this; all it puts in is text.
'use strict';
(() => {
  const about = document.body.dataset.live;
  if (about === undefined || !window.EventSource) return;
  const title = document.title;
  const news = document.getElementById('news');
  const rows = document.getElementById('rows');
  const questions = document.getElementById('questions');

  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const left = (until) => {
    const seconds = Math.floor((until - Date.now()) / 1000);
    if (seconds <= 0) return 'over';
    if (seconds < 60) return `in ${seconds} s`;
    return `in ${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  };

  // --- what waits for a person ---
  let known = null;
  const card = (one) => {
    const heading = make('h2');
    heading.append(make('a', one.title, { href: `/console/approvals/${one.id}` }), ' ',
      make('span', `${one.risk} risk`, { class: one.risk === 'low' ? 'risk low' : 'risk high' }));
    const note = make('p', `${one.agent} · expires `, { class: 'note' });
    note.append(make('span', left(one.expires_ms), { 'data-until': one.expires_ms }));
    const item = make('li', undefined, { class: 'card', 'data-id': one.id });
    item.append(heading, make('pre', one.command), note);
    return item;
  };
  const show = (list) => {
    // What has the focus stays where it is; only what came or went changes.
    const ids = new Set(list.map((one) => one.id));
    for (const item of [...questions.children]) {
      const link = item.querySelector('a');
      if (!ids.has(link.getAttribute('href').split('/').pop())) item.remove();
      else ids.delete(link.getAttribute('href').split('/').pop());
    }
    for (const one of list) if (ids.has(one.id)) questions.append(card(one));
    document.getElementById('nothing').classList.toggle('gone', list.length > 0);
  };
  const waiting = (list) => {
    document.getElementById('waiting').textContent = list.length ? String(list.length) : '';
    document.title = list.length ? `(${list.length}) ${title}` : title;
    const fresh = known === null ? [] : list.filter((one) => !known.has(one.id));
    known = new Set(list.map((one) => one.id));
    if (fresh.length) news.textContent = `${fresh[0].title}. ${list.length} waiting.`;
    if (questions) show(list);
    const answers = document.getElementById('answers');
    if (answers && /^[0-9a-f]{32}$/.test(about) && !known.has(about)) {
      news.textContent = 'This question is no longer open.';
      for (const button of answers.querySelectorAll('button')) button.disabled = true;
    }
  };
  setInterval(() => {
    for (const place of document.querySelectorAll('[data-until]'))
      place.textContent = left(Number(place.dataset.until));
  }, 1000);

  // --- what happens ---
  const kMostRows = 500;
  const pause = document.getElementById('pause');
  let paused = false, kept = [];
  const add = (list) => {
    for (const one of list) {
      const row = make('tr');
      const time = make('td');
      time.append(make('time', one.time, { datetime: one.time }));
      const verdict = make('td');
      if (one.verdict) verdict.append(make('span', one.verdict, { class: `verdict ${one.verdict}` }));
      const details = make('td');
      details.append(make('code', one.details));
      row.append(time, make('td', one.what), verdict, make('td', one.who), details);
      rows.prepend(row);
    }
    while (rows.children.length > kMostRows) rows.lastElementChild.remove();
  };
  if (pause && rows) {
    pause.hidden = false;
    pause.addEventListener('click', () => {
      paused = !paused;
      pause.setAttribute('aria-pressed', String(paused));
      if (!paused) add(kept.splice(0));
    });
  }

  const source = new EventSource(rows ? `/console/live?after=${rows.dataset.after}` : '/console/live');
  source.addEventListener('waiting', (event) => waiting(JSON.parse(event.data)));
  source.addEventListener('rows', (event) => {
    if (!rows) return;
    const list = JSON.parse(event.data);
    if (paused) kept.push(...list);
    else add(list);
    if (kept.length > kMostRows) kept = kept.slice(-kMostRows);
  });
  source.addEventListener('ended', () => {
    source.close();
    news.textContent = 'The session is over. Log in again.';
    news.className = 'alert';
  });
})();
