// What script adds to the reception form: procedures while typing, the due time and earlier dossiers while typing, and
// whatever is typed kept at once.
//
// Promise: without it every part has its button. It decides nothing: what it shows, the program has worked out.
"use strict";
(() => {
  const form = document.querySelector("#reception");
  if (!form) return;
  const field = (name) => form.elements.namedItem(name);
  const asked = () => new URLSearchParams(new FormData(form));
  const later = (wait, work) => {
    let timer;
    const call = () => { clearTimeout(timer); timer = setTimeout(work, wait); };
    call.stop = () => clearTimeout(timer);
    return call;
  };
  // Of several answers under way only the newest counts.
  const newest = () => { let last = 0; return () => { const mine = ++last; return () => mine === last; }; };

  // Drafts
  const told = document.querySelector("#kept");
  let dirty = false;
  let sent = false;
  const keep = async () => {
    keepSoon.stop();
    if (!dirty || sent) return;
    dirty = false;
    try {
      const answer = await fetch("/drafts", { method: "POST", body: asked(), keepalive: true });
      const isKept = answer.ok && (answer.headers.get("content-type") ?? "").includes("json");
      if (!isKept) throw new Error("phiên làm việc đã hết, hãy đăng nhập lại ở một cửa sổ khác");
      const { at } = await answer.json();
      told.textContent = at ? `Đã giữ bản nháp lúc ${at}` : "";
    } catch (error) {
      dirty = true;
      const why = error instanceof TypeError ? "chương trình trên máy này không trả lời" : error.message;
      told.textContent = `Chưa giữ được bản nháp: ${why}`;
      setTimeout(keep, 5000);
    }
  };
  const keepSoon = later(600, keep);
  form.addEventListener("focusout", keep);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && dirty && !sent) { dirty = !navigator.sendBeacon("/drafts", asked()); }
  });
  form.addEventListener("submit", (event) => { if (!event.defaultPrevented) { sent = true; keepSoon.stop(); } });
  window.addEventListener("pageshow", () => { sent = false; });

  // What becomes of the form
  const line = document.querySelector("#due-line");
  const earlier = document.querySelector("#earlier");
  const checklist = document.querySelector("#checklist");
  const opened = field("received_at").value;
  let known = {};
  const isNewest = newest();
  const element = (name, text) => { const made = document.createElement(name); made.textContent = text; return made; };
  const show = (now) => {
    known = now.person;
    line.replaceChildren();
    if (now.procedure) {
      const due = element("b", now.due ? `Hẹn trả ${now.due}` : "Hẹn trả: chưa tính được");
      const how = element("span", `(${now.how})`);
      how.className = "quiet";
      line.append(due, " ", how);
    }
    field("fee_vnd").placeholder = now.procedure ? (now.fee ? `${now.fee} theo danh mục` : "danh mục chưa có") : "";
    document.querySelectorAll(".due-typed").forEach((part) => {
      const input = part.querySelector("input");
      part.hidden = !now.asks_due && !input.value && !input.hasAttribute("aria-invalid");
    });
    // The boxes are made anew only when another procedure asks for other papers: what is ticked stays ticked.
    const parts = checklist.querySelector("ul");
    const asks = now.components.map((part) => part.value).join("\n");
    if (asks !== [...parts.querySelectorAll("input")].map((box) => box.value).join("\n")) {
      parts.replaceChildren(...now.components.map((part) => {
        const [item, label, box] = ["li", "label", "input"].map((name) => document.createElement(name));
        Object.assign(box, { type: "checkbox", name: "component", value: part.value, checked: part.ticked });
        const about = element("span", `(${part.about})`);
        about.className = "quiet";
        label.append(box, ` ${part.name} `, about);
        item.append(label);
        return item;
      }));
    }
    checklist.hidden = !now.components.length;
    document.querySelector(".missing").hidden = !now.components.length;
    const list = earlier.querySelector("ul");
    list.replaceChildren(...now.earlier.map((one) => {
      const item = document.createElement("li");
      const link = element("a", one.code);
      link.href = `/dossiers/${encodeURIComponent(one.code)}`;
      link.target = "_blank";
      item.append(link, `, ${one.received}: ${one.procedure} (${one.state})`);
      return item;
    }));
    document.querySelector("#earlier-name").textContent = now.person.name;
    earlier.hidden = !now.earlier.length;
  };
  const preview = async () => {
    const counts = isNewest();
    try {
      const answer = await fetch("/dossiers/new/preview", { method: "POST", body: asked() });
      if (!answer.ok) return;
      const now = await answer.json();
      if (!counts()) return;
      // A form that lay open before anybody came: the time is that of the first letter.
      if ("fresh" in form.dataset) {
        delete form.dataset.fresh;
        if (field("received_at").value === opened && opened !== now.now) {
          field("received_at").value = now.now;
          return preview();
        }
      }
      show(now);
    } catch { /* the button beside the field does the same */ }
  };
  const previewSoon = later(250, preview);
  const shownFrom = ["procedure", "identity", "received_at", "due_at"];
  form.addEventListener("input", (event) => {
    dirty = true;
    keepSoon();
    if ("fresh" in form.dataset || shownFrom.includes(event.target.name)) previewSoon();
  });
  form.addEventListener("change", () => { dirty = true; keepSoon(); });
  form.querySelector("button[value=fill]").addEventListener("click", (event) => {
    event.preventDefault();
    for (const name of ["name", "phone", "address"]) if (known[name]) field(name).value = known[name];
    dirty = true;
    keep();
    (checklist.querySelector("input") ?? field("papers")).focus();
  });
  form.querySelector("button[value=preview]").closest("p").hidden = true;

  // The procedure: a combobox
  const input = field("procedure");
  input.removeAttribute("list");
  const options = document.createElement("ul");
  options.id = "procedure-options";
  options.setAttribute("role", "listbox");
  options.setAttribute("aria-label", "Thủ tục khớp với chữ đã gõ");
  options.hidden = true;
  const count = document.createElement("p");
  count.className = "visually-hidden";
  count.setAttribute("role", "status");
  input.after(options, count);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": options.id })) {
    input.setAttribute(name, value);
  }
  let active = -1;
  const items = () => [...options.children];
  const mark = (at) => {
    active = at;
    items().forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
    const item = items()[at];
    if (item) { input.setAttribute("aria-activedescendant", item.id); item.scrollIntoView({ block: "nearest" }); }
    else input.removeAttribute("aria-activedescendant");
  };
  const open = (wanted) => {
    options.hidden = !wanted;
    input.setAttribute("aria-expanded", String(wanted));
    if (!wanted) mark(-1);
  };
  const choose = (item) => {
    input.value = item.dataset.value;
    open(false);
    count.textContent = "";
    dirty = true;
    preview();
    keep();
  };
  const isNewestList = newest();
  const list = async () => {
    const counts = isNewestList();
    try {
      const answer = await fetch(`/dossiers/new/procedures?q=${encodeURIComponent(input.value)}`);
      const offers = await answer.json();
      if (!counts() || document.activeElement !== input) return;
      options.replaceChildren(...offers.map((offer, at) => {
        const item = element("li", `${offer.code} ${offer.name}`);
        const about = element("span", offer.about);
        about.className = "quiet";
        item.append(" ", about);
        item.id = `procedure-option-${at}`;
        item.dataset.value = `${offer.code} ${offer.name}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        return item;
      }));
      count.textContent = offers.length ? `${offers.length} thủ tục; chọn bằng phím mũi tên và Enter` : "không có thủ tục nào khớp";
      open(offers.length > 0);
      mark(offers.length === 1 ? 0 : -1);
    } catch { /* the button beside the field does the same */ }
  };
  const listSoon = later(120, list);
  input.addEventListener("input", listSoon);
  input.addEventListener("focus", () => { if (!input.value) listSoon(); });
  input.addEventListener("blur", () => { listSoon.stop(); setTimeout(() => open(false), 150); });
  options.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const item = event.target.closest("li");
    if (item) choose(item);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const all = items();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (options.hidden) return list();
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark(active < 0 ? (step > 0 ? 0 : all.length - 1) : (active + step + all.length) % all.length);
    } else if (event.key === "Escape" && !options.hidden) {
      event.preventDefault();
      event.stopPropagation();
      open(false);
    } else if (event.key === "Enter" && !event.ctrlKey && !options.hidden) {
      event.preventDefault();
      if (all[active]) choose(all[active]); else mark(0);
    } else if (event.key === "Tab" && !options.hidden && all[active]) {
      choose(all[active]);
    }
  });

  // Saving while typing
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button.primary"));
    }
  });
  document.querySelector("#faults")?.focus();
  if (input.value || field("identity").value) preview(); else show({ person: {}, earlier: [], components: [], procedure: "", fee: "", asks_due: false });
})();
