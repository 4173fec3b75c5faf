// The second tab: a list to filter, and the episode that is open.

const PAGE = 200; // rows of the list drawn at once
const filters = { text: el("input", { type: "search", placeholder: "Search in tasks", "aria-label": "search in tasks" }) };
filters.low = el("input", { type: "number", step: "any", placeholder: "0", "aria-label": "lowest score" });
filters.high = el("input", { type: "number", step: "any", placeholder: "1", "aria-label": "highest score" });
filters.sort = el("select", { "aria-label": "order" }, [["", "as played"], ["low", "lowest score first"], ["high", "highest score first"], ["long", "most turns first"]].map(([value, text]) => el("option", { value }, text)));
let listed = PAGE;
const parts = { bar: el("div", { class: "filters" }), count: el("p", { class: "soft count" }), list: el("div", { class: "card list" }), opened: el("div", { class: "card opened" }) };
parts.browser = el("div", { class: "browser" }, parts.list, parts.opened);

function filtered() {
  const text = filters.text.value.trim().toLowerCase();
  const bound = (input, none) => (input.value === "" ? none : Number(input.value));
  const low = bound(filters.low, -Infinity), high = bound(filters.high, Infinity);
  const scored = low > -Infinity || high < Infinity;
  const found = state.data.list.filter((row) =>
    (!text || row.task.toLowerCase().includes(text)) && (!filters.set.value || row.set === filters.set.value) &&
    (!filters.stop.value || row.stop === filters.stop.value) && (!scored || (!row.fault && row.score >= low && row.score <= high)));
  const order = { low: (a, b) => a.score - b.score, high: (a, b) => b.score - a.score, long: (a, b) => b.turns - a.turns }[filters.sort.value];
  return order ? found.sort(order) : found;
}

function filterSet(key) {
  filters.set.value = key;
  listed = PAGE;
}

function item(row, names) {
  return el("button", { class: "item", "data-key": row.key, "aria-current": row.key === state.opened ? "true" : null, onclick: () => go("episodes", row.key) },
    el("span", { class: "what" }, row.task),
    el("span", { class: "meta" }, scoreMark(row.score, row.fault), el("span", {}, row.stop), ...(row.role === "policy" ? [] : [el("span", {}, row.guided_by || row.role)]), el("span", {}, `${row.turns} turns`), el("span", {}, names.get(row.set))));
}

function showList() {
  const { data } = state;
  const names = new Map(data.sets.map((set) => [set.key, setName(set)]));
  const rows = filtered();
  const left = data.total - data.list.length;
  const whole = left ? ` ${data.list.length.toLocaleString("en")} of ${data.total.toLocaleString("en")} episodes are in this page, spread evenly; ${left.toLocaleString("en")} are left out.` : "";
  parts.count.textContent = `${rows.length.toLocaleString("en")} listed.${whole}`;
  const scroll = parts.list.scrollTop;
  const more = rows.length > listed ? el("button", { class: "more", onclick: () => { listed += PAGE; showList(); } }, `Show ${Math.min(PAGE, rows.length - listed)} more`) : null;
  parts.list.replaceChildren(...rows.slice(0, listed).map((row) => item(row, names)), ...[more, rows.length ? null : el("p", { class: "empty" }, "No episode is like that.")].filter(Boolean));
  parts.list.scrollTop = scroll;
}

function showEpisodes() {
  const used = new Set(state.data.list.map((row) => row.set));
  const stops = [...new Set(state.data.list.map((row) => row.stop))].sort();
  const again = () => { listed = PAGE; parts.list.scrollTop = 0; showList(); };
  filters.set = choice(filters.set, [["", "all sets"], ...state.data.sets.filter((set) => used.has(set.key)).map((set) => [set.key, setName(set)])], { "aria-label": "set" });
  filters.stop = choice(filters.stop, [["", "any end"], ...stops.map((stop) => [stop, stop])], { "aria-label": "stop reason" });
  for (const input of Object.values(filters)) input.oninput = again;
  // A field being typed in must stay where it is: only what changed is put in.
  const wanted = [filters.text, filters.set, filters.stop, el("label", {}, "score", filters.low, "to", filters.high), filters.sort];
  if (!parts.bar.children.length) parts.bar.append(...wanted);
  else [1, 2].forEach((i) => parts.bar.children[i].replaceWith(wanted[i]));
  if (!$("tab-episodes").children.length) $("tab-episodes").append(parts.bar, parts.count, parts.browser);
  showList();
  if (!parts.opened.children.length) parts.opened.append(el("p", { class: "empty" }, "Choose an episode."));
}

function facts(row, found) {
  const [wall, agent, env] = found.seconds;
  const figures = [["score", fixed(row.score)], ["reward", fixed(row.reward)], ["role", row.role], ...(row.guided_by ? [["guided by", row.guided_by]] : []),
    ["seed", String(found.seed)], ["group", found.group || "–"],
    ["took", seconds(wall)], ...(agent + env ? [["agent", seconds(agent)], ["environment", seconds(env)]] : []),
    ...Object.entries(found.metrics).map(([name, value]) => [name, short(value)])];
  return el("div", { class: "facts" }, el("b", {}, row.stop), figures.map(([name, value]) => el("span", {}, `${name} `, el("b", {}, value))));
}

/** An episode's whole card, in a container; drawn again when the colouring changes. */
function fill(container, row, found, head) {
  const again = () => fill(container, row, found, head);
  const task = JSON.stringify({ data: found.data, hidden: found.hidden }, null, 2);
  container.replaceChildren(
    ...[
      head(),
      el("p", { class: "question" }, row.task),
      facts(row, found),
      found.fault ? el("p", { class: "score low" }, found.fault) : null,
      el("details", {}, el("summary", { class: "soft" }, "The whole task, hidden part included"), el("pre", {}, task)),
      colourBar(found, again),
      ...transcript(found).flat(Infinity),
    ].filter(Boolean),
  );
}

async function openEpisode(key) {
  const row = state.data.list.find((one) => one.key === key);
  if (row && !state.opened) parts.scrolled = scrollY;
  state.opened = row ? key : null;
  parts.browser.classList.toggle("open", Boolean(row));
  $("tab-episodes").classList.toggle("reading", Boolean(row));
  for (const button of parts.list.querySelectorAll(".item")) {
    if (button.dataset.key === state.opened) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  if (!row) {
    parts.opened.replaceChildren(el("p", { class: "empty" }, key ? "That episode is not in this page." : "Choose an episode."));
    scrollTo(0, parts.scrolled || 0); // on a phone the list comes back, where it was
    return;
  }
  const name = setName(sets().get(row.set));
  const others = state.data.list.filter((one) => one.task_key === row.task_key && one.key !== key);
  const head = () => {
    const beside = others.length ? el("select", { "aria-label": "compare with", onchange: (event) => go("compare", key, event.target.value) },
      el("option", { value: "" }, "compare with …"), others.map((one) => el("option", { value: one.key }, `${setName(sets().get(one.set))}: score ${fixed(one.score)}`))) : null;
    return el("div", { class: "filters" }, el("button", { class: "back", onclick: () => go("episodes") }, "← all episodes"), el("span", { class: "soft" }, name), beside);
  };
  try {
    const found = await episode(key);
    if (state.opened !== key) return;
    fill(parts.opened, row, found, head);
    if (parts.browser.getBoundingClientRect().top < 0) parts.browser.scrollIntoView();
  } catch (error) {
    parts.opened.replaceChildren(el("p", { class: "empty" }, error.message));
  }
}
