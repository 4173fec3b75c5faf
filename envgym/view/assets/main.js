// Tabs by address, and news from the server while a run goes on.

const TABS = { curves: ["Curves", showCurves], episodes: ["Episodes", showEpisodes], compare: ["Compare", showCompare] };

function route() {
  const [tab, ...open] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const first = Object.keys(state.data.metrics).length || state.data.run.training ? "curves" : "episodes";
  const before = state.tab;
  state.tab = TABS[tab] ? tab : first;
  const read = state.tab !== "episodes" && state.opened ? `/${encodeURIComponent(state.opened)}` : "";
  const link = (name) => `#${name}${name === "episodes" ? read : ""}`; // back to what was being read
  $("tabs").replaceChildren(...Object.entries(TABS).map(([name, [text]]) => el("a", { href: link(name), "aria-current": name === state.tab ? "page" : null }, text)));
  for (const name of Object.keys(TABS)) $(`tab-${name}`).hidden = name !== state.tab;
  if (state.tab !== before) TABS[state.tab][1]();
  if (state.tab === "episodes" && (open[0] || null) !== state.opened) openEpisode(open[0]);
  if (state.tab === "compare" && open.length === 2) comparePair(...open);
  $("tip").hidden = true;
}

/** New data: what is shown is drawn again; filters, zoom, place and what is open stay. */
function refresh() {
  showHead();
  TABS[state.tab][1]();
}

let tag = null;
async function listen() {
  if (!document.hidden) {
    const lost = state.lost;
    try {
      const answer = await fetch("data", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (answer.status !== 304 && !answer.ok) throw new Error(answer.statusText);
      state.lost = false;
      if (answer.status === 200) {
        tag = answer.headers.get("ETag");
        state.data = { ...(await answer.json()), live: true };
        refresh();
      }
    } catch {
      state.lost = true;
    }
    if (lost !== state.lost) showHead();
  }
  setTimeout(listen, 2000);
}

showHead();
route();
addEventListener("hashchange", route);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (state.tab === "curves") showCurves(); });
if (state.data.live) listen();
