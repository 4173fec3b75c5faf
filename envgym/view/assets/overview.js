// The first tab: where the run stands, its evaluations, its curves.

const plots = new Map(); // title -> { card, plot }: kept, so that a refresh redraws in place
let restOpen = false;

function showHead() {
  const { run, total } = state.data;
  $("name").textContent = run.name;
  const done = run.wall_s != null;
  const progress = run.planned != null ? `step ${run.done ?? 0} of ${run.planned}` : null;
  $("about").replaceChildren(
    ...[
      state.data.live ? el("span", { class: `live${state.lost ? " lost" : ""}` }, state.lost ? "no answer from the server" : done ? "live, run finished" : "live") : null,
      el("span", {}, run.env),
      run.seed != null ? el("span", {}, `seed ${run.seed}`) : null,
      progress && el("span", {}, progress),
      done ? el("span", {}, seconds(run.wall_s)) : null,
      el("span", {}, `${total.toLocaleString("en")} episodes kept`),
    ].filter(Boolean),
  );
}

function tiles() {
  const { metrics, sets: all } = state.data;
  const last = (name) => (metrics[name] || []).findLast((value) => value != null);
  const scored = all.filter(isScored);
  const found = [
    ["training score", fixed(last("score"), 3), last("score")],
    ["last evaluation", scored.length && `${fixed(scored.at(-1).score, 3)}`, scored.length || null],
    ["entropy", fixed(last("learn/entropy") ?? last("episode/entropy"), 3), last("learn/entropy") ?? last("episode/entropy")],
    ["tokens an episode", short(last("episode/tokens")), last("episode/tokens")],
    ["turns an episode", fixed(last("episode/turns"), 2), last("episode/turns")],
    ["faults set aside", short((metrics["faults/quarantined"] || []).reduce((a, b) => a + (b || 0), 0)), metrics["faults/quarantined"]],
  ];
  return el("div", { class: "tiles" }, found.filter(([, , there]) => there != null).map(([name, value]) => el("div", { class: "tile" }, el("b", {}, value), el("small", {}, name))));
}

function table(rows) {
  const heads = ["", "score", "± s.e.", "tasks", "by difficulty", "turns", "faults"];
  return el("div", { class: "card scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, heads.map((head) => el("th", {}, head)))),
    el("tbody", {}, rows.map((set) => {
      const bar = el("i");
      bar.style.width = `${100 * Math.min(1, Math.max(0, set.score || 0))}%`;
      const parts = Object.entries(set.by_difficulty).map(([name, score]) => `${name}: ${fixed(score)}`);
      return el("tr", {},
        el("td", {}, el("a", { href: "#episodes", onclick: () => filterSet(set.key) }, setName(set))),
        el("td", {}, fixed(set.score, 3), el("span", { class: "bar" }, bar)),
        el("td", {}, fixed(set.stderr, 3)), el("td", {}, short(set.tasks)), el("td", {}, parts.join(" · ") || "–"),
        el("td", {}, fixed(set.turns, 1)), el("td", {}, short(set.faults)));
    }))));
}

function chartCard(chart) {
  if (!plots.has(chart.title)) {
    const plot = el("div", { class: "plot" });
    const card = el("div", { class: "card chart" }, el("h3", {}, chart.title), chart.about ? el("p", { class: "soft" }, chart.about) : null, plot);
    plots.set(chart.title, { card, plot });
  }
  return plots.get(chart.title);
}

function showCurves() {
  const { metrics, sets: all, run, steps } = state.data;
  const { main, rest } = chartsOf(metrics);
  const rows = all.filter((set) => set.kind !== "training");
  const cut = (metrics.step || []).length < steps;
  const more = el("details", { open: restOpen }, el("summary", {}, `${rest.length} other metrics`), el("div", { class: "charts" }, rest.map((chart) => chartCard(chart).card)));
  const drawRest = () => rest.forEach((chart) => draw(chartCard(chart).plot, chart));
  more.addEventListener("toggle", () => { restOpen = more.open; if (restOpen) drawRest(); });
  $("tab-curves").replaceChildren(
    ...[
      tiles(),
      rows.length ? [el("h2", {}, run.training ? "Evaluations" : "Episodes"), table(rows)] : null,
      main.length ? [el("h2", {}, "Curves"), el("div", { class: "charts" }, main.map((chart) => chartCard(chart).card))] : null,
      cut ? el("p", { class: "soft" }, `${metrics.step.length} of ${steps} steps are drawn, spread evenly.`) : null,
      rest.length ? more : null,
      run.config ? el("details", {}, el("summary", {}, "Configuration"), el("pre", { class: "card config" }, run.config)) : null,
      run.training && !main.length ? el("p", { class: "empty" }, "No step is done yet.") : null,
    ].flat().filter(Boolean),
  );
  main.forEach((chart) => draw(chartCard(chart).plot, chart));
  if (restOpen) drawRest();
}
