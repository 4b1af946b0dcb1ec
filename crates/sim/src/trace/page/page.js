/* The page: joins what is drawn with what the reader does. */
class Page {
  constructor() {
    this.element = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
    this.data = new Data(JSON.parse(this.element.data.textContent));
    this.view = new View(this.data.end, this.data.busy);
    this.words = new Words(this.data);
    this.painter = new Diagram(this.element.base, this.element.over, this.data);
    this.overview = new Overview(this.element.overview, this.data);
    this.list = new List(this.element.list, this.element.rows, (id) => this.words.row(this.level.item(id)), (id) => this.choose(id));
    this.level = this.data.levels[0];
    this.filter = new Filter("");
    this.masks = null;
    this.chosen = -1;
    this.pointed = [];
    this.related = [];
    this.waiting = false;
    this.levels();
    this.findings();
    this.gestures = new Gestures(this);
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

  listEvents() {
    const first = this.firstAt(this.view.from);
    const ids = this.order.subarray(first, this.firstAt(this.view.to));
    this.element.count.textContent = `${ids.length.toLocaleString("en")} events begin in view`;
    const moved = this.list.chosen !== this.chosen;
    this.list.show(ids, this.chosen);
    if (moved && this.chosen >= 0) this.list.reveal(ids.indexOf(this.chosen));
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
      box.replaceChildren(...this.words.of(item));
      const name = Page.message(item.text);
      if (name) {
        const only = Words.part("", `Only ${name}`, "button");
        only.type = "button";
        only.addEventListener("click", () => {
          this.element.filter.value = `"${name}"`;
          this.search();
        });
        const actions = Words.part("actions", "");
        actions.append(only);
        if (this.related.length > 0) actions.append(Words.part("where", `${this.related.length} more of it`, "span"));
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
      box.append(...this.words.of(this.level.item(id)));
      tip.append(box);
    }
    if (this.pointed.length > 3) tip.append(Words.part("more", `and ${this.pointed.length - 3} more here`));
    for (const band of bands.slice(0, 4)) {
      const box = document.createElement("div");
      const what = Words.part("what", band.label);
      what.style.setProperty("--tone", `var(${Kinds.bandTone(band.kind)})`);
      box.append(what, Words.part("when", this.words.when({ at: band.from, until: band.to })));
      tip.append(box);
    }
    if (bands.length > 4) tip.append(Words.part("more", `and ${bands.length - 4} more here`));
    if (lane >= 0) {
      const { name, sockets } = this.data.lanes[lane];
      const box = document.createElement("div");
      box.append(Words.part("what", name), ...sockets.map(([socket, kind]) => Words.part("where", `${socket}, ${kind}`)));
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

  zoom(factor, at = this.view.from + this.view.span / 2) {
    this.view.zoom(factor, at);
    this.refresh();
  }

  fit() {
    this.view.fit();
    this.refresh();
  }

  // The address says what is shown, so that it can be given to somebody.

  remember() {
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => {
      const hash = new URLSearchParams();
      if (this.level !== this.data.levels[0]) hash.set("level", this.level.name);
      if (!this.view.isFitted) {
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
