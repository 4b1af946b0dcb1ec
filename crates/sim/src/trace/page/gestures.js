/* What the reader does with wheel, pointer, fingers and keys. */
class Gestures {
  constructor(page) {
    this.page = page;
    this.pointers = new Map();
    this.listen();
  }

  listen() {
    const { stage, overview, filter, help } = this.page.element;
    addEventListener("look", () => {
      this.page.painter.look();
      this.page.refresh();
    });
    new ResizeObserver(() => this.page.resize()).observe(stage);
    addEventListener("hashchange", () => {
      this.page.recall();
      this.page.search();
    });
    this.page.element.in.addEventListener("click", () => this.page.zoom(1 / 2));
    this.page.element.out.addEventListener("click", () => this.page.zoom(2));
    this.page.element.fit.addEventListener("click", () => this.page.fit());
    this.page.element["list-open"].addEventListener("click", () => this.page.open(this.page.element.side.hidden));
    this.page.element["help-open"].addEventListener("click", () => help.showModal());
    let later = 0;
    filter.addEventListener("input", () => {
      clearTimeout(later);
      later = setTimeout(() => this.page.search(), 120);
    });
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.press(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const over of ["pointerup", "pointercancel"]) stage.addEventListener(over, (event) => this.release(event));
    stage.addEventListener("pointerleave", () => this.page.unpoint());
    stage.addEventListener("dblclick", (event) => {
      this.page.view.zoom(1 / 3, this.page.painter.t(this.place(event).x));
      this.page.refresh();
    });
    addEventListener("keydown", (event) => this.key(event));
    this.chooseTime(overview);
  }

  place(event) {
    const box = this.page.element.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const [dx, dy] = [event.deltaX * lines, event.deltaY * lines];
    const { x, y } = this.place(event);
    if (event.altKey) this.page.painter.scrollBy(dy);
    else if (event.shiftKey) this.page.view.pan(((dx || dy) / this.page.painter.timeWidth) * this.page.view.span);
    else if (Math.abs(dx) > Math.abs(dy)) this.page.view.pan((dx / this.page.painter.timeWidth) * this.page.view.span);
    else if (x < this.page.painter.left) this.page.painter.scrollBy(dy);
    else this.page.view.zoom(Math.exp(Math.min(Math.max(dy, -200), 200) * 0.0022), this.page.painter.t(x));
    this.page.point(x, y);
    this.page.refresh();
  }

  press(event) {
    if (event.button !== 0) return;
    this.page.element.stage.setPointerCapture(event.pointerId);
    const place = this.place(event);
    this.pointers.set(event.pointerId, { ...place, start: place, moved: false });
    if (event.shiftKey && place.x > this.page.painter.left) this.page.range = [place.x, place.x];
  }

  move(event) {
    const place = this.place(event);
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return this.page.point(place.x, place.y);
    const [dx, dy] = [place.x - pointer.x, place.y - pointer.y];
    if (Math.hypot(place.x - pointer.start.x, place.y - pointer.start.y) > 4) pointer.moved = true;
    if (!pointer.moved) return;
    this.page.unpoint();
    this.page.element.stage.classList.add("dragging");
    if (this.page.range) {
      this.page.range[1] = place.x;
      this.page.emphasise();
    } else if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const before = Math.abs(pointer.x - other.x);
      const after = Math.abs(place.x - other.x);
      if (before > 10 && after > 10) this.page.view.zoom(before / after, this.page.painter.t((place.x + other.x) / 2));
    } else {
      this.page.view.pan((-dx / this.page.painter.timeWidth) * this.page.view.span);
      this.page.painter.scrollBy(-dy);
    }
    Object.assign(pointer, place);
    this.page.refresh();
  }

  release(event) {
    const pointer = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    this.page.element.stage.classList.remove("dragging");
    if (!pointer) return;
    if (this.page.range) {
      const [from, to] = this.page.range.map((x) => this.page.painter.t(x)).sort((a, b) => a - b);
      if (Math.abs(this.page.range[1] - this.page.range[0]) > 4) this.page.view.show(from, to);
      this.page.range = null;
      return this.page.refresh();
    }
    if (pointer.moved || event.type === "pointercancel") return;
    const { x, y } = this.place(event);
    this.page.point(x, y);
    const lane = x < this.page.painter.left ? this.page.painter.laneAt(y) : -1;
    if (lane >= 0) this.page.toggle(`host:"${this.page.data.lanes[lane].name}"`);
    else this.page.choose(this.page.pointed[0] ?? -1);
    if (event.pointerType !== "mouse" && lane >= 0) this.page.unpoint();
  }

  /* Dragging on the overview chooses a time; inside what is shown, it moves that. */
  chooseTime(overview) {
    let grip = null;
    const at = (event) => this.page.overview.t(event.clientX - overview.getBoundingClientRect().left);
    overview.addEventListener("pointerdown", (event) => {
      overview.setPointerCapture(event.pointerId);
      const t = at(event);
      const inside = t > this.page.view.from && t < this.page.view.to && this.page.view.span < this.page.data.end * 0.98;
      grip = { t, last: t, inside, moved: false };
    });
    overview.addEventListener("pointermove", (event) => {
      if (!grip) return;
      const t = at(event);
      grip.moved ||= Math.abs(this.page.overview.x(t) - this.page.overview.x(grip.t)) > 3;
      if (!grip.moved) return;
      if (grip.inside) this.page.view.pan(t - grip.last);
      else this.page.view.show(Math.min(t, grip.t), Math.max(t, grip.t));
      grip.last = t;
      this.page.refresh();
    });
    overview.addEventListener("pointerup", () => {
      if (grip && !grip.moved) {
        this.page.view.pan(grip.t - (this.page.view.from + this.page.view.span / 2));
        this.page.refresh();
      }
      grip = null;
    });
    overview.addEventListener("dblclick", () => this.page.fit());
  }

  key(event) {
    const { filter, help, stage } = this.page.element;
    if (help.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (event.target === filter && filter.value) filter.value = "";
      else if (this.page.chosen < 0) this.page.open(false);
      if (event.target === filter) this.page.search();
      else this.page.choose(-1);
      stage.focus();
      return this.page.unpoint();
    }
    if (event.target === filter) return;
    const far = event.shiftKey ? 0.5 : 0.12;
    const action = {
      ArrowLeft: () => this.page.view.pan(-this.page.view.span * far),
      ArrowRight: () => this.page.view.pan(this.page.view.span * far),
      ArrowUp: () => this.page.painter.scrollBy(-this.page.painter.lane),
      ArrowDown: () => this.page.painter.scrollBy(this.page.painter.lane),
      Home: () => this.page.view.pan(-this.page.data.end * 2),
      End: () => this.page.view.pan(this.page.data.end * 2),
      "+": () => this.page.zoom(1 / 1.6, this.anchor()),
      "=": () => this.page.zoom(1 / 1.6, this.anchor()),
      "-": () => this.page.zoom(1.6, this.anchor()),
      f: () => this.page.fit(),
      0: () => this.page.fit(),
      n: () => this.page.step(1),
      p: () => this.page.step(-1),
      l: () => this.page.open(this.page.element.side.hidden),
      "/": () => filter.focus(),
      "?": () => help.showModal(),
      1: () => this.page.data.levels[0] && this.page.show(this.page.data.levels[0]),
      2: () => this.page.data.levels[1] && this.page.show(this.page.data.levels[1]),
      3: () => this.page.data.levels[2] && this.page.show(this.page.data.levels[2]),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
    this.page.refresh();
  }

  /* Zooming by key keeps what is chosen where it is. */
  anchor() {
    if (this.page.chosen < 0) return this.page.view.from + this.page.view.span / 2;
    const { at } = this.page.level.item(this.page.chosen);
    return at >= this.page.view.from && at <= this.page.view.to ? at : this.page.view.from + this.page.view.span / 2;
  }
}
