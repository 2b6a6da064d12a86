/**
 * What our pages do on their own: filters, the reader's theme, keys. Without it everything is there to be read. It reads
 * text and classes of the page, and never makes markup of them.
 */
export const SCRIPT = `
"use strict";
(() => {
  const all = (selector, of) => Array.from((of || document).querySelectorAll(selector));
  const one = (selector) => document.querySelector(selector);
  const root = document.documentElement;
  const theme = one("#theme");
  const isDark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  if (theme) {
    const tell = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
    theme.hidden = false;
    theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; tell(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
    tell();
  }
  const tools = one(".tools");
  if (!tools) return;
  tools.hidden = false;
  const ROW = "#steps > ol > li, #head-drift > li, #packs > tbody > tr";
  const rows = all(ROW);
  const groups = all("#steps > ol");
  const search = one("#search");
  const count = one("#count");
  const toggles = all("button[data-filter]");
  const apply = () => {
    const words = search ? search.value.trim().toLowerCase() : "";
    const off = new Set(toggles.filter((b) => b.getAttribute("aria-pressed") === "false").map((b) => b.dataset.filter));
    let shown = 0;
    for (const row of rows) {
      const has = (row.dataset.is || "").split(" ").filter(Boolean);
      const isOff = has.length > 0 && has.every((name) => off.has(name));
      const isFound = words === "" || row.textContent.toLowerCase().includes(words);
      const isHidden = isOff || !isFound;
      if (row.hidden !== isHidden) row.hidden = isHidden;
      if (!isHidden) shown += Number(row.dataset.count || 1);
    }
    for (const group of groups) {
      const isEmpty = !group.querySelector(":scope > li:not([hidden])");
      if (group.hidden !== isEmpty) group.hidden = isEmpty;
    }
    if (count) count.textContent = shown + " shown";
  };
  let waiting = 0;
  if (search) search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
  for (const button of toggles) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
      apply();
    });
  }
  const unfold = one("#unfold");
  if (unfold) unfold.addEventListener("click", () => {
    const open = unfold.getAttribute("aria-expanded") !== "true";
    unfold.setAttribute("aria-expanded", String(open));
    unfold.textContent = open ? "Fold all" : "Unfold all";
    for (const row of rows) if (!row.hidden) for (const details of all("details", row)) details.open = open;
  });
  // A row of a comparison has nothing that takes the focus by itself.
  const focusable = (element) => {
    const summary = element.querySelector("summary");
    if (!summary) element.tabIndex = -1;
    return summary || element;
  };
  const go = (id) => {
    const target = id && document.getElementById(id);
    if (!target) return;
    for (let at = target; at; at = at.parentElement) {
      if (at.hidden) at.hidden = false;
      if (at.tagName === "DETAILS") at.open = true;
    }
    const details = target.querySelector(":scope > details");
    if (details) details.open = true;
    target.scrollIntoView({ block: "center" });
    focusable(target).focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const href = link && (typeof link.href === "string" ? link.getAttribute("href") : link.href.baseVal);
    if (!href || !document.getElementById(href.slice(1))) return;
    event.preventDefault();
    history.replaceState(null, "", href);
    go(href.slice(1));
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input")) { if (event.key === "Escape") event.target.blur(); return; }
    if (event.key === "/" && search) { event.preventDefault(); search.focus(); return; }
    if (event.key !== "j" && event.key !== "k") return;
    const by = event.key === "j" ? 1 : -1;
    let at = rows.indexOf(document.activeElement.closest(ROW)) + by;
    while (rows[at] && rows[at].hidden) at += by;
    if (!rows[at]) return;
    const next = focusable(rows[at]);
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  });
  if (location.hash) go(location.hash.slice(1));
})();
`;
