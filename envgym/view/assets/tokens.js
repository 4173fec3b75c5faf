// An episode, token by token: coloured by kind or by value, explained under the pointer.

const KINDS = ["system", "user", "tool", "hint", "critic", "shown", "prefix", "action"];
const COLOURS = { kind: "kind", lp: "log-prob", tlp: "log-prob without the hint", gap: "ratio without / with the hint", adv: "advantage", v: "policy version" };
let colouring = "kind";

/** The i-th of values that were said once if they are all the same. */
const at = (values, i) => (Array.isArray(values) ? values[i] : values);

/** The i-th action token's value that a colour or the explanation shows; null where it has none. */
function valueOf(block, name, i) {
  if (name !== "gap") return at(block[name], i) ?? null;
  const seen = at(block.lp, i), target = at(block.tlp, i);
  return seen == null || target == null ? null : target - seen;
}

/** Background of an action token: [colour, weight in %]; null where it has no such value. */
function shade(block, i, largest) {
  const value = valueOf(block, colouring, i);
  if (value == null) return null;
  if (colouring === "lp" || colouring === "tlp") return ["var(--bad)", 75 * Math.min(1, -value / 4)];
  if (colouring === "gap") return [value < 0 ? "var(--bad)" : "var(--user)", 75 * Math.min(1, Math.abs(value) / 4)];
  if (colouring === "adv") return [value < 0 ? "var(--bad)" : "var(--user)", largest ? (70 * Math.abs(value)) / largest : 0];
  return [`var(--c${value % 8})`, 40];
}

function tokenBlock(block, largest) {
  const pre = el("pre");
  pre.block = block;
  block.p.forEach((piece, i) => {
    if (block.cut && block.cut[0] === i) pre.append(el("span", { class: "cut" }, ` … ${block.cut[1].toLocaleString("en")} tokens left out … `));
    const token = el("span", { class: "t" }, piece || "◌");
    token.place = i;
    if (piece.includes("\n")) token.classList.add("newline");
    const colour = block.k === "action" && colouring !== "kind" ? shade(block, i, largest) : null;
    if (colour) {
      token.classList.add("valued");
      token.style.setProperty("--shade", colour[0]);
      token.style.setProperty("--weight", `${colour[1].toFixed(1)}%`);
    }
    pre.append(token);
  });
  return pre;
}

function blockNode(block, largest) {
  const kind = KINDS.includes(block.k) ? block.k : "user";
  const label = block.note ? `${block.k}, ${block.note}` : block.k;
  return el("div", { class: `block ${kind}${block.note ? " noted" : ""}` }, el("span", {}, label), block.p ? tokenBlock(block, largest) : el("pre", {}, block.text));
}

function largestAdvantage(found) {
  const values = found.seats.flatMap((seat) => seat.turns.flatMap((turn) => turn.blocks.flatMap((block) => block.adv ?? [])));
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function turnNode(turn, number, largest) {
  const action = turn.blocks.at(-1);
  const advantage = typeof action.adv === "number" ? `advantage ${fixed(action.adv)}` : null;
  const [seen, target] = turn.mean_lp ?? [];
  const both = turn.mean_lp ? `mean log-prob ${fixed(seen)} with the hint, ${fixed(target)} without (ratio ${short(Math.exp(target - seen))})` : null;
  const head = [el("b", {}, `Turn ${number}`), `reward ${fixed(turn.reward)}`, turn.n ? `${turn.n} tokens` : null, advantage, both,
    turn.restart ? "history rewritten: a new row" : null];
  return el("div", { class: "turn" }, el("div", { class: "soft" }, head.filter(Boolean).map((part) => (part.nodeType ? part : el("span", {}, part)))),
    turn.blocks.map((block) => blockNode(block, largest)));
}

/** Everything of an opened episode but its title. */
function transcript(found) {
  const largest = largestAdvantage(found);
  return found.seats.map((seat) => [
    found.seats.length > 1 ? el("h2", {}, `Seat ${seat.seat}`) : null,
    seat.turns.map((turn, i) => turnNode(turn, i + 1, largest)),
    seat.final.length ? el("div", { class: "turn" }, el("div", { class: "soft" }, el("b", {}, "After the last action")), seat.final.map((block) => blockNode(block, largest))) : null,
  ]);
}

/** Which colours mean what, and the choice between them. */
function colourBar(found, again) {
  const blocks = found.seats.flatMap((seat) => seat.turns.flatMap((turn) => turn.blocks).concat(seat.final));
  const actions = blocks.filter((block) => block.k === "action" && block.p);
  const there = Object.entries(COLOURS).filter(([name]) => name === "kind" || actions.some((block) => valueOf(block, name, 0) != null));
  const select = el("select", { "aria-label": "colour of tokens", onchange: () => { colouring = select.value; again(); } }, there.map(([name, text]) => el("option", { value: name }, text)));
  const shown = there.some(([name]) => name === colouring) ? colouring : "kind";
  select.value = shown;
  const key = (hue, text) => { const mark = el("i"); mark.style.setProperty("--hue", hue); return el("span", { class: "key" }, mark, text); };
  const keys = {
    kind: () => KINDS.filter((kind) => blocks.some((block) => block.k === kind)).map((kind) => key(`var(--${kind})`, kind)),
    lp: () => [key("var(--bad)", "the less likely, the redder")],
    tlp: () => [key("var(--bad)", "the less likely without the hint, the redder")],
    gap: () => [key("var(--bad)", "less likely without the hint"), key("var(--user)", "likelier without it")],
    adv: () => [key("var(--user)", "reinforced"), key("var(--bad)", "discouraged")],
    v: () => [...new Set(actions.flatMap((block) => block.v))].slice(0, 8).map((v) => key(`var(--c${v % 8})`, `version ${v}`)),
  };
  return el("div", { class: "colours" }, actions.length ? el("label", {}, "colour by ", select) : null, keys[shown]());
}

/** What stands under the pointer, or was tapped. */
function explain(token, x, y) {
  const tip = $("tip");
  const block = token.parentElement.block;
  const i = token.place;
  const rows = [["kind", block.k], ["id", at(block.i, i)]];
  const logprob = at(block.lp, i), target = at(block.tlp, i), gap = valueOf(block, "gap", i);
  if (logprob != null) rows.push([target == null ? "log-prob" : "log-prob with the hint", fixed(logprob, 3)], ["probability", `${short(100 * Math.exp(logprob))} %`]);
  if (target != null) rows.push(["log-prob without the hint", fixed(target, 3)]);
  if (gap != null) rows.push(["difference", fixed(gap, 3)], ["ratio without / with", short(Math.exp(gap))]);
  if (block.k === "action") rows.push(["advantage", fixed(at(block.adv, i), 3)], ["policy version", at(block.v, i) ?? "–"]);
  tip.replaceChildren(el("code", {}, block.p[i] === "" ? "(a part of the next character)" : JSON.stringify(block.p[i])), el("dl", {}, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))])));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(6, Math.min(x + 12, innerWidth - box.width - 6))}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? Math.max(6, y - box.height - 14) : y + 18}px`;
}

let picked = null;
function pick(event) {
  const token = event.target.closest ? event.target.closest(".t") : null;
  if (picked) picked.classList.remove("picked");
  picked = token;
  if (!token) { $("tip").hidden = true; return; }
  token.classList.add("picked");
  explain(token, event.clientX, event.clientY);
}
document.addEventListener("pointerover", (event) => { if (event.pointerType === "mouse") pick(event); });
document.addEventListener("click", pick);
document.addEventListener("scroll", () => { $("tip").hidden = true; }, { capture: true, passive: true });
