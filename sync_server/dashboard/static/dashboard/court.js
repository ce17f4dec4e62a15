/* Draws the charts of a court's page and keeps them in step with what the server sends.
   A specification stands in a JSON script beside its chart; expressions are interpreted, so the page needs no eval. */
"use strict";

(() => {
  const theme = JSON.parse(document.getElementById("vega-theme").textContent);
  const options = {
    mode: "vega-lite",
    renderer: "svg",
    actions: false,
    ast: true,
    defaultStyle: false,
    config: theme,
    tooltip: { theme: "custom", disableDefaultStyle: true, sanitize: (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;") },
  };
  const drawn = new WeakMap(); // chart element -> { width, view }

  async function draw(chart) {
    const width = Math.floor(chart.clientWidth);
    if (width < 40 || drawn.get(chart)?.width === width) return;
    const before = drawn.get(chart);
    drawn.set(chart, { width, view: before?.view });
    const spec = JSON.parse(document.getElementById(chart.dataset.spec).textContent);
    spec.width = width;
    spec.autosize = { type: "fit-x", contains: "padding" };
    // Drawn aside and then put in place at once, so that nothing flickers.
    const aside = document.createElement("div");
    const { view } = await vegaEmbed(aside, spec, options);
    if (!chart.isConnected || drawn.get(chart)?.width !== width) {
      view.finalize();
      return;
    }
    before?.view?.finalize();
    drawn.set(chart, { width, view });
    chart.replaceChildren(...aside.childNodes);
    chart.dataset.drawn = "yes";
  }

  const resized = new ResizeObserver((entries) => {
    for (const entry of entries) void draw(entry.target);
  });

  function drawAll() {
    for (const chart of document.querySelectorAll(".chart")) resized.observe(chart);
  }

  /* New figures replace the section they stand in. What the reader had opened or reached stays as it was. */
  let kept = null;
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const old = event.detail.target;
    if (old?.id !== "results") return;
    kept = {
      open: [...old.querySelectorAll("details[open]")].map((each) => each.id),
      focus: old.contains(document.activeElement) ? document.activeElement : null,
      charts: new Map([...old.querySelectorAll(".chart")].map((chart) => [chart.id, [...chart.childNodes]])),
    };
    kept.path = kept.focus && pathTo(old, kept.focus);
    for (const chart of old.querySelectorAll(".chart")) {
      resized.unobserve(chart);
      drawn.get(chart)?.view?.finalize();
    }
  });

  function pathTo(root, element) {
    const within = element.closest("[id]");
    return { id: within.id, tag: element.tagName, place: [...within.querySelectorAll(element.tagName)].indexOf(element) };
  }

  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target?.id !== "results" || !kept) return;
    const { open, path, charts } = kept;
    kept = null;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const [id, nodes] of charts) document.getElementById(id)?.replaceChildren(...nodes);
    if (path) {
      const within = document.getElementById(path.id);
      const element = path.place < 0 ? within : within?.querySelectorAll(path.tag)[path.place];
      element?.focus({ preventScroll: true });
    }
    drawAll();
  });

  /* A hidden page asks nothing; a page that gets no answer says so. */
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  const stale = document.getElementById("stale");
  for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(failure, () => { stale.hidden = false; });
  }
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) stale.hidden = true;
  });

  /* Tables open on paper, so that the figures are in print too. */
  window.addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details:not([open])")) {
      each.dataset.printed = "yes";
      each.open = true;
    }
  });
  window.addEventListener("afterprint", () => {
    for (const each of document.querySelectorAll("details[data-printed]")) {
      delete each.dataset.printed;
      each.open = false;
    }
  });

  document.fonts.ready.then(drawAll);
})();
