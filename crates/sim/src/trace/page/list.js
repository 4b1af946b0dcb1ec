/* The events in view as text, as many rows as fit; the others exist only as room to scroll. */
class List {
  constructor(box, rows, describe, choose) {
    this.box = box;
    this.rows = rows;
    this.describe = describe;
    this.choose = choose;
    this.ids = new Uint32Array(0);
    this.chosen = -1;
    box.addEventListener("scroll", () => this.paint());
    rows.addEventListener("click", (event) => {
      const row = event.target.closest("[data-place]");
      if (row) this.choose(this.ids[Number(row.dataset.place)]);
    });
    box.addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
      if (!by || this.ids.length === 0) return;
      event.preventDefault();
      event.stopPropagation();
      const now = this.ids.indexOf(this.chosen);
      const place = now < 0 ? 0 : Math.min(Math.max(now + by, 0), this.ids.length - 1);
      this.choose(this.ids[place]);
    });
  }

  /* Shows these rows, of which one may be chosen. */
  show(ids, chosen) {
    this.ids = ids;
    this.chosen = chosen;
    const most = Math.floor(8e6 / List.ROW);
    this.rows.style.height = `${Math.min(ids.length, most) * List.ROW}px`;
    this.paint();
  }

  reveal(place) {
    if (place < 0) return;
    const top = place * List.ROW;
    if (top < this.box.scrollTop || top + List.ROW > this.box.scrollTop + this.box.clientHeight) {
      this.box.scrollTop = top - this.box.clientHeight / 2;
    }
    this.paint();
  }

  paint() {
    const first = Math.max(Math.floor(this.box.scrollTop / List.ROW) - 4, 0);
    const last = Math.min(first + Math.ceil(this.box.clientHeight / List.ROW) + 8, this.ids.length);
    this.rows.replaceChildren();
    this.box.removeAttribute("aria-activedescendant");
    for (let place = first; place < last; place++) {
      const row = this.describe(this.ids[place]);
      row.dataset.place = String(place);
      row.id = `row-${place}`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-setsize", String(this.ids.length));
      row.setAttribute("aria-posinset", String(place + 1));
      row.style.top = `${place * List.ROW}px`;
      const chosen = this.ids[place] === this.chosen;
      row.setAttribute("aria-selected", String(chosen));
      if (chosen) this.box.setAttribute("aria-activedescendant", row.id);
      this.rows.append(row);
    }
  }
}

List.ROW = 40;
