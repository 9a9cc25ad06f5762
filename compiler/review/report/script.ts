/**
 * What the page does beyond showing: search, filters, theme. Without it all is there to be read. It is JavaScript of the browser,
 * as it stands in the page; it asks for nothing and stores nothing but the theme.
 */
export const script = `
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  const themes = ["system", "light", "dark"];
  const button = document.getElementById("theme");
  const kept = (() => { try { return localStorage.getItem("castgate-theme"); } catch { return null; } })();
  const show = (theme) => {
    if (theme === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    button.textContent = "Theme: " + theme;
    button.value = theme;
  };
  show(themes.includes(kept) ? kept : "system");
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(button.value) + 1) % themes.length];
    show(next);
    try { localStorage.setItem("castgate-theme", next); } catch { /* pages of files may not store */ }
  });

  const form = document.getElementById("filters");
  if (form === null) return;
  const status = document.getElementById("status");
  const sections = [...document.querySelectorAll(".ops")];
  const groups = [...document.querySelectorAll(".list tbody")].map(
    (body) => ({ body, rows: [...body.rows], section: body.closest(".ops"), texts: undefined }));
  const total = groups.reduce((sum, { rows }) => sum + rows.length, 0);
  const spelt = (n) => String(n).replace(/\\B(?=(\\d{3})+(?!\\d))/g, ",");
  const textsOf = (group) => group.texts ??= group.rows.map((row) => row.textContent.toLowerCase().replace(/\\s+/g, " "));

  const apply = () => {
    const words = form.elements.search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const wanted = ["who", "api", "method", "change"].flatMap((name) => {
      const value = form.elements[name]?.value ?? "";
      return value === "" ? [] : [[name, value]];
    });
    let shown = 0;
    const inSection = new Map();
    for (const group of groups) {
      const texts = words.length > 0 ? textsOf(group) : undefined;
      let within = 0;
      group.rows.forEach((row, index) => {
        const fits = wanted.every(([name, value]) => (row.dataset[name] ?? "").split(" ").includes(value))
          && words.every((word) => texts[index].includes(word));
        if (row.hidden === fits) row.hidden = !fits;
        if (fits) within++;
      });
      group.body.hidden = within === 0;
      // What was never shown takes the room that is guessed for it.
      const room = within === group.rows.length ? "" : "auto none auto " + within * (innerWidth < 960 ? 340 : 110) + "px";
      group.body.style.containIntrinsicSize = room;
      shown += within;
      inSection.set(group.section, (inSection.get(group.section) ?? 0) + within);
    }
    for (const section of sections) section.hidden = inSection.get(section) === 0;
    status.textContent = shown === total
      ? "All " + spelt(total) + " operations are shown."
      : shown === 0 ? "No operation fits." : spelt(shown) + " of " + spelt(total) + " operations are shown.";
  };
  let waiting;
  form.addEventListener("input", (event) => {
    clearTimeout(waiting);
    if (event.target === form.elements.search) waiting = setTimeout(apply, 120);
    else apply();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  for (const link of document.querySelectorAll("a[data-filter]")) {
    link.addEventListener("click", () => {
      form.reset();
      const [name, value] = link.dataset.filter.split("=");
      form.elements[name].value = value;
      setTimeout(apply);
    });
  }
  // What is folded would be missing on paper.
  addEventListener("beforeprint", () => { for (const one of document.querySelectorAll("details")) one.open = true; });
  apply();
})();
`;
