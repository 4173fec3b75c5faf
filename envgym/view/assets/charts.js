// Curves. One entry a chart: which metrics, and how they are to be read.

const CHARTS = [
  { title: "Score", about: "Training episodes, band: ± standard error over groups. Dots: evaluations.", names: ["score"], band: true, evaluations: true },
  { title: "Reward", about: "What is trained on, after the reward plug-ins. Band: ± standard error over groups.", names: ["reward"], band: true },
  { title: "Entropy", about: "Nats a token. Sampled: mean negative log-prob; learner: of the whole distribution.", names: ["episode/entropy", "learn/entropy"], labels: ["sampled", "learner"] },
  { title: "Reward spread in groups", about: "Mean standard deviation in a group, and the share of groups with equal rewards: nothing to learn there.", names: ["group/reward_std", "group/equal"], labels: ["std", "equal"] },
  { title: "Gradient norm", about: "Before clipping.", names: ["learn/grad_norm"] },
  { title: "Sampler and learner", about: "Gap of their log-probs on the same tokens, and the share of clipped tokens.", names: ["learn/sampler_gap", "learn/clipfrac", "learn/logp_gap", "learn/clip_fraction"], labels: ["sampler gap", "clipped", "log-prob gap", "clipped"] },
  { title: "Length", about: "Sampled tokens an episode.", names: ["episode/tokens"] },
  { title: "Turns", about: "Model calls an episode.", names: ["episode/turns"] },
  { title: "Tool use", about: "Calls an episode, and how many of them gave an error.", names: ["env/tool_calls", "env/tool_errors"], labels: ["calls", "errors"] },
  { title: "How episodes end", about: "Share of episodes by stop reason.", prefix: "stop/", stacked: true },
  { title: "Time of a step", about: "Seconds. The rollout's are shared out as its episodes waited for model and tools.", names: ["time/generate_s", "time/tools_s", "time/learn_s"], labels: ["generate", "tools", "learn"], stacked: true },
  { title: "Faults", about: "Broken by the world: made good by a retry, or set aside. None is trained on.", names: ["faults/retried", "faults/quarantined"], labels: ["retried", "quarantined"], bars: true },
  { title: "Loop lag", about: "Longest time the rollout's event loop was blocked, in seconds.", names: ["rollout/loop_lag_s"] },
];
const PARTS = new Set(["step", "score_stderr", "reward_stderr", "time/rollout_s", "episode/logp"]);

/** Charts that this run has metrics for, and one for each metric that none of them shows. */
function chartsOf(metrics) {
  const shown = new Set(PARTS);
  const main = CHARTS.map((chart) => {
    const names = chart.prefix ? Object.keys(metrics).filter((name) => name.startsWith(chart.prefix)) : chart.names;
    const labels = chart.prefix ? names.map((name) => name.slice(chart.prefix.length)) : chart.labels || names;
    names.forEach((name) => shown.add(name));
    const there = names.map((name, i) => [name, labels[i]]).filter(([name]) => metrics[name]);
    return { ...chart, series: there };
  }).filter((chart) => chart.series.length || (chart.evaluations && state.data.sets.some(isScored)));
  const rest = Object.keys(metrics).filter((name) => !shown.has(name)).sort();
  return { main, rest: rest.map((name) => ({ title: name, about: "", series: [[name, name]] })) };
}

const isScored = (set) => set.kind === "evaluation" && set.score != null && set.step != null;

/** Plotly reads a little markup in its texts: names from an environment must not have any. */
function plain(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function traces(chart, metrics) {
  const steps = metrics.step || [];
  const found = [];
  chart.series.forEach(([name, label], i) => {
    const colour = css(`--c${i % 8}`);
    const values = metrics[name];
    const error = chart.band && metrics[`${name}_stderr`];
    if (error) {
      const edge = (sign) => values.map((v, k) => (v == null ? null : v + sign * (error[k] || 0)));
      const silent = { x: steps, mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false };
      found.push({ ...silent, y: edge(-1) });
      found.push({ ...silent, y: edge(1), fill: "tonexty", fillcolor: `${colour}33` });
    }
    found.push({
      x: steps, y: values, name: plain(label), line: { color: colour, width: 2 }, marker: { color: colour, size: 5 },
      mode: steps.length < 12 ? "lines+markers" : "lines",
      ...(chart.stacked ? { stackgroup: "all", line: { color: colour, width: 1 } } : {}),
      ...(chart.bars ? { type: "bar" } : {}),
    });
  });
  const scored = chart.evaluations ? state.data.sets.filter(isScored) : [];
  if (scored.length) {
    found.push({
      x: scored.map((set) => set.step), y: scored.map((set) => set.score), text: scored.map((set) => plain(set.title)),
      name: "evaluation", mode: "markers", marker: { color: css("--c1"), size: 8 },
      error_y: { type: "data", array: scored.map((set) => set.stderr), color: css("--c1"), thickness: 1.2, width: 3 },
      hovertemplate: "%{text}: %{y:.3f}<extra></extra>",
    });
  }
  return found;
}

/** Draw a chart, or draw it again: zoom and hidden lines are kept. */
function draw(plot, chart) {
  const touch = matchMedia("(pointer: coarse)").matches;
  const axis = { gridcolor: css("--line"), zerolinecolor: css("--line"), fixedrange: touch, automargin: true };
  const lines = traces(chart, state.data.metrics);
  const layout = {
    margin: { l: 42, r: 8, t: 6, b: 28 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: css("--soft"), size: 11, family: "system-ui, sans-serif" },
    xaxis: { ...axis, showgrid: false, tickformat: "d" }, yaxis: { ...axis, rangemode: "tozero" },
    hovermode: "x unified", hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--text") } },
    showlegend: lines.filter((line) => line.showlegend !== false).length > 1,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal" },
    barmode: "stack", uirevision: "kept", dragmode: touch ? false : "zoom",
  };
  return Plotly.react(plot, lines, layout, { displayModeBar: false, responsive: true });
}
