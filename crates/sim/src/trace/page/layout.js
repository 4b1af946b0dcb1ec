/* Where things are: hosts as lanes, time to the right. */
class Layout {
  constructor(base, over, data) {
    this.base = base;
    this.over = over;
    this.data = data;
    this.scroll = 0;
    this.shown = data.lanes.map((_, lane) => lane);
    this.rank = Int32Array.from(this.shown);
    this.colours = new Map();
    this.strips = Layout.stack(data.bands.filter((band) => band.kind !== "down"));
    const lanes = data.lanes.length;
    /* For each pair of lanes and tone, where the last of a crowd of arrows was drawn. */
    this.tones = [...new Set(Object.values(Kinds.tones)), "--k-other"];
    this.lastDrawn = new Int32Array(lanes * (lanes + 1) * this.tones.length);
  }

  /* Gives every band a row, so that none lies on another. What needs more rows than there are shares the last: there,
     bands that overlap are one strip that counts them. */
  static stack(bands) {
    const ends = [];
    const strips = bands.map((band) => {
      let row = ends.findIndex((end) => end <= band.from);
      if (row < 0) row = ends.push(0) - 1;
      ends[row] = Math.max(ends[row], band.to);
      return { row, from: band.from, to: band.to, kind: band.kind, label: band.label, bands: [band] };
    });
    const last = Layout.STRIPS - 1;
    if (ends.length <= Layout.STRIPS) return strips;
    const shared = [];
    for (const strip of strips.filter(({ row }) => row >= last)) {
      const before = shared.at(-1);
      if (!before || before.to <= strip.from) {
        shared.push({ ...strip, row: last });
        continue;
      }
      before.to = Math.max(before.to, strip.to);
      before.bands.push(...strip.bands);
      if (before.kind !== strip.kind) before.kind = "several";
      before.label = `${before.bands.length} more: ${before.bands.map(({ label }) => label).join(", ")}`;
    }
    return [...strips.filter(({ row }) => row < last), ...shared];
  }

  /* The colours of the look that is shown. */
  look() {
    this.colours.clear();
    this.style = getComputedStyle(document.documentElement);
    this.hatches = new Map();
  }

  colour(name) {
    let colour = this.colours.get(name);
    if (!colour) {
      colour = this.style.getPropertyValue(name).trim() || "#888";
      this.colours.set(name, colour);
    }
    return colour;
  }

  /* Fits to the stage. */
  resize(width, height) {
    this.width = Math.max(width, 50);
    this.height = Math.max(height, 50);
    this.scale = Math.min(devicePixelRatio || 1, 3);
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(this.width * this.scale);
      canvas.height = Math.round(this.height * this.scale);
    }
    const context = this.base.getContext("2d");
    const lanes = this.data.lanes;
    context.font = Layout.NAME;
    const names = lanes.map((lane) => context.measureText(lane.name).width);
    context.font = Layout.SMALL;
    const sockets = lanes.map((lane) => context.measureText(Layout.sockets(lane)).width);
    const widest = Math.max(40, ...names, ...sockets) + 26;
    this.left = Math.min(widest, 210, this.width * 0.3);
    const strips = this.strips.reduce((most, { row }) => Math.max(most, row + 1), 0);
    this.axis = 24;
    this.phases = this.data.phases.length > 0 ? 18 : 0;
    this.strip = strips > 0 ? strips * Layout.STRIP + 4 : 0;
    this.top = this.axis + this.phases + this.strip;
    this.share();
  }

  /* Divides the height among the lanes that are shown. */
  share() {
    const room = this.height - this.top - 6;
    this.lane = Math.min(Math.max(room / Math.max(this.shown.length, 1), Layout.LANE_LEAST), Layout.LANE_MOST);
    this.scrollBy(0);
  }

  /* Shows only these lanes. */
  only(lanes) {
    this.shown = lanes;
    this.rank.fill(-1);
    lanes.forEach((lane, rank) => { this.rank[lane] = rank; });
    if (this.height) this.share();
  }

  get scrollMost() { return Math.max(this.lane * this.shown.length + 6 - (this.height - this.top), 0); }

  scrollBy(pixels) { this.scroll = Math.min(Math.max(this.scroll + pixels, 0), this.scrollMost); }

  /* Width of the part that shows time. */
  get timeWidth() { return this.width - this.left; }

  x(t) { return this.left + this.view.x(t, this.timeWidth); }

  t(x) { return this.view.t(x - this.left, this.timeWidth); }

  y(lane) { return this.top + (this.rank[lane] + 0.5) * this.lane - this.scroll; }

  /* The lane at a height, or -1. */
  laneAt(y) {
    const rank = Math.floor((y - this.top + this.scroll) / this.lane);
    return y >= this.top ? this.shown[rank] ?? -1 : -1;
  }

  static sockets(lane) {
    return lane.sockets.map(([name, kind]) => (name.toLowerCase() === kind.toLowerCase() ? kind : `${name} ${kind}`)).join(", ");
  }

  /* Where a band lies between the borders of the picture, at least a hair wide. */
  extent(band) {
    const from = Math.max(this.x(band.from), this.left - 2);
    const to = Math.min(this.x(band.to), this.width + 2);
    return to < this.left - 1 || from > this.width + 1 ? null : { from, width: Math.max(to - from, 1.5) };
  }

  /* From where to where an arrow goes, in pixels; what did not get far is a stub in its direction. */
  ends(row) {
    const table = this.level.arrows;
    const to = table.to[row];
    const x0 = this.x(table.at[row]);
    const y0 = this.y(table.from[row]);
    const end = table.end[row];
    if (to < 0 || (table.until[row] === table.at[row] && end !== END.ARRIVED)) {
      const down = to < 0 || to >= table.from[row] ? 1 : -1;
      const length = Math.min(this.lane * 0.42, 16);
      return { x0, y0, x1: x0 + length * 0.45, y1: y0 + down * length, end };
    }
    return { x0, y0, x1: this.x(table.until[row]), y1: this.y(to), end, loop: to === table.from[row] };
  }

  /* Cuts a line at the borders of the picture: canvases lose precision far outside. */
  clipped(line) {
    const low = this.left - 50;
    const high = this.width + 50;
    const { x0, y0, x1, y1 } = line;
    if (x0 >= low && x1 <= high) return line;
    const at = (x) => y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
    return { ...line, x0: Math.max(x0, low), y0: x0 < low ? at(low) : y0, x1: Math.min(x1, high), y1: x1 > high ? at(high) : y1 };
  }
}

Layout.NAME = '600 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
Layout.NAME_SMALL = '600 10.5px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
Layout.SMALL = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
Layout.LANE_LEAST = 12.4;
Layout.LANE_MOST = 170;
Layout.STRIP = 18;
Layout.STRIPS = 5;
