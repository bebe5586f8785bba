/* Brings the figures and widgets of a page to life from the book's own copies of plotly.js, RequireJS, the ipywidgets
   embedder and nglview. Each is loaded only when a page has something for it, shortly before that scrolls into view. */
"use strict";

(() => {
  const VENDOR = new URL("vendor/", document.currentScript.src).href;
  const WIDGET = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const page = document.documentElement;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const load = (name) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = VENDOR + name;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${name} did not load`));
    document.head.append(script);
  });

  const once = (start) => { let promise; return () => (promise ??= start()); };

  // The two loads never overlap: plotly.js has to be loaded while RequireJS's `define` is out of sight.
  let queue = Promise.resolve();
  const inTurn = (start) => once(() => (queue = queue.catch(() => {}).then(start)));

  const whenNear = (elements, act) => {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) { observer.disconnect(); act(); }
    }, { rootMargin: "500px" });
    elements.forEach((element) => observer.observe(element));
  };

  const onTheme = (act) =>
    new MutationObserver(act).observe(page, { attributes: true, attributeFilter: ["data-theme"] });

  /* ---- plotly figures ---- */

  const loadPlotly = inTurn(async () => {
    const define = window.define;
    window.define = undefined;
    try { await load("plotly.min.js"); } finally { window.define = define; }
  });

  function themeOf(layout) {
    const dark = page.dataset.theme === "dark";
    const ink = dark ? "#ced6dd" : "#222832", line = dark ? "#6b7785" : "#8a939c";
    const ground = dark ? "#222832" : "#ffffff", chosen = dark ? "#3a4553" : "#e3e8ee";
    const colors = { "font.color": ink, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      "hoverlabel.bgcolor": ground, "hoverlabel.bordercolor": line, "hoverlabel.font.color": ink };
    for (const axis of Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name))) {
      colors[`${axis}.linecolor`] = line;
      colors[`${axis}.tickcolor`] = line;
    }
    (layout.sliders ?? []).forEach((_, k) => Object.assign(colors, {
      [`sliders[${k}].bgcolor`]: chosen, [`sliders[${k}].activebgcolor`]: line, [`sliders[${k}].bordercolor`]: line,
      [`sliders[${k}].tickcolor`]: line, [`sliders[${k}].font.color`]: ink }));
    (layout.updatemenus ?? []).forEach((_, k) => Object.assign(colors, {
      [`updatemenus[${k}].bgcolor`]: ground, [`updatemenus[${k}].bordercolor`]: line,
      [`updatemenus[${k}].font.color`]: ink }));
    return colors;
  }

  async function drawChart(holder) {
    await loadPlotly();
    const figure = JSON.parse(holder.querySelector("script").textContent);
    const box = document.createElement("div");
    holder.append(box);
    const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] };
    const layout = { ...figure.layout, autosize: true };
    delete layout.width; // as wide as the text, on any screen
    await Plotly.newPlot(box, { data: figure.data, layout, frames: figure.frames ?? [], config });
    const paint = () => Plotly.relayout(box, themeOf(box.layout));
    await paint();
    onTheme(paint);
    if (box.layout.sliders?.length) addKeySlider(box, holder);
    if (box.layout.meta?.player) followPlayer(box, holder);
    holder.classList.add("ready");
  }

  /* plotly's own slider cannot be reached without a mouse: a native one, seen when it has the focus, moves it. */
  function addKeySlider(box, holder) {
    const slider = () => box._fullLayout.sliders[0];
    const stops = box.layout.sliders[0].steps;
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: 0, max: stops.length - 1, value: slider().active, className: "book-keys" });
    input.setAttribute("aria-label", `Slider of the figure: ${holder.getAttribute("aria-label")}`);
    const tell = () => {
      input.value = slider().active;
      input.setAttribute("aria-valuetext", `${slider().currentvalue.prefix ?? ""}${stops[slider().active].label}`);
    };
    tell();
    box.on("plotly_sliderchange", tell);
    input.addEventListener("keydown", (event) => event.stopPropagation()); // the theme turns pages with the arrow keys
    input.addEventListener("input", async () => {
      const active = Number(input.value), step = stops[active];
      await Plotly.relayout(box, { "sliders[0].active": active });
      await Plotly[step.method](box, ...step.args);
      box.emit("plotly_sliderchange"); // as its own slider does
    });
    holder.append(input);
  }

  /* A chart whose meta says "player" and the trajectory above it show the same step, whichever is moved. */
  function followPlayer(box, holder) {
    const before = (view) => view.compareDocumentPosition(holder) & Node.DOCUMENT_POSITION_FOLLOWING;
    const view = all(".book-view").filter(before).at(-1);
    if (!view) return;
    const stops = box.layout.sliders[0].steps, active = () => box._fullLayout.sliders[0].active;
    const frame = () => Number.parseInt(view.querySelector(".widget-readout")?.textContent, 10);
    new MutationObserver(async () => {
      const at = frame(), step = stops[at];
      if (!step || at === active()) return;
      await Plotly.relayout(box, { "sliders[0].active": at });
      if (at === frame()) await Plotly[step.method](box, ...step.args); // else the player has gone on meanwhile
      box.emit("plotly_sliderchange"); // the native slider has moved too
    }).observe(view, { childList: true, subtree: true, characterData: true });
    box.on("plotly_sliderchange", () => {
      const rail = view.querySelector(".noUi-target")?.noUiSlider;
      if (rail && frame() !== active()) rail.set(active());
    });
  }

  /* ---- ipywidgets and nglview ---- */

  const loadWidgets = inTurn(async () => {
    // The theme's Font Awesome turns every new <i> into an <svg>, which stops the Play button: leave new ones alone.
    window.FontAwesome?.noAuto?.();
    window.require = { baseUrl: VENDOR, waitSeconds: 60 }; // RequireJS reads its settings here when it starts
    await load("require.js");
    // The embedder calls MathJax 2's queue: hand it MathJax 3's.
    const mathjax = (window.MathJax ??= {});
    mathjax.Hub ??= { Queue: (call) => mathjax.typesetPromise?.([].concat(call[2])) };
    await load("embed-amd.js");
  });

  const hasWebGL = () => {
    try {
      const canvas = document.createElement("canvas");
      return Boolean(canvas.getContext("webgl2") ?? canvas.getContext("webgl"));
    } catch { return false; }
  };

  function startWidgets() {
    const views = all(".book-view");
    if (views.length && !hasWebGL()) all(`.book-view ${WIDGET}`).forEach((script) => script.remove()); // pictures stay
    for (const view of views) {
      new MutationObserver((_, observer) => {
        if (view.querySelector("canvas")) { view.classList.add("ready"); observer.disconnect(); }
      }).observe(view, { childList: true, subtree: true });
    }
    const holders = all(WIDGET).map((script) => script.parentElement);
    // plotly is loaded with RequireJS' `define` hidden, which nglview needs: never both at a time.
    const inOrder = async () => { if (all(".book-chart").length) await loadPlotly(); return loadWidgets(); };
    if (holders.length) whenNear(holders, inOrder);
  }

  /* ---- names for what comes without ---- */

  function nameControls() {
    const name = (element, text) => element && !element.hasAttribute("aria-label") && element.setAttribute("aria-label", text);
    for (const player of all(".widget-play")) {
      ["Play or pause", "Stop", "Repeat"].forEach((text, k) => name(player.children[k], text));
    }
    for (const handle of all(".noUi-handle")) {
      name(handle, handle.closest(".widget-slider")?.querySelector(".widget-label")?.textContent.trim() || "Frame");
    }
    for (const icon of all(".book-view :is(.fa-compress, .fa-expand)")) name(icon.closest("button"), "Full screen");
    for (const canvas of all(".book-view canvas")) canvas.setAttribute("aria-hidden", "true");
    for (const icon of all(".theme-switch-button svg")) {
      icon.setAttribute("aria-hidden", "true");
      icon.querySelector("title")?.remove();
    }
  }

  function mendTheme() {
    for (const button of all(":is(.search-button-field, .theme-switch-button)[aria-label]")) {
      button.title ||= button.getAttribute("aria-label");
      if (button.textContent.trim()) button.removeAttribute("aria-label"); // its text names it
    }
    for (const logo of all(".navbar-brand.logo")) { // a landmark of its own, so that nothing stands outside of one
      logo.parentElement.setAttribute("role", "navigation");
      logo.parentElement.setAttribute("aria-label", "Home");
    }
    for (const list of all(".citation-list[role=list]")) {
      for (const item of list.children) item.setAttribute("role", "listitem");
    }
    // A title unfolds its solution, but the theme fails at a click on the link in it, which leads elsewhere anyhow.
    document.addEventListener("click", (event) => {
      if (event.target.closest(".admonition-title a")) event.stopPropagation();
    }, true);
  }

  function start() {
    mendTheme();
    nameControls();
    let waiting = false; // at most once a frame: a widget adds its elements by the hundred
    new MutationObserver(() => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; nameControls(); });
    }).observe(document.body, { childList: true, subtree: true });
    all(".book-chart").forEach((holder) => whenNear([holder], () => drawChart(holder)));
    startWidgets();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
