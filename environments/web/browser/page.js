// In-page half of a tab: runs before a document's own scripts, and only once in it.
// `snapshot` describes the visible elements, `aim` and its neighbours prepare one action each.
(() => {
  if (window.__envgym || window !== window.top) return;
  const MOST_NODES = 5000, MOST_TEXT = 20000;
  const SKIPPED = new Set(["script", "style", "template", "noscript", "head", "link", "meta"]);
  const KEPT = ["id", "class", "name", "type", "href", "placeholder", "title", "alt", "role", "for",
    "min", "max", "step", "maxlength", "colspan", "contenteditable", "draggable", "tabindex",
    "fill", "stroke", "d", "points", "r", "target", "action", "method", "label"];
  const handles = new WeakMap(), elements = [null];
  const listening = new WeakSet();
  let leaving = false;

  const add = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (this instanceof Element && /^(click|mousedown|mouseup|dblclick|pointerdown)$/.test(type))
      listening.add(this);
    return add.call(this, type, ...rest);
  };
  // A navigation that an event starts is under way only after its handlers have run.
  const leave = event => { if (!event.defaultPrevented) leaving = true; };
  add.call(window, "submit", leave);
  add.call(window, "beforeunload", leave);
  add.call(window, "click", event => {
    const link = event.target instanceof Element && event.target.closest("a[href]");
    if (link && /^https?:/.test(link.protocol) && !/^\s*#/.test(link.getAttribute("href")) &&
        (!link.target || link.target === "_self")) leave(event);
  });

  const handle = element => {
    let found = handles.get(element);
    if (found === undefined) {
      found = elements.length;
      handles.set(element, found);
      elements.push(element);
    }
    return found;
  };

  const clean = text => text.replace(/\s+/g, " ");

  const clickable = element =>
    listening.has(element) || element.onclick !== null && element.onclick !== undefined ||
    element.onmousedown !== null && element.onmousedown !== undefined ||
    element instanceof HTMLElement && element.style.cursor === "pointer";

  const attributes = (element, tag) => {
    const found = {};
    for (const name of KEPT) {
      const value = element.getAttribute(name);
      if (value !== null) found[name] = value.slice(0, 500);
    }
    for (const { name, value } of element.attributes)
      if (name.startsWith("aria-") || name.startsWith("data-")) found[name] = value.slice(0, 500);
    if (tag === "input" || tag === "textarea") {
      if (element.type === "checkbox" || element.type === "radio") {
        if (element.hasAttribute("value")) found.value = element.value;
        if (element.checked) found.checked = "";
      } else found.value = element.value.slice(0, MOST_TEXT);
      if (element.readOnly) found.readonly = "";
      if (element.required) found.required = "";
    } else if (tag === "button") {
      if (element.hasAttribute("value")) found.value = element.value;
    } else if (tag === "option") {
      found.value = element.value;
      if (element.selected) found.selected = "";
    } else if (tag === "select") {
      if (element.multiple) found.multiple = "";
    } else if (tag === "details" && element.open) found.open = "";
    if (element.disabled) found.disabled = "";
    if (element === document.activeElement && element !== document.body) found.focused = "";
    if (clickable(element)) {
      found.clickable = "";
      const background = element.firstElementChild ? "" : getComputedStyle(element).backgroundColor;
      if (background && background !== "rgba(0, 0, 0, 0)" && !element.textContent.trim())
        found.background = background;
    }
    if (element instanceof SVGElement || tag === "canvas") {
      const box = element.getBoundingClientRect();
      found.box = [box.x, box.y, box.width, box.height].map(Math.round).join(",");
    }
    return found;
  };

  const visible = element => {
    if (element.tagName === "OPTION" || element.tagName === "OPTGROUP") return true;
    return element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  };

  const snapshot = exclude => {
    let left = MOST_NODES, text = MOST_TEXT;
    const walk = element => {
      const tag = element.localName;
      if (SKIPPED.has(tag) || exclude && element.matches(exclude)) return null;
      const inSelect = tag === "option" || tag === "optgroup";
      if (!inSelect && !element.checkVisibility() && getComputedStyle(element).display !== "contents")
        return null;
      if (--left < 0) return null;
      const children = [];
      for (const child of element.childNodes) {
        if (child.nodeType === 3) {
          const value = clean(child.data).slice(0, Math.max(text, 0));
          text -= value.length;
          if (value.trim() || value && children.length) children.push(value);
        } else if (child.nodeType === 1) {
          const found = walk(child);
          if (found !== null) children.push(found);
        }
      }
      if (!visible(element) && !children.some(Array.isArray)) return null;
      if (tag === "textarea") children.length = 0;
      return [handle(element), tag, attributes(element, tag), children];
    };
    const root = document.body ? walk(document.body) : null;
    return { url: location.href, title: document.title, root, cut: left < 0 || text < 0 };
  };

  const get = number => {
    const element = elements[number];
    if (!element || !element.isConnected) throw "gone";
    return element;
  };
  const named = element => {
    const text = clean(element.textContent || "").trim().slice(0, 40);
    return element.localName + (text ? ` '${text}'` : "");
  };
  const shows = (element, hit) => {
    if (!hit) return false;
    if (element.contains(hit)) return true;
    const label = hit.closest("label");
    return label !== null && label.control === element || element.labels !== undefined &&
      element.labels !== null && [...element.labels].some(one => one.contains(hit));
  };
  const inside = (x, y) => x >= 0 && y >= 0 && x < innerWidth && y < innerHeight;
  const aim = (number, at) => {
    const element = get(number);
    if (element.localName === "option") throw "option";
    if (!visible(element)) throw "hidden";
    let boxes = [...element.getClientRects()].filter(box => box.width > 0 && box.height > 0);
    if (!boxes.length) {
      // An empty inline element that its children fill.
      boxes = [...element.children].flatMap(child => [...child.getClientRects()])
        .filter(box => box.width > 0 && box.height > 0);
      if (!boxes.length) throw "hidden";
    }
    const points = () => boxes.flatMap(box =>
      (at ? [at] : [[.5, .5], [.25, .25], [.75, .75], [.25, .75], [.75, .25], [.1, .5], [.9, .5]])
        .map(([u, v]) => [box.x + u * box.width, box.y + v * box.height]));
    const find = () => points().find(([x, y]) =>
      inside(x, y) && shows(element, document.elementFromPoint(x, y)));
    let point = find();
    if (!point) {
      element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      boxes = [...element.getClientRects()].filter(box => box.width > 0 && box.height > 0);
      point = find();
    }
    if (!point) {
      const first = points().find(([x, y]) => inside(x, y));
      if (!first) throw "hidden";
      const hit = document.elementFromPoint(...first);
      throw "covered:" + (hit ? named(hit) : "nothing");
    }
    return point;
  };
  const middle = number => {
    const element = get(number);
    if (!visible(element)) throw "hidden";
    const box = element.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const textLike = element => element.localName === "textarea" || element.isContentEditable ||
    element.localName === "input" &&
    !["checkbox", "radio", "button", "submit", "reset", "file", "image", "range", "color"]
      .includes(element.type);
  const typed = ["date", "time", "month", "week", "datetime-local", "color", "range"];
  // Set the value of a field that takes none by typing; prepare others for typing.
  const edit = (number, text) => {
    const element = get(number);
    if (!visible(element)) throw "hidden";
    if (!textLike(element) && !typed.includes(element.type)) throw "no field";
    if (element.disabled || element.readOnly) throw "disabled";
    element.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    element.focus();
    if (typed.includes(element.type)) {
      element.value = text;
      if (element.value !== text) throw "value";
      element.dispatchEvent(new Event("input", { bubbles: true }));
      element.dispatchEvent(new Event("change", { bubbles: true }));
      return false;
    }
    if (element.isContentEditable) getSelection().selectAllChildren(element);
    else element.select();
    return true;
  };
  const choose = (number, wanted) => {
    const element = get(number);
    if (element.localName !== "select") throw "no select";
    if (!visible(element)) throw "hidden";
    if (element.disabled) throw "disabled";
    const options = [...element.options];
    const match = name => options.find(one => clean(one.label).trim() === name) ||
      options.find(one => one.value === name);
    const found = wanted.map(name => match(clean(name).trim()));
    if (found.some(one => !one || one.disabled)) throw "no option";
    if (found.length > 1 && !element.multiple) throw "one option";
    element.focus();
    for (const one of options) one.selected = found.includes(one);
    element.dispatchEvent(new Event("input", { bubbles: true }));
    element.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const attempt = (act, ...rest) => {
    try {
      const value = act(...rest);
      return { value: value === undefined ? null : value };
    } catch (error) {
      if (typeof error === "string") return { error };
      throw error;
    }
  };
  const scrolled = (number, dx, dy) => {
    let element = number === null ? document.scrollingElement : get(number);
    const roams = one => dx ? one.scrollWidth > one.clientWidth : one.scrollHeight > one.clientHeight;
    if (number !== null) while (element.parentElement && !roams(element)) element = element.parentElement;
    element.scrollBy({ left: dx * .8 * element.clientWidth, top: dy * .8 * element.clientHeight,
      behavior: "instant" });
  };
  window.__envgym = {
    snapshot, handle,
    leaving: () => leaving,
    stay: () => { leaving = false; },
    aim: (number, at) => attempt(aim, number, at),
    edit: (number, text) => attempt(edit, number, text),
    choose: (number, wanted) => attempt(choose, number, wanted),
    scroll: (number, dx, dy) => attempt(scrolled, number, dx, dy),
    focus: number => attempt(n => { get(n).focus(); }, number),
    middle: number => attempt(middle, number),
  };
  Object.freeze(window.__envgym);
  window.open = () => null;  // no popup
})();
