// What script adds to pages that work without it: single keys, the sync line kept fresh, lists ticked by key.
//
// Promise: nothing is only reachable by script; a key never works while somebody types, and can be switched off.
"use strict";
(() => {
  const off = "motcua.keys.off";
  const wanted = () => { try { return !localStorage.getItem(off); } catch { return true; } };
  const typing = (at) => at.closest("input:not([type=checkbox], [type=radio], [type=submit]), textarea, select, [contenteditable]");

  // An element's single key is its access key: with Alt it works without script.
  document.addEventListener("keydown", (event) => {
    if (!wanted() || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.key === "Escape" && typing(event.target)) return event.target.blur();
    if (typing(event.target)) return;
    const letter = /^Key[A-Z]$/.test(event.code) ? event.code[3].toLowerCase() : event.key;
    if (letter.length !== 1 || letter === '"') return;
    // What the page itself has stands before the frame around it.
    const found = [...document.querySelectorAll(`[accesskey="${CSS.escape(letter)}"]`)];
    const wants = found.find((at) => at.closest("main")) ?? found[0];
    if (!wants) return;
    event.preventDefault();
    if (wants.matches("input:not([type=checkbox], [type=radio]), select, textarea")) return wants.focus();
    wants.click();
    if (wants.matches("summary") && wants.parentElement.open) {
      wants.parentElement.querySelector("form :is(input:not([type=hidden]), select, textarea, button)")?.focus();
    }
  });

  // Rows and lists to tick: the arrow keys go down and up, the space bar ticks.
  const ticks = () => [...document.querySelectorAll("td.pick input[type=checkbox]")];
  document.addEventListener("keydown", (event) => {
    if (!wanted() || event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
    const list = event.target.closest?.(".checklist");
    const rows = list ? [...list.querySelectorAll("input[type=checkbox]")] : ticks();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !rows.length || !rows.includes(event.target)) return;
    event.preventDefault();
    rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(event.target) + step))].focus();
  });
  const all = document.querySelector("#pick-all");
  if (all) {
    all.closest("[hidden]")?.removeAttribute("hidden");
    all.addEventListener("change", () => ticks().forEach((tick) => { tick.checked = all.checked; }));
  }

  // A form that was sent is not sent again by a second press; the program would save it only once anyway.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.defaultPrevented) return;
    if (event.target.dataset.sent) return event.preventDefault();
    event.target.dataset.sent = "yes";
    setTimeout(() => delete event.target.dataset.sent, 4000);
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

  document.querySelectorAll("[data-tick]").forEach((button) => {
    button.removeAttribute("hidden");
    button.addEventListener("click", () => {
      const boxes = [...document.querySelectorAll(`${button.dataset.tick} input[type=checkbox]`)];
      const all = boxes.every((box) => box.checked);
      boxes.forEach((box) => { box.checked = !all; });
      boxes[0]?.dispatchEvent(new Event("change", { bubbles: true }));
      boxes[0]?.focus();
    });
  });
  if (document.querySelector("[data-print-now]")) window.addEventListener("load", () => window.print());

  document.querySelectorAll("[data-print]").forEach((button) => {
    button.removeAttribute("hidden");
    button.addEventListener("click", () => window.print());
  });

  // The line at the top says how it stands now, not how it stood when the page was opened.
  const line = document.querySelector(".sync[data-poll]");
  const refresh = async () => {
    if (document.hidden) return;
    let now;
    try {
      const answer = await fetch(line.dataset.poll, { headers: { accept: "application/json" } });
      if (answer.status === 401) throw 401;
      if (!answer.ok) throw new Error(String(answer.status));
      now = await answer.json();
    } catch (problem) {
      now = { sentence: problem === 401 ? line.dataset.ended : line.dataset.silent, todo: "", all_sent: false };
    }
    const words = line.querySelector("a");
    if (words.textContent !== now.sentence) words.textContent = now.sentence;
    const todo = line.querySelector(".todo");
    if (todo.textContent !== now.todo) todo.textContent = now.todo;
    line.classList.toggle("sent", now.all_sent);
    line.classList.toggle("unsent", !now.all_sent);
  };
  if (line) {
    setInterval(refresh, 15000);
    document.addEventListener("visibilitychange", refresh);
  }

  // A page for citizens forgets whom it spoke of last.
  const idle = Number(document.body.dataset.idle);
  if (idle) {
    let since = Date.now();
    for (const sign of ["keydown", "pointerdown", "input", "scroll"]) addEventListener(sign, () => { since = Date.now(); }, { passive: true });
    setInterval(() => {
      const shows = location.search || location.pathname !== document.body.dataset.home;
      if (shows && Date.now() - since > idle * 1000) location.replace(document.body.dataset.home);
    }, 5000);
  }

  const foot = document.querySelector("#keys");
  if (foot) {
    const button = document.createElement("button");
    button.type = "button";
    const show = () => { button.textContent = wanted() ? "Tắt phím tắt" : "Bật phím tắt"; };
    button.addEventListener("click", () => {
      try { wanted() ? localStorage.setItem(off, "yes") : localStorage.removeItem(off); } catch { /* without storage keys stay on */ }
      show();
    });
    show();
    foot.append(" ", button);
  }
})();
