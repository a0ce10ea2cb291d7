"use strict";
(() => {
  const files = [...document.querySelectorAll("tbody.file")];
  const text = document.getElementById("filter-text");
  const kind = document.getElementById("filter-kind");
  const rule = document.getElementById("filter-rule");
  const boxes = [...document.querySelectorAll("input[name=verdict]")];
  const shown = document.getElementById("shown");
  const openAll = document.getElementById("open-all");
  const form = document.querySelector("form.filters");
  const known = files.map((file) => ({
    file,
    verdict: file.dataset.verdict,
    kind: file.dataset.kind,
    rules: new Set(file.dataset.rules.split(" ")),
    path: file.querySelector(".toggle").textContent.toLowerCase(),
  }));

  const filter = () => {
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of known) {
      const fits = verdicts.has(entry.verdict)
        && (!kind || !kind.value || entry.kind === kind.value)
        && (!rule || !rule.value || entry.rules.has(rule.value))
        && words.every((word) => entry.path.includes(word));
      if (entry.file.hidden === fits) entry.file.hidden = !fits;
      count += fits;
    }
    shown.textContent = shown.dataset.template.replace("{0}", count).replace("{1}", known.length);
  };

  const open = (file, isOpen) => {
    const toggle = file.querySelector(".toggle");
    toggle.setAttribute("aria-expanded", String(isOpen));
    document.getElementById(toggle.getAttribute("aria-controls")).hidden = !isOpen;
  };

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  openAll.addEventListener("click", () => {
    const isOpen = openAll.getAttribute("aria-pressed") !== "true";
    openAll.setAttribute("aria-pressed", String(isOpen));
    for (const file of files) if (!file.hidden) open(file, isOpen);
  });

  const copy = async (button) => {
    const code = button.parentElement.querySelector("code");
    const words = button.textContent;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      // A page opened from a file may not have a clipboard: the text is marked, so that the keyboard copies it.
      const range = document.createRange();
      range.selectNodeContents(code);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      if (!document.execCommand("copy")) return;
    }
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = words; }, 1500);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.classList.contains("toggle")) {
      open(button.closest("tbody"), button.getAttribute("aria-expanded") !== "true");
    } else if (button.classList.contains("copy")) {
      copy(button);
    } else if (button.dataset.filterVerdict || button.dataset.filterRule) {
      form.reset();
      if (button.dataset.filterRule) rule.value = button.dataset.filterRule;
      else for (const box of boxes) box.checked = box.value === button.dataset.filterVerdict;
      setTimeout(() => {
        filter();
        document.getElementById("files").scrollIntoView();
      });
    }
  });

  const jump = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.matches("tbody.file")) {
      target.hidden = false;
      open(target, true);
    }
  };
  addEventListener("hashchange", jump);
  filter();
  jump();
})();
