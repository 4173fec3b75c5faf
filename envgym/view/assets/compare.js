// The third tab: what two checkpoints, or two members of a group, did on one task.

const picks = {};
const pair = { bar: el("div", { class: "filters" }), note: el("p", { class: "soft" }), body: el("div", { class: "pair" }) };

/** Tasks that both sets have, with the first episode of each. */
function shared(a, b) {
  const first = (set) => {
    const found = new Map();
    for (const row of state.data.list) if (row.set === set && !found.has(row.task_key)) found.set(row.task_key, row);
    return found;
  };
  const left = first(a), right = first(b);
  return [...left].filter(([key]) => right.has(key)).map(([key, row]) => [row, right.get(key)]);
}

const WHICH = {
  "": ["all tasks", () => true],
  better: ["better on the right", ([a, b]) => b.score > a.score],
  worse: ["worse on the right", ([a, b]) => b.score < a.score],
  same: ["equal scores", ([a, b]) => b.score === a.score],
};

/** Whether any two sets have a task in common; found once a refresh. */
function comparable() {
  const owner = new Map();
  return state.data.list.some((row) => {
    if (!owner.has(row.task_key)) owner.set(row.task_key, row.set);
    return owner.get(row.task_key) !== row.set;
  });
}

function showCompare() {
  if (!$("tab-compare").children.length) $("tab-compare").append(pair.bar, pair.note, pair.body);
  const used = new Set(state.data.list.map((row) => row.set));
  const usable = state.data.sets.filter((set) => used.has(set.key));
  if (usable.length < 2 || !comparable()) {
    pair.bar.replaceChildren();
    pair.body.replaceChildren(el("p", { class: "empty" }, "No task was played in two sets yet."));
    return;
  }
  const options = usable.map((set) => [set.key, setName(set)]);
  const evaluated = usable.filter((set) => set.kind === "evaluation");
  const start = { a: (evaluated.length > 1 ? evaluated.find((set) => set.title === "warm start") || evaluated[0] : usable[0]).key,
    b: (evaluated.length > 1 ? evaluated : usable).at(-1).key };
  for (const side of ["a", "b"]) {
    const old = picks[side] || { value: start[side] };
    picks[side] = choice(old, options, { "aria-label": side === "a" ? "left set" : "right set", onchange: () => showPairs() });
  }
  picks.which = choice(picks.which, Object.entries(WHICH).map(([value, [text]]) => [value, text]), { "aria-label": "which tasks", onchange: () => showPairs() });
  showPairs(true);
}

/** @param quiet Whether nobody chose anew: what the address asked for then stays open. */
function showPairs(quiet = false) {
  const pairs = shared(picks.a.value, picks.b.value);
  const change = ([a, b]) => Math.abs(b.score - a.score);
  const some = pairs.filter(WHICH[picks.which.value][1]).sort((one, two) => change(two) - change(one));
  const better = pairs.filter(WHICH.better[1]).length, worse = pairs.filter(WHICH.worse[1]).length;
  pair.note.textContent = `${pairs.length} tasks in both: ${better} better on the right, ${worse} worse, ${pairs.length - better - worse} equal.`;
  const label = ([a, b]) => `${fixed(a.score)} → ${fixed(b.score)}  ${a.task.slice(0, 110)}`;
  picks.task = choice(picks.task, some.map((two) => [two[0].task_key, label(two)]), { class: "grow", "aria-label": "task", onchange: () => openPair() });
  const step = (by) => { picks.task.selectedIndex = Math.min(Math.max(picks.task.selectedIndex + by, 0), some.length - 1); openPair(); };
  pair.bar.replaceChildren(picks.a, picks.b, picks.which, picks.task,
    el("button", { "aria-label": "previous task", onclick: () => step(-1) }, "‹"), el("button", { "aria-label": "next task", onclick: () => step(1) }, "›"));
  if (!quiet) pair.asked = false;
  if (!pair.asked) openPair();
}

function openPair() {
  const two = shared(picks.a.value, picks.b.value).find(([row]) => row.task_key === picks.task.value);
  if (two) showPair(two[0], two[1]);
  else {
    delete pair.body.dataset.key;
    pair.body.replaceChildren(el("p", { class: "empty" }, "No such task."));
  }
}

/** Two episodes side by side. */
async function showPair(...rows) {
  const key = rows.map((row) => row.key).join(" ");
  if (pair.body.dataset.key === key) return; // a refresh leaves what is being read alone
  pair.body.dataset.key = key;
  const found = await Promise.all(rows.map((row) => episode(row.key)));
  if (pair.body.dataset.key !== key) return;
  const again = () => pair.body.replaceChildren(...rows.map((row, i) => {
    const card = el("div", { class: "card opened" });
    const head = () => el("h3", {}, setName(sets().get(row.set)), " ", scoreMark(row.score, row.fault));
    fill(card, row, found[i], head);
    card.addEventListener("change", () => again()); // one colouring for both
    return card;
  }));
  again();
}

/** By the address: these two episodes, whichever sets they are of. */
function comparePair(a, b) {
  const rows = [a, b].map((key) => state.data.list.find((row) => row.key === key));
  if (!rows[0] || !rows[1] || !picks.a) return;
  picks.which.value = "";
  picks.a.value = rows[0].set;
  picks.b.value = rows[1].set;
  picks.task = { value: rows[0].task_key };
  pair.asked = true; // until another choice is made
  showPairs(true);
  showPair(...rows);
}
