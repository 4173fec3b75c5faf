// Virtual clock of a page: time stands still until `__clock.advance`, so an agent's thinking costs
// nothing and an episode depends on its actions alone.
(() => {
  const BEGIN = 1577880000000;  // 2020-01-01T12:00:00Z
  const MOST_CALLS = 20000, FRAME = 16;
  let now = BEGIN, next = 1, order = 0;
  const timers = new Map();
  const RealDate = Date;
  class VirtualDate extends RealDate {
    constructor(...rest) { rest.length ? super(...rest) : super(now); }
    static now() { return now; }
  }
  window.Date = new Proxy(VirtualDate, { apply: () => new VirtualDate().toString() });
  performance.now = () => now - BEGIN;

  const add = (call, wait, repeat) => {
    if (typeof call === "string") call = new Function(call);
    const delay = Math.max(0, Number(wait) || 0);
    timers.set(next, { call, due: now + delay, every: repeat ? Math.max(delay, 1) : 0, order: order++ });
    return next++;
  };
  window.setTimeout = (call, wait, ...rest) => add(rest.length ? () => call(...rest) : call, wait, false);
  window.setInterval = (call, wait, ...rest) => add(rest.length ? () => call(...rest) : call, wait, true);
  window.clearTimeout = window.clearInterval = window.cancelAnimationFrame = id => { timers.delete(id); };
  window.requestAnimationFrame = call => add(() => call(now - BEGIN), FRAME, false);
  window.requestIdleCallback = call => add(() => call({ didTimeout: false, timeRemaining: () => 50 }), 1, false);

  window.__clock = Object.freeze({
    // Start anew at the first moment, without the timers of the episode before.
    reset() { now = BEGIN; timers.clear(); },
    passed: () => now - BEGIN,
    // Let time pass, in milliseconds: timers fire in the order in which they are due.
    advance(time) {
      const end = now + time;
      for (let calls = 0; calls < MOST_CALLS; calls++) {
        let due = null, id = 0;
        for (const [key, timer] of timers)
          if (timer.due <= end && (due === null || timer.due < due.due ||
              timer.due === due.due && timer.order < due.order)) { due = timer; id = key; }
        if (due === null) break;
        now = Math.max(now, due.due);
        if (due.every) { due.due += due.every; due.order = order++; } else timers.delete(id);
        try { due.call.call(window); } catch (error) { console.error(error); }
      }
      now = end;
    },
  });
})();
