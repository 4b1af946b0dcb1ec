/* The page: joins what is drawn with what the reader does. */
class Page {
  constructor() {
    this.element = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
    this.data = new Data(JSON.parse(this.element.data.textContent));
    this.view = new View(this.data.end);
    this.painter = new Diagram(this.element.base, this.element.over, this.data);
    this.overview = new Overview(this.element.overview, this.data);
    this.list = new List(this.element.list, this.element.rows, (id) => this.row(id), (id) => this.choose(id));
    this.level = this.data.levels[0];
    this.filter = new Filter("");
    this.masks = null;
    this.chosen = -1;
    this.pointed = [];
    this.related = [];
    this.waiting = false;
    this.pointers = new Map();
    this.levels();
    this.findings();
    this.listen();
    Look.start();
    this.painter.look();
    this.recall();
    this.resize();
  }

  // What there is to choose from.

  levels() {
    this.data.levels.forEach((level, number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = level.name[0].toUpperCase() + level.name.slice(1);
      button.title = `${level.arrows.length.toLocaleString("en")} ${level.name} (${number + 1})`;
      button.addEventListener("click", () => this.show(level));
      this.element.levels.append(button);
    });
    if (this.data.levels.length < 3) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Packets";
      button.disabled = true;
      button.title = "A trace has no packets: make the page from its scenario to see them";
      this.element.levels.append(button);
    }
  }

  findings() {
    this.element.findings.hidden = this.data.findings.length === 0;
    for (const finding of this.data.findings) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = finding.text;
      button.disabled = finding.at === null;
      button.addEventListener("click", () => {
        const span = Math.min(this.view.span, this.data.end / 20);
        this.view.show(finding.at - span / 2, finding.at + span / 2);
        this.refresh();
      });
      this.element.findings.append(button);
    }
  }

  legend() {
    const counts = new Map();
    this.level.tables.forEach((table, number) => {
      for (let row = 0; row < table.length; row++) {
        const end = table.end && table.end[row] !== END.ARRIVED ? table.end[row] : END.ARRIVED;
        const key = end === END.ARRIVED ? `${number}/${table.kind[row]}/0` : `0//${end}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    });
    const entries = [...counts].map(([key, count]) => {
      const [table, kind, end] = key.split("/");
      const name = kind === "" ? END_WORDS[Number(end)] : this.data.kinds[Number(kind)];
      return { arrow: table === "0", name, end: Number(end), count, word: kind === "" ? `end:"${name}"` : `kind:"${name}"` };
    });
    entries.sort((a, b) => Number(b.arrow) - Number(a.arrow) || a.end - b.end || b.count - a.count);
    this.element.legend.replaceChildren(...entries.map(({ arrow, name, end, count, word }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(Kinds.icon(arrow && end !== END.ARRIVED ? "message" : name, arrow, end), name, " ");
      const number = document.createElement("span");
      number.className = "count";
      number.textContent = count.toLocaleString("en");
      button.append(number);
      button.setAttribute("aria-pressed", String(this.element.filter.value.includes(word)));
      button.addEventListener("click", () => this.toggle(word));
      return button;
    }));
  }

  /* Adds a word to the filter, or takes it away. */
  toggle(word) {
    const input = this.element.filter;
    const words = input.value.includes(word) ? input.value.replace(word, "") : `${input.value} ${word}`;
    input.value = words.replace(/\s+/g, " ").trim();
    this.search();
  }

  // What is shown.

  show(level) {
    this.level = level;
    this.chosen = -1;
    this.pointed = [];
    this.search();
  }

  search() {
    this.filter = new Filter(this.element.filter.value);
    this.masks = this.filter.masks(this.level);
    this.order = this.level.order;
    let lanes = this.data.lanes.map((_, lane) => lane);
    if (this.masks) {
      this.order = this.order.filter((id) => this.masks[Math.floor(id / Level.ROWS)][id % Level.ROWS]);
      const concerned = this.level.lanesOf(this.order);
      if (concerned.size > 0) lanes = lanes.filter((lane) => concerned.has(lane));
    }
    this.painter.only(lanes);
    const nothing = this.order.length === 0 && !this.filter.empty;
    this.element.filter.setAttribute("aria-invalid", String(nothing));
    [...this.element.levels.children].forEach((button, number) => {
      button.setAttribute("aria-pressed", String(this.data.levels[number] === this.level));
    });
    this.choose(-1);
    this.legend();
    this.refresh();
  }

  resize() {
    const { stage, overview } = this.element;
    const size = [stage.clientWidth, stage.clientHeight, overview.clientWidth, devicePixelRatio].join();
    if (size === this.size) return;
    this.size = size;
    this.painter.resize(stage.clientWidth, stage.clientHeight);
    this.overview.resize(overview.clientWidth, overview.clientHeight);
    if (!this.order) this.search();
    /* At once: a canvas that was resized is empty. */
    this.paint();
  }

  /* Draws before the browser shows the next picture. */
  refresh() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const drawn = this.painter.paint(this.view, this.level, this.masks);
    this.overview.paint(this.painter, this.view, this.level, this.masks);
    this.emphasise();
    this.say(drawn);
    if (!this.element.side.hidden) this.listEvents();
    const report = { ready: true, level: this.level.name, lanes: this.data.lanes.length, bands: this.data.bands.length, arrows: this.level.arrows.length, marks: this.level.marks.length, arrowsDrawn: drawn.arrows, marksDrawn: drawn.marks, passing: this.order.length };
    Object.assign(document.documentElement.dataset, report);
    this.remember();
  }

  say({ inView, arrows, crowded }) {
    const number = (n) => n.toLocaleString("en");
    const time = `${View.time(Math.max(this.view.from, 0), this.view.span / 100)} – ${View.time(this.view.to, this.view.span / 100)}`;
    let what = `${number(inView)} ${this.level.name} in view`;
    if (crowded) what += `, ${number(arrows)} of them drawn: zoom in for all`;
    if (this.masks) what += ` · ${number(this.order.length)} of ${number(this.level.order.length)} events pass the filter`;
    this.element.status.textContent = `${time} · ${what}`;
  }

  emphasise() {
    const ids = [...this.related, ...this.pointed.slice(0, 1)];
    if (this.chosen >= 0) ids.push(this.chosen);
    this.painter.emphasise(ids, this.chosen, this.range);
  }

  // Words for what is drawn.

  where(item) {
    const name = (lane) => this.data.lanes[lane]?.name ?? "nobody";
    return item.arrow && item.to !== item.from ? `${name(item.from)} → ${item.to < 0 ? "?" : name(item.to)}` : name(item.from);
  }

  when(item) {
    const at = View.time(item.at);
    if (item.until === item.at) return at;
    return `${at} – ${View.time(item.until)}, ${View.duration(item.until - item.at)}`;
  }

  tone(item) { return item.arrow ? Kinds.arrowTone(item.kind, item.end) : Kinds.tone(item.kind); }

  part(name, text, tag = "div") {
    const element = document.createElement(tag);
    element.className = name;
    element.textContent = text;
    return element;
  }

  /* An event in a few lines. */
  words(item) {
    const end = END_WORDS[item.end];
    const what = this.part("what", end ? `${item.kind}, ${end}` : item.kind);
    what.style.setProperty("--tone", `var(${this.tone(item)})`);
    return [what, this.part("text", item.text), this.part("where", this.where(item)), this.part("when", this.when(item))];
  }

  row(id) {
    const item = this.level.item(id);
    const row = document.createElement("div");
    const line = this.part("line", "");
    const kind = this.part("kind", END_WORDS[item.end] ? `${item.kind}, ${END_WORDS[item.end]}` : item.kind, "span");
    kind.style.setProperty("--tone", `var(${this.tone(item)})`);
    line.append(this.part("", View.time(item.at), "time"), kind, this.part("where", this.where(item), "span"));
    row.append(line, this.part("line text", item.text));
    row.title = item.text;
    return row;
  }

  listEvents() {
    const first = this.firstAt(this.view.from);
    const ids = this.order.subarray(first, this.firstAt(this.view.to));
    this.element.count.textContent = `${ids.length.toLocaleString("en")} events begin in view`;
    this.list.show(ids, this.chosen);
  }

  /* The place in the order of the first event at `t` or later. */
  firstAt(t) {
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const id = this.order[middle];
      if (this.level.tables[Math.floor(id / Level.ROWS)].at[id % Level.ROWS] < t) low = middle + 1; else high = middle;
    }
    return low;
  }

  // What is chosen.

  choose(id) {
    this.chosen = id;
    this.related = id < 0 ? [] : this.alike(id);
    const box = this.element.chosen;
    box.hidden = id < 0;
    if (id >= 0) {
      const item = this.level.item(id);
      box.replaceChildren(...this.words(item));
      const name = Page.message(item.text);
      if (name) {
        const only = this.part("", `Only ${name}`, "button");
        only.type = "button";
        only.addEventListener("click", () => {
          this.element.filter.value = `"${name}"`;
          this.search();
        });
        const actions = this.part("actions", "");
        actions.append(only);
        if (this.related.length > 0) actions.append(this.part("where", `${this.related.length} more of it`, "span"));
        box.append(actions);
      }
      this.view.reveal(item.at, item.until);
      this.open(true);
      this.refresh();
    }
    this.emphasise();
  }

  /* The message that a text speaks of, such as push#5. */
  static message(text) { return /[^\s"]+#\d+/.exec(text)?.[0] ?? null; }

  /* Others that speak of the same message. */
  alike(id) {
    const name = Page.message(this.level.item(id).text);
    if (!name) return [];
    const word = { text: name, whole: true };
    const found = [];
    this.level.tables.forEach((table, number) => {
      for (let row = 0; row < table.length && found.length < 200; row++) {
        const other = number * Level.ROWS + row;
        if (other !== id && Filter.occurs(table.text(row), word)) found.push(other);
      }
    });
    return found;
  }

  /* The next event, or the one before. */
  step(by) {
    if (this.order.length === 0) return;
    const now = this.chosen >= 0 ? this.order.indexOf(this.chosen) : this.firstAt(this.view.from) - (by > 0 ? 1 : 0);
    const place = Math.min(Math.max(now + by, 0), this.order.length - 1);
    this.choose(this.order[place]);
  }

  open(open) {
    const { side } = this.element;
    if (side.hidden === !open) return;
    side.hidden = !open;
    this.element["list-open"].setAttribute("aria-pressed", String(open));
    this.resize();
  }

  // What is pointed at.

  point(x, y) {
    this.pointed = this.painter.hits(x, y);
    const bands = this.pointed.length === 0 ? this.painter.bandsAt(x, y) : [];
    const lane = x < this.painter.left ? this.painter.laneAt(y) : -1;
    this.element.stage.classList.toggle("pointing", this.pointed.length > 0 || lane >= 0);
    const { tip } = this.element;
    tip.replaceChildren();
    for (const id of this.pointed.slice(0, 3)) {
      const box = document.createElement("div");
      box.append(...this.words(this.level.item(id)));
      tip.append(box);
    }
    if (this.pointed.length > 3) tip.append(this.part("more", `and ${this.pointed.length - 3} more here`));
    for (const band of bands.slice(0, 4)) {
      const box = document.createElement("div");
      const what = this.part("what", band.label);
      what.style.setProperty("--tone", `var(${Kinds.bandTone(band.kind)})`);
      box.append(what, this.part("when", this.when({ at: band.from, until: band.to })));
      tip.append(box);
    }
    if (lane >= 0) {
      const { name, sockets } = this.data.lanes[lane];
      const box = document.createElement("div");
      box.append(this.part("what", name), ...sockets.map(([socket, kind]) => this.part("where", `${socket}, ${kind}`)));
      tip.append(box);
    }
    tip.hidden = tip.childElementCount === 0;
    if (!tip.hidden) {
      const { stage } = this.element;
      const left = x + 16 + tip.offsetWidth > stage.clientWidth ? x - 16 - tip.offsetWidth : x + 16;
      const top = y + 16 + tip.offsetHeight > stage.clientHeight ? y - 12 - tip.offsetHeight : y + 16;
      tip.style.left = `${Math.max(left, 8)}px`;
      tip.style.top = `${Math.max(top, 8)}px`;
    }
    this.emphasise();
  }

  unpoint() {
    this.pointed = [];
    this.element.tip.hidden = true;
    this.element.stage.classList.remove("pointing");
    this.emphasise();
  }

  // What the reader does.

  listen() {
    const { stage, overview, filter, help } = this.element;
    addEventListener("look", () => {
      this.painter.look();
      this.refresh();
    });
    new ResizeObserver(() => this.resize()).observe(stage);
    addEventListener("hashchange", () => {
      this.recall();
      this.search();
    });
    this.element.in.addEventListener("click", () => this.zoom(1 / 2));
    this.element.out.addEventListener("click", () => this.zoom(2));
    this.element.fit.addEventListener("click", () => this.fit());
    this.element["list-open"].addEventListener("click", () => this.open(this.element.side.hidden));
    this.element["help-open"].addEventListener("click", () => help.showModal());
    let later = 0;
    filter.addEventListener("input", () => {
      clearTimeout(later);
      later = setTimeout(() => this.search(), 120);
    });
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.press(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const over of ["pointerup", "pointercancel"]) stage.addEventListener(over, (event) => this.release(event));
    stage.addEventListener("pointerleave", () => this.unpoint());
    stage.addEventListener("dblclick", (event) => {
      this.view.zoom(1 / 3, this.painter.t(this.place(event).x));
      this.refresh();
    });
    addEventListener("keydown", (event) => this.key(event));
    this.chooseTime(overview);
  }

  place(event) {
    const box = this.element.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  zoom(factor, at = this.view.from + this.view.span / 2) {
    this.view.zoom(factor, at);
    this.refresh();
  }

  fit() {
    this.view.fit();
    this.refresh();
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const [dx, dy] = [event.deltaX * lines, event.deltaY * lines];
    const { x, y } = this.place(event);
    if (event.altKey) this.painter.scrollBy(dy);
    else if (event.shiftKey) this.view.pan(((dx || dy) / this.painter.timeWidth) * this.view.span);
    else if (Math.abs(dx) > Math.abs(dy)) this.view.pan((dx / this.painter.timeWidth) * this.view.span);
    else if (x < this.painter.left) this.painter.scrollBy(dy);
    else this.view.zoom(Math.exp(Math.min(Math.max(dy, -200), 200) * 0.0022), this.painter.t(x));
    this.point(x, y);
    this.refresh();
  }

  press(event) {
    if (event.button !== 0) return;
    this.element.stage.setPointerCapture(event.pointerId);
    const place = this.place(event);
    this.pointers.set(event.pointerId, { ...place, start: place, moved: false });
    if (event.shiftKey && place.x > this.painter.left) this.range = [place.x, place.x];
  }

  move(event) {
    const place = this.place(event);
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return this.point(place.x, place.y);
    const [dx, dy] = [place.x - pointer.x, place.y - pointer.y];
    if (Math.hypot(place.x - pointer.start.x, place.y - pointer.start.y) > 4) pointer.moved = true;
    if (!pointer.moved) return;
    this.unpoint();
    this.element.stage.classList.add("dragging");
    if (this.range) {
      this.range[1] = place.x;
      this.emphasise();
    } else if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const before = Math.abs(pointer.x - other.x);
      const after = Math.abs(place.x - other.x);
      if (before > 10 && after > 10) this.view.zoom(before / after, this.painter.t((place.x + other.x) / 2));
    } else {
      this.view.pan((-dx / this.painter.timeWidth) * this.view.span);
      this.painter.scrollBy(-dy);
    }
    Object.assign(pointer, place);
    this.refresh();
  }

  release(event) {
    const pointer = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    this.element.stage.classList.remove("dragging");
    if (!pointer) return;
    if (this.range) {
      const [from, to] = this.range.map((x) => this.painter.t(x)).sort((a, b) => a - b);
      if (Math.abs(this.range[1] - this.range[0]) > 4) this.view.show(from, to);
      this.range = null;
      return this.refresh();
    }
    if (pointer.moved || event.type === "pointercancel") return;
    const { x, y } = this.place(event);
    this.point(x, y);
    const lane = x < this.painter.left ? this.painter.laneAt(y) : -1;
    if (lane >= 0) this.toggle(`host:"${this.data.lanes[lane].name}"`);
    else this.choose(this.pointed[0] ?? -1);
    if (event.pointerType !== "mouse" && lane >= 0) this.unpoint();
  }

  /* Dragging on the overview chooses a time; inside what is shown, it moves that. */
  chooseTime(overview) {
    let grip = null;
    const at = (event) => this.overview.t(event.clientX - overview.getBoundingClientRect().left);
    overview.addEventListener("pointerdown", (event) => {
      overview.setPointerCapture(event.pointerId);
      const t = at(event);
      const inside = t > this.view.from && t < this.view.to && this.view.span < this.data.end * 0.98;
      grip = { t, last: t, inside, moved: false };
    });
    overview.addEventListener("pointermove", (event) => {
      if (!grip) return;
      const t = at(event);
      grip.moved ||= Math.abs(this.overview.x(t) - this.overview.x(grip.t)) > 3;
      if (!grip.moved) return;
      if (grip.inside) this.view.pan(t - grip.last);
      else this.view.show(Math.min(t, grip.t), Math.max(t, grip.t));
      grip.last = t;
      this.refresh();
    });
    overview.addEventListener("pointerup", () => {
      if (grip && !grip.moved) {
        this.view.pan(grip.t - (this.view.from + this.view.span / 2));
        this.refresh();
      }
      grip = null;
    });
    overview.addEventListener("dblclick", () => this.fit());
  }

  key(event) {
    const { filter, help, stage } = this.element;
    if (help.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (event.target === filter && filter.value) filter.value = "";
      else if (this.chosen < 0) this.open(false);
      if (event.target === filter) this.search();
      else this.choose(-1);
      stage.focus();
      return this.unpoint();
    }
    if (event.target === filter) return;
    const far = event.shiftKey ? 0.5 : 0.12;
    const action = {
      ArrowLeft: () => this.view.pan(-this.view.span * far),
      ArrowRight: () => this.view.pan(this.view.span * far),
      ArrowUp: () => this.painter.scrollBy(-this.painter.lane),
      ArrowDown: () => this.painter.scrollBy(this.painter.lane),
      Home: () => this.view.pan(-this.data.end * 2),
      End: () => this.view.pan(this.data.end * 2),
      "+": () => this.zoom(1 / 1.6, this.anchor()),
      "=": () => this.zoom(1 / 1.6, this.anchor()),
      "-": () => this.zoom(1.6, this.anchor()),
      f: () => this.view.fit(),
      0: () => this.view.fit(),
      n: () => this.step(1),
      p: () => this.step(-1),
      l: () => this.open(this.element.side.hidden),
      "/": () => filter.focus(),
      "?": () => help.showModal(),
      1: () => this.data.levels[0] && this.show(this.data.levels[0]),
      2: () => this.data.levels[1] && this.show(this.data.levels[1]),
      3: () => this.data.levels[2] && this.show(this.data.levels[2]),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
    this.refresh();
  }

  /* Zooming by key keeps what is chosen where it is. */
  anchor() {
    if (this.chosen < 0) return this.view.from + this.view.span / 2;
    const { at } = this.level.item(this.chosen);
    return at >= this.view.from && at <= this.view.to ? at : this.view.from + this.view.span / 2;
  }

  // The address says what is shown, so that it can be given to somebody.

  remember() {
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => {
      const hash = new URLSearchParams();
      if (this.level !== this.data.levels[0]) hash.set("level", this.level.name);
      if (this.view.span < this.data.end) {
        hash.set("from", (Math.max(this.view.from, 0) / 1e9).toPrecision(8));
        hash.set("for", (this.view.span / 1e9).toPrecision(6));
      }
      if (this.element.filter.value) hash.set("find", this.element.filter.value);
      const look = /[#&](look=\w+)/.exec(location.hash);
      const parts = [hash.toString(), look?.[1]].filter(Boolean).join("&");
      try { history.replaceState(null, "", `#${parts}`); } catch { /* It may not be told, then. */ }
    }, 300);
  }

  recall() {
    const hash = new URLSearchParams(location.hash.slice(1));
    this.level = this.data.levels.find((level) => level.name === hash.get("level")) ?? this.level;
    const [from, lasts] = [Number(hash.get("from")) * 1e9, Number(hash.get("for")) * 1e9];
    if (lasts > 0) this.view.show(from, from + lasts);
    if (hash.has("find")) this.element.filter.value = hash.get("find");
    if (hash.get("side") === "open") this.open(true);
  }
}
