// Theme, menu, search, copy buttons, tabs, hover notes, enlarged figures. No other host is asked.
const root = document.documentElement;
const up = root.dataset.root;
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// Light and dark: the system decides until the reader does; then the choice is remembered.
const system = matchMedia("(prefers-color-scheme: dark)");
const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
const theme = document.getElementById("theme");
const tell = () => theme.setAttribute("aria-pressed", dark());
theme.addEventListener("click", () => {
  root.dataset.theme = dark() ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* nowhere to remember it */ }
  tell();
});
system.addEventListener("change", tell);
tell();

// Menu on narrow screens.
const burger = document.getElementById("burger");
const side = document.getElementById("side");
const menu = (open) => {
  document.body.classList.toggle("menu-open", open);
  burger.setAttribute("aria-expanded", open);
  if (open) side.querySelector("a")?.focus();
};
burger.addEventListener("click", () => menu(burger.getAttribute("aria-expanded") !== "true"));
document.addEventListener("click", (event) => {
  if (!event.target.closest("#side, #burger")) menu(false);
});
side.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });

// Contents of the page: folded where there is no margin, and the section in view is marked.
const contents = document.querySelector(".toc");
const wide = matchMedia("(min-width: 75rem)");
const unfold = () => { if (contents) contents.open = wide.matches; };
wide.addEventListener("change", unfold);
unfold();
const entries = new Map(all(".toc a").map((a) => [decodeURIComponent(a.hash.slice(1)), a]));
const sections = all("main :is(h2, h3, h4)[id]").filter((heading) => entries.has(heading.id));
let drawn = false;
const spy = () => {
  drawn = false;
  const atEnd = innerHeight + scrollY >= root.scrollHeight - 4;
  const past = sections.filter((heading) => heading.getBoundingClientRect().top < 120);
  const current = atEnd && scrollY > 0 ? sections.at(-1) : past.at(-1);
  for (const [id, a] of entries) a.classList.toggle("active", id === current?.id);
};
addEventListener("scroll", () => { if (!drawn) { drawn = true; requestAnimationFrame(spy); } }, { passive: true });
spy();

// Copy buttons.
for (const block of all("div.sourceCode")) {
  const button = make("button", { className: "copy", textContent: "Copy", ariaLabel: "Copy the code" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.querySelector("code").textContent);
      button.textContent = "Copied";
    } catch { button.textContent = "Not allowed"; }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  block.append(button);
}

// Tabs.
all(".panel-tabset").forEach((set, n) => {
  const panels = all(":scope > section[data-tab]", set);
  const bar = make("div", { className: "tabs", role: "tablist" });
  const show = (chosen, focus = false) => panels.forEach((panel, i) => {
    const tab = bar.children[i];
    panel.hidden = i !== chosen;
    tab.ariaSelected = String(i === chosen);
    tab.tabIndex = i === chosen ? 0 : -1;
    if (focus && i === chosen) tab.focus();
  });
  panels.forEach((panel, i) => {
    panel.id ||= `tabs-${n}-${i}`;
    panel.role = "tabpanel";
    const tab = make("button", { role: "tab", type: "button", textContent: panel.dataset.tab });
    tab.setAttribute("aria-controls", panel.id);
    tab.addEventListener("click", () => show(i));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) show((i + step + panels.length) % panels.length, true);
    });
    bar.append(tab);
  });
  set.prepend(bar);
  show(0);
});

// Click a figure to enlarge it.
const lightbox = document.getElementById("lightbox");
for (const image of all("figure.float img")) {
  const enlarge = () => {
    const large = lightbox.querySelector("img");
    large.src = image.currentSrc || image.src;
    large.alt = image.alt;
    lightbox.querySelector("p").textContent =
      all("figcaption", image.closest("figure")).at(-1)?.textContent ?? "";
    lightbox.showModal();
  };
  image.tabIndex = 0;
  image.role = "button";
  image.ariaLabel = `${image.alt}. Enlarge.`;
  image.addEventListener("click", enlarge);
  image.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); enlarge(); }
  });
}
lightbox.addEventListener("click", () => lightbox.close());

// Hover notes: the entry behind a citation, the text of a footnote, the figure behind a reference.
const note = make("div", { className: "hover-note", role: "tooltip", id: "hover-note", hidden: true });
document.body.append(note);
const pages = new Map();
const target = async (link) => {
  const url = new URL(link.href);
  const id = decodeURIComponent(url.hash.slice(1));
  if (url.pathname === location.pathname) return [document.getElementById(id), url];
  if (!location.protocol.startsWith("http")) return [null, url];
  if (!pages.has(url.pathname)) {
    pages.set(url.pathname, fetch(url.pathname).then((answer) => (answer.ok ? answer.text() : ""))
      .then((text) => new DOMParser().parseFromString(text, "text/html")).catch(() => null));
  }
  return [(await pages.get(url.pathname))?.getElementById(id) ?? null, url];
};
const preview = async (link) => {
  if (link.dataset.note) return [link.dataset.note];
  const [element, url] = await target(link);
  if (!element) return [];
  if (/^H\d$/.test(element.tagName)) {
    return [make("strong", { textContent: element.textContent }), element.nextElementSibling?.cloneNode(true) ?? ""];
  }
  const copy = element.cloneNode(true);
  copy.removeAttribute("id");
  all("[id]", copy).forEach((inner) => inner.removeAttribute("id"));
  all(".footnote-back, .copy", copy).forEach((inner) => inner.remove());
  for (const image of all("img", copy)) image.src = new URL(image.getAttribute("src"), url).href;
  return element.matches("li") ? [...copy.childNodes] : [copy];
};
let waiting;
const hide = () => { clearTimeout(waiting); note.hidden = true; };
for (const link of all("a.citation, a.footnote-ref, a.crossref")) {
  if (link.title) { link.dataset.note = link.title; link.removeAttribute("title"); }
  const show = () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const content = await preview(link);
      if (!content.length) return;
      note.replaceChildren(...content);
      note.hidden = false;
      const box = link.getBoundingClientRect();
      const left = Math.min(box.left, innerWidth - note.offsetWidth - 16);
      const below = box.bottom + note.offsetHeight + 16 < innerHeight;
      note.style.left = `${Math.max(8, left)}px`;
      note.style.top = `${below ? box.bottom + 6 : Math.max(8, box.top - note.offsetHeight - 6)}px`;
    }, 180);
  };
  link.addEventListener("pointerenter", show);
  link.addEventListener("focus", show);
  link.addEventListener("pointerleave", hide);
  link.addEventListener("blur", hide);
}
addEventListener("scroll", () => { note.hidden = true; }, { passive: true });

// Search, by Pagefind, loaded when first asked for.
const dialog = document.getElementById("search");
const box = dialog.querySelector("input");
const hits = document.getElementById("hits");
const status = dialog.querySelector(".status");
let engine;
const load = () => (engine ??= (async () => {
  if (!location.protocol.startsWith("http")) return null;
  const pagefind = await import(new URL(`${up}pagefind/pagefind.js`, location.href).href);
  await pagefind.options({ excerptLength: 22 });
  await pagefind.init();
  return pagefind;
})());
const hit = (page) => {
  const item = make("li", {}, make("a", { href: page.url, textContent: page.meta.title, className: "hit" }));
  const parts = page.sub_results.filter((part) => part.title !== page.meta.title).slice(0, 3);
  item.append(make("p", { innerHTML: page.excerpt }));
  for (const part of parts) {
    item.append(make("a", { href: part.url, textContent: part.title, className: "hit part" }),
      make("p", { className: "part", innerHTML: part.excerpt }));
  }
  return item;
};
// Where a word is nowhere, Pagefind offers what shares its first letter; three have to agree.
const like = (words, excerpt) => {
  const marked = [...excerpt.matchAll(/<mark>(.*?)<\/mark>/g)].map((found) => found[1].toLowerCase());
  const heads = words.toLowerCase().split(/\s+/).map((word) => word.replace(/^\W+/, "").slice(0, 3));
  return !marked.length || heads.some((head) => marked.some((word) => word.includes(head)));
};
const search = async () => {
  const words = box.value.trim();
  const pagefind = await load();
  if (!pagefind) {
    status.textContent = "Search works where the book is served: run “python -m http.server” in its folder.";
    return;
  }
  if (!words) { hits.replaceChildren(); status.textContent = ""; return; }
  const found = await pagefind.debouncedSearch(words, {}, 120);
  if (!found) return; // a later search has begun
  const data = await Promise.all(found.results.slice(0, 12).map((result) => result.data()));
  if (words !== box.value.trim()) return;
  const results = data.filter((page) => like(words, page.excerpt));
  const count = results.length === 1 ? "1 page" : `${results.length} pages`;
  status.textContent = results.length ? `Found on ${count}` : `Nothing on “${words}”`;
  hits.replaceChildren(...results.map(hit));
};
const open = () => { if (!dialog.open) { dialog.showModal(); box.select(); load(); } };
document.getElementById("find").addEventListener("click", open);
box.addEventListener("input", search);
hits.addEventListener("click", (event) => { if (event.target.closest("a")) dialog.close(); });
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("keydown", (event) => {
  // In a search field Escape would only empty it.
  if (event.key === "Escape") { event.preventDefault(); dialog.close(); return; }
  const links = all("a", hits);
  const at = links.indexOf(document.activeElement);
  if (event.key === "Enter" && event.target === box) { event.preventDefault(); links[0]?.click(); }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !links.length) return;
  event.preventDefault();
  if (at + step < 0) box.focus();
  else links[Math.min(at + step, links.length - 1)].focus();
});
document.addEventListener("keydown", (event) => {
  const writing = event.target.closest?.("input, textarea, [contenteditable]");
  if (event.key === "Escape") { hide(); menu(false); }
  if (writing || event.altKey || dialog.open) return;
  const asked = event.key === "/" && !event.ctrlKey && !event.metaKey;
  if (asked || (event.key === "k" && (event.ctrlKey || event.metaKey))) { event.preventDefault(); open(); }
});
