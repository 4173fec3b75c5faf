// Begin and observe an episode of a MiniWoB++ page through its own globals.
if (window === window.top) window.__wob = Object.freeze({
  prepared: () => Array.isArray(window.__images),
  // Load the images that style sheets name: one that loads at a hover moves what is clicked.
  preload() {
    const sheets = [...document.styleSheets].flatMap(sheet => [...sheet.cssRules]);
    window.__images = [];
    const urls = sheets.flatMap(rule => rule.style && rule.style.content &&
      [...rule.style.content.matchAll(/url\("([^"]+)"\)/g)].map(found => found[1]) || []);
    return Promise.all(urls.map(url => new Promise(done => {
      const image = new Image();
      image.onload = image.onerror = () => done();
      image.src = url;
      window.__images.push(image);
    })));
  },
  // `limit`: milliseconds of virtual time, 0 for the page's own, null for none.
  begin(seed, mode, limit) {
    if (core.__limit === undefined) core.__limit = core.EPISODE_MAX_TIME;
    core.EPISODE_MAX_TIME = limit === null ? 1e9 : limit || core.__limit;
    window.WOB_DATA_MODE = mode;
    // What an episode left under way (a calendar that fades out) ends before the next begins.
    if (document.activeElement && document.activeElement !== document.body)
      document.activeElement.blur();
    __clock.advance(3000);
    __clock.reset();
    core.EP_TIMER = core.CD_TIMER = null;
    core.wob_latest = "-";
    core.wob_scores = [];
    Math.seedrandom(seed);
    core.startEpisodeReal();
    for (let waits = 0; waits < 200 && !WOB_TASK_READY; waits++) __clock.advance(50);
    const query = document.getElementById("query");
    return { goal: core.getUtterance(), ready: WOB_TASK_READY, query: query.innerHTML };
  },
  after(time) {
    if (!WOB_DONE_GLOBAL) __clock.advance(time);
    return {
      done: WOB_DONE_GLOBAL, raw: WOB_RAW_REWARD_GLOBAL, reward: WOB_REWARD_GLOBAL,
      reason: WOB_REWARD_REASON,
    };
  },
});
