"use strict";
// What every part uses. Text enters the page as text nodes alone: what an episode says is never markup.

const state = { data: JSON.parse(document.getElementById("data").textContent), tab: "", opened: null };

/** An element. Attributes named on… are listeners; children are nodes or text. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child != null));
  return node;
}

const $ = (id) => document.getElementById(id);

/** A figure, or a dash where there is none. */
function fixed(value, digits = 2) {
  return value == null ? "–" : value.toFixed(digits);
}

/** A figure of any size, to three digits. */
function short(value) {
  if (value == null) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(+value.toPrecision(3));
}

function seconds(value) {
  if (value < 0.1) return `${short(+(1000 * value).toPrecision(2))} ms`;
  if (value < 90) return `${short(+value.toPrecision(3))} s`;
  const minutes = Math.round(value / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

function scoreMark(score, fault) {
  if (fault) return el("span", { class: "score low" }, "fault");
  const level = score >= 1 ? "high" : score > 0 ? "mid" : "low";
  return el("span", { class: `score ${level}` }, fixed(score));
}

/** A <select> that keeps its choice when its options are made again. */
function choice(old, options, attributes) {
  const select = el("select", attributes, options.map(([value, text]) => el("option", { value }, text)));
  if (old && options.some(([value]) => value === old.value)) select.value = old.value;
  return select;
}

const sets = () => new Map(state.data.sets.map((set) => [set.key, set]));

/** A set's name in lists; an evaluation says after which step it came. */
function setName(set) {
  const numbered = set.kind !== "evaluation" || set.step == null || /\d/.test(set.title) || !set.step;
  return numbered ? set.title : `${set.title} (step ${set.step})`;
}

/** An episode with its tokens: from this page, or from the server behind it. */
const fetched = new Map();
async function episode(key) {
  if (state.data.episodes) return state.data.episodes[key];
  if (!fetched.has(key)) {
    const answer = await fetch(`episode?key=${encodeURIComponent(key)}`);
    if (!answer.ok) throw new Error(await answer.text());
    fetched.set(key, await answer.json());
    if (fetched.size > 50) fetched.delete(fetched.keys().next().value);
  }
  return fetched.get(key);
}

/** The place in the address: a tab and what is open in it, so that "back" and links work. */
function go(tab, ...open) {
  location.hash = [tab, ...open.map(encodeURIComponent)].join("/");
}
