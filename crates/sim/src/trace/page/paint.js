/* Draws the diagram: hosts as lanes, time to the right. What would not be seen is not drawn. */
class Painter {
  constructor(base, over, data) {
    this.base = base;
    this.over = over;
    this.data = data;
    this.scroll = 0;
    this.colours = new Map();
    this.strips = Painter.stack(data.bands.filter((band) => band.kind !== "down"));
    const lanes = data.lanes.length;
    /* For each pair of lanes and tone, where the last of a crowd of arrows was drawn. */
    this.tones = [...new Set(Object.values(Kinds.tones)), "--k-other"];
    this.lastDrawn = new Int32Array(lanes * (lanes + 1) * this.tones.length);
  }

  /* Gives every band a row, so that none lies on another. */
  static stack(bands) {
    const ends = [];
    return bands.map((band) => {
      let row = ends.findIndex((end) => end <= band.from);
      if (row < 0) row = ends.length < Painter.STRIPS ? ends.push(0) - 1 : Painter.STRIPS - 1;
      ends[row] = Math.max(ends[row], band.to);
      return { band, row };
    });
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
    context.font = Painter.NAME;
    const names = lanes.map((lane) => context.measureText(lane.name).width);
    context.font = Painter.SMALL;
    const sockets = lanes.map((lane) => context.measureText(Painter.sockets(lane)).width);
    const widest = Math.max(40, ...names, ...sockets) + 26;
    this.left = Math.min(widest, 210, this.width * 0.3);
    const strips = this.strips.reduce((most, { row }) => Math.max(most, row + 1), 0);
    this.axis = 24;
    this.phases = this.data.phases.length > 0 ? 18 : 0;
    this.strip = strips > 0 ? strips * Painter.STRIP + 4 : 0;
    this.top = this.axis + this.phases + this.strip;
    const room = this.height - this.top - 6;
    this.lane = Math.min(Math.max(room / Math.max(lanes.length, 1), Painter.LANE_LEAST), Painter.LANE_MOST);
    this.scrollBy(0);
  }

  get scrollMost() { return Math.max(this.lane * this.data.lanes.length + 6 - (this.height - this.top), 0); }

  scrollBy(pixels) { this.scroll = Math.min(Math.max(this.scroll + pixels, 0), this.scrollMost); }

  /* Width of the part that shows time. */
  get timeWidth() { return this.width - this.left; }

  x(t) { return this.left + this.view.x(t, this.timeWidth); }

  t(x) { return this.view.t(x - this.left, this.timeWidth); }

  y(lane) { return this.top + (lane + 0.5) * this.lane - this.scroll; }

  /* The lane at a height, or -1. */
  laneAt(y) {
    const lane = Math.floor((y - this.top + this.scroll) / this.lane);
    return y >= this.top && lane >= 0 && lane < this.data.lanes.length ? lane : -1;
  }

  static sockets(lane) {
    return lane.sockets.map(([name, kind]) => (name.toLowerCase() === kind.toLowerCase() ? kind : `${name} ${kind}`)).join(", ");
  }

  /* Draws everything; gives how much of what there is. */
  paint(view, level, masks) {
    this.view = view;
    this.level = level;
    this.masks = masks;
    const context = this.base.getContext("2d");
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.fillStyle = this.colour("--surface");
    context.fillRect(0, 0, this.width, this.height);
    context.textBaseline = "middle";

    context.save();
    context.beginPath();
    context.rect(this.left, this.top, this.timeWidth, this.height - this.top);
    context.clip();
    this.paintLanes(context);
    this.paintBands(context);
    this.paintSpans(context);
    const arrows = this.paintArrows(context);
    const marks = this.paintMarks(context);
    this.paintFindings(context);
    if (arrows.inView <= Painter.LABELS_MOST) this.paintTexts(context, arrows.rows);
    context.restore();
    this.paintHead(context);
    this.paintNames(context);
    return { inView: arrows.inView, arrows: arrows.drawn, marks, crowded: arrows.crowded };
  }

  paintLanes(context) {
    context.lineWidth = 1;
    context.strokeStyle = this.colour("--rule");
    context.beginPath();
    for (const tick of this.view.ticks(this.timeWidth)) {
      const x = Math.round(this.x(tick.t)) + 0.5;
      context.moveTo(x, this.top);
      context.lineTo(x, this.height);
    }
    context.stroke();
    context.strokeStyle = this.colour("--rule-strong");
    context.beginPath();
    this.data.lanes.forEach((_, lane) => {
      const y = Math.round(this.y(lane)) + 0.5;
      if (y < this.top - 1 || y > this.height + 1) return;
      context.moveTo(this.left, y);
      context.lineTo(this.width, y);
    });
    context.stroke();
  }

  /* Slanted lines in a colour, to fill what is cut or down. */
  hatch(name) {
    let hatch = this.hatches.get(name);
    if (!hatch) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 8;
      const context = tile.getContext("2d");
      context.strokeStyle = this.colour(name);
      context.globalAlpha = 0.4;
      context.lineWidth = 1;
      context.beginPath();
      for (const by of [-8, 0, 8]) {
        context.moveTo(by - 1, 9);
        context.lineTo(by + 9, -1);
      }
      context.stroke();
      hatch = context.createPattern(tile, "repeat");
      this.hatches.set(name, hatch);
    }
    return hatch;
  }

  /* Where a band lies between the borders of the picture, at least a hair wide. */
  extent(band) {
    const from = Math.max(this.x(band.from), this.left - 2);
    const to = Math.min(this.x(band.to), this.width + 2);
    return to < this.left - 1 || from > this.width + 1 ? null : { from, width: Math.max(to - from, 1.5) };
  }

  paintBands(context) {
    for (const band of this.data.bands) {
      const extent = this.extent(band);
      if (!extent) continue;
      const { from, width } = extent;
      const tone = Kinds.bandTone(band.kind);
      const height = Math.min(this.lane - 2, 40);
      const everywhere = band.lanes.length === 0;
      context.fillStyle = this.colour(tone);
      if (everywhere) {
        context.globalAlpha = 0.07;
        context.fillRect(from, this.top, width, this.height - this.top);
        context.globalAlpha = 1;
        continue;
      }
      for (const lane of band.lanes) {
        const y = this.y(lane) - height / 2;
        if (y > this.height || y + height < this.top) continue;
        if (band.kind === "down") {
          context.fillStyle = this.colour("--surface");
          context.fillRect(from, y, width, height);
          context.fillStyle = this.hatch("--f-down");
          context.fillRect(from, y, width, height);
          context.fillStyle = this.colour(tone);
          continue;
        }
        context.globalAlpha = 0.13;
        context.fillRect(from, y, width, height);
        context.globalAlpha = 1;
      }
      /* The borders, and what they have in common. */
      context.strokeStyle = this.colour(tone);
      context.globalAlpha = 0.55;
      context.lineWidth = 1;
      context.setLineDash([2, 3]);
      context.beginPath();
      const first = this.y(Math.min(...band.lanes)) - height / 2;
      const last = this.y(Math.max(...band.lanes)) + height / 2;
      for (const x of [this.x(band.from), this.x(band.to)]) {
        if (x < this.left - 1 || x > this.width + 1) continue;
        context.moveTo(Math.round(x) + 0.5, first);
        context.lineTo(Math.round(x) + 0.5, last);
      }
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
    }
  }

  paintSpans(context) {
    const table = this.level.spans;
    const mask = this.masks?.[2];
    table.between(this.view.from, this.view.to, (row) => {
      if (mask && !mask[row]) return;
      const from = Math.max(this.x(table.at[row]), this.left - 4);
      const to = Math.min(this.x(table.until[row]), this.width + 4);
      context.fillStyle = this.colour(Kinds.tone(this.data.kinds[table.kind[row]]));
      context.globalAlpha = 0.45;
      context.fillRect(from, this.y(table.from[row]) - 2.5, Math.max(to - from, 1), 5);
    });
    context.globalAlpha = 1;
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

  paintArrows(context) {
    const table = this.level.arrows;
    const mask = this.masks?.[0];
    const rows = [];
    table.between(this.view.from, this.view.to, (row) => {
      if (mask && !mask[row]) return;
      const above = Math.min(this.y(table.from[row]), this.y(Math.max(table.to[row], 0)));
      const below = Math.max(this.y(table.from[row]), this.y(Math.max(table.to[row], 0)));
      if (below + this.lane < this.top || above - this.lane > this.height) return;
      rows.push(row);
    });
    const crowded = rows.length > Painter.ARROWS_MOST;
    const shown = crowded ? this.thinned(rows) : rows;
    const byTone = new Map();
    for (const row of shown) {
      const tone = Kinds.arrowTone(this.data.kinds[table.kind[row]], table.end[row]);
      const list = byTone.get(tone);
      if (list) list.push(row); else byTone.set(tone, [row]);
    }
    const few = shown.length <= 2500;
    for (const tone of [...byTone.keys()].sort((a, b) => Painter.weight(a) - Painter.weight(b))) {
      context.strokeStyle = context.fillStyle = this.colour(tone);
      const plain = tone !== "--k-lost" && tone !== "--k-odd" && tone !== "--k-warn";
      context.lineWidth = few ? 1.25 : 1;
      context.globalAlpha = crowded && plain ? 0.38 : few ? 0.9 : 0.65;
      this.strokeArrows(context, byTone.get(tone));
      if (few || !plain) this.fillHeads(context, byTone.get(tone));
    }
    context.globalAlpha = 1;
    return { inView: rows.length, drawn: shown.length, crowded, rows: shown };
  }

  /* Grave colours last, over all others. */
  static weight(tone) {
    return ["--k-control", "--k-message", "--k-command", "--k-open", "--k-other", "--k-warn", "--k-odd", "--k-lost"].indexOf(tone);
  }

  /* Of a crowd: one arrow for each pair of lanes, tone and few pixels. */
  thinned(rows) {
    const table = this.level.arrows;
    const lanes = this.data.lanes.length;
    const tones = this.tones.length;
    const toneOf = this.data.kinds.map((kind) => [0, 1, 2, 3, 4].map((end) => Math.max(this.tones.indexOf(Kinds.arrowTone(kind, end)), 0)));
    for (let pixels = 2; ; pixels *= 2) {
      this.lastDrawn.fill(-1e9);
      const kept = [];
      for (const row of rows) {
        const pair = table.from[row] * (lanes + 1) + table.to[row] + 1;
        const slot = pair * tones + toneOf[table.kind[row]][table.end[row]];
        const place = Math.floor(this.x(table.at[row]) / pixels);
        if (this.lastDrawn[slot] === place) continue;
        this.lastDrawn[slot] = place;
        kept.push(row);
      }
      if (kept.length <= Painter.ARROWS_MOST || pixels >= 16) return kept;
    }
  }

  strokeArrows(context, rows) {
    context.beginPath();
    for (const row of rows) {
      const line = this.clipped(this.ends(row));
      context.moveTo(line.x0, line.y0);
      if (line.loop) {
        const bow = Math.min(this.lane * 0.42, 18);
        context.bezierCurveTo(line.x0 + 1, line.y0 - bow, line.x1 - 1, line.y1 - bow, line.x1, line.y1);
      } else {
        context.lineTo(line.x1, line.y1);
      }
    }
    context.stroke();
  }

  fillHeads(context, rows) {
    const size = Math.min(Math.max(this.lane * 0.14, 3.2), 5.5);
    for (const row of rows) {
      const { x0, y0, x1, y1, end, loop } = this.ends(row);
      if (x1 < this.left - 10 || x1 > this.width + 10 || y1 < this.top - 10 || y1 > this.height + 10) continue;
      context.beginPath();
      if (end === END.LOST) {
        context.moveTo(x1 - size * 0.7, y1 - size * 0.7);
        context.lineTo(x1 + size * 0.7, y1 + size * 0.7);
        context.moveTo(x1 + size * 0.7, y1 - size * 0.7);
        context.lineTo(x1 - size * 0.7, y1 + size * 0.7);
        context.stroke();
      } else if (end === END.OPEN) {
        context.arc(x1, y1, size * 0.5, 0, 7);
        context.stroke();
      } else {
        const angle = loop ? 1.2 : Math.atan2(y1 - y0, x1 - x0);
        for (const side of [-0.42, 0.42]) {
          if (side < 0) context.moveTo(x1, y1);
          context.lineTo(x1 - size * 1.5 * Math.cos(angle + side), y1 - size * 1.5 * Math.sin(angle + side));
        }
        context.closePath();
        context.fill();
      }
    }
  }

  paintMarks(context) {
    const table = this.level.marks;
    const mask = this.masks?.[1];
    const size = Math.min(Math.max(this.lane / 26, 0.62), 1.15);
    const last = new Map();
    let drawn = 0;
    table.between(this.view.from, this.view.to, (row) => {
      if (mask && !mask[row]) return;
      const lane = table.from[row];
      const y = this.y(lane);
      if (y < this.top - 10 || y > this.height + 10) return;
      const kind = this.data.kinds[table.kind[row]];
      const x = this.x(table.at[row]);
      const slot = lane * this.data.kinds.length + table.kind[row];
      if (!Kinds.grave.has(kind) && x - (last.get(slot) ?? -1e9) < 3) return;
      last.set(slot, x);
      this.paintShape(context, kind, x, y, size);
      drawn++;
    });
    return drawn;
  }

  paintShape(context, kind, x, y, size) {
    const shape = Kinds.shape(kind);
    Painter.forms ??= new Map();
    let form = Painter.forms.get(shape);
    if (!form) Painter.forms.set(shape, (form = { path: new Path2D(Kinds.paths[shape].d), fill: Kinds.paths[shape].fill }));
    context.save();
    context.translate(x, y);
    context.scale(size, size);
    context.lineJoin = "round";
    context.strokeStyle = this.colour("--surface");
    context.lineWidth = form.fill ? 2.5 : 5;
    context.stroke(form.path);
    context.fillStyle = form.fill ? this.colour(Kinds.tone(kind)) : this.colour("--surface");
    if (form.fill || shape === "ring" || shape === "slash") context.fill(form.path);
    if (!form.fill) {
      context.strokeStyle = this.colour(Kinds.tone(kind));
      context.lineWidth = 1.8;
      context.stroke(form.path);
    }
    context.restore();
  }

  paintFindings(context) {
    context.strokeStyle = context.fillStyle = this.colour("--bad");
    for (const finding of this.data.findings) {
      if (finding.at === null) continue;
      const x = Math.round(this.x(finding.at)) + 0.5;
      if (x < this.left || x > this.width) continue;
      context.lineWidth = 1;
      context.setLineDash([5, 4]);
      context.beginPath();
      context.moveTo(x, this.top);
      context.lineTo(x, this.height);
      context.stroke();
      context.setLineDash([]);
      const lane = this.data.laneOf.get(finding.place);
      if (lane !== undefined) {
        context.lineWidth = 2;
        context.beginPath();
        context.arc(x, this.y(lane), 9, 0, 7);
        context.stroke();
      }
    }
  }

  /* What arrows say, where there is room for it. */
  paintTexts(context, rows) {
    if (this.lane < 20) return;
    const taken = [];
    const table = this.level.arrows;
    context.font = Painter.SMALL;
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = this.colour("--surface");
    for (const row of rows) {
      const { x0, y0, x1, y1, loop } = this.ends(row);
      const middle = { x: x0 + (x1 - x0) * 0.3, y: loop ? y0 - 16 : y0 + (y1 - y0) * 0.3 };
      if (middle.x < this.left || middle.x > this.width) continue;
      const kind = this.data.kinds[table.kind[row]];
      const text = Painter.brief(table.text(row), kind);
      const box = { x: middle.x + 6, y: middle.y - 7, width: context.measureText(text).width, height: 14 };
      if (taken.some((other) => box.x < other.x + other.width + 6 && other.x < box.x + box.width + 6 && Math.abs(box.y - other.y) < 14)) continue;
      taken.push(box);
      context.strokeText(text, box.x, middle.y);
      context.fillStyle = this.colour(Kinds.arrowTone(kind, table.end[row]));
      context.fillText(text, box.x, middle.y);
    }
  }

  /* The beginning of a text, without what its arrow shows. */
  static brief(text, kind) {
    if (kind === "data" || /^(SYN|ACK|FIN|RST)$/.test(kind)) {
      const [, flags, bytes] = / > \S+ ([A-Z ]+?) (\d+ B)/.exec(text) ?? [null, kind, ""];
      return bytes === "0 B" ? flags : `${flags} ${bytes}`;
    }
    const short = text.replace(/^s\d+ [<>-]+ /, "").replace(/, received by nobody$|, never read$| to \S+$/, "");
    return short.length > 42 ? `${short.slice(0, 40)}…` : short;
  }

  paintHead(context) {
    context.fillStyle = this.colour("--surface");
    context.fillRect(0, 0, this.width, this.top);
    context.font = Painter.SMALL;
    context.fillStyle = this.colour("--quiet");
    context.save();
    context.beginPath();
    context.rect(this.left, 0, this.timeWidth, this.top);
    context.clip();
    for (const tick of this.view.ticks(this.timeWidth)) {
      const x = this.x(tick.t);
      context.fillText(tick.label, Math.round(x) + 5, this.axis / 2);
      context.fillRect(Math.round(x), this.axis / 2 - 5, 1, this.axis / 2 + 5);
    }
    this.data.phases.forEach((phase, number) => {
      const next = this.data.phases[number + 1]?.from ?? Math.max(this.data.end, this.view.to);
      const from = Math.max(this.x(phase.from), this.left);
      const to = Math.min(this.x(next), this.width);
      if (to <= from) return;
      context.fillStyle = this.colour(number % 2 === 0 ? "--ground" : "--rule");
      context.fillRect(from, this.axis, to - from, this.phases - 2);
      context.fillStyle = this.colour("--quiet");
      this.clippedText(context, phase.name, from + 6, this.axis + (this.phases - 2) / 2, to - from - 8);
    });
    for (const { band, row } of this.strips) {
      const extent = this.extent(band);
      if (!extent) continue;
      const y = this.axis + this.phases + row * Painter.STRIP + 2;
      const height = Painter.STRIP - 3;
      const tone = this.colour(Kinds.bandTone(band.kind));
      context.fillStyle = this.colour("--surface");
      context.fillRect(extent.from - 1, y, extent.width + 2, height);
      context.fillStyle = tone;
      context.globalAlpha = 0.16;
      context.fillRect(extent.from, y, extent.width, height);
      context.globalAlpha = 1;
      context.fillRect(extent.from, y, Math.min(2, extent.width), height);
      context.fillStyle = this.colour("--ink");
      this.clippedText(context, band.label, Math.max(extent.from, this.left) + 7, y + height / 2 + 0.5, extent.from + extent.width - Math.max(extent.from, this.left) - 10);
    }
    context.restore();
    context.fillStyle = this.colour("--rule");
    context.fillRect(0, this.top - 1, this.width, 1);
    context.fillStyle = this.colour("--quiet");
    if (this.strip > 0) this.clippedText(context, "faults", 12, this.axis + this.phases + Painter.STRIP / 2 + 1, this.left - 16);
    if (this.phases > 0) this.clippedText(context, "phase", 12, this.axis + (this.phases - 2) / 2, this.left - 16);
    this.clippedText(context, "time", 12, this.axis / 2, this.left - 16);
  }

  paintNames(context) {
    context.save();
    context.beginPath();
    context.rect(0, this.top, this.left, this.height - this.top);
    context.clip();
    context.fillStyle = this.colour("--surface");
    context.fillRect(0, this.top, this.left, this.height);
    const room = this.left - 20;
    this.data.lanes.forEach((lane, number) => {
      const y = this.y(number);
      if (y < this.top - this.lane || y > this.height + this.lane) return;
      const sockets = this.lane >= 30 ? Painter.sockets(lane) : "";
      context.font = this.lane >= 20 ? Painter.NAME : Painter.NAME_SMALL;
      context.fillStyle = this.colour("--ink");
      this.clippedText(context, lane.name, 12, sockets ? y - 7 : y, room);
      if (!sockets) return;
      context.font = Painter.SMALL;
      context.fillStyle = this.colour("--quiet");
      this.clippedText(context, sockets, 12, y + 8, room);
    });
    context.restore();
    context.fillStyle = this.colour("--rule");
    context.fillRect(Math.round(this.left) - 1, 0, 1, this.height);
    if (this.scrollMost > 0) {
      const room = this.height - this.top;
      const length = Math.max((room * room) / (room + this.scrollMost), 24);
      context.fillStyle = this.colour("--rule-strong");
      context.fillRect(this.width - 5, this.top + (this.scroll / this.scrollMost) * (room - length), 4, length);
    }
  }

  /* Text in no more room than there is, with an ellipsis. */
  clippedText(context, text, x, y, room) {
    if (room < 12) return;
    if (context.measureText(text).width <= room) return void context.fillText(text, x, y);
    let low = 0;
    let high = text.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (context.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle; else high = middle - 1;
    }
    if (low > 0) context.fillText(`${text.slice(0, low)}…`, x, y);
  }

  /* What lies under the pointer, nearest first: ids of rows. */
  hits(x, y) {
    if (!this.level || x < this.left || y < this.top) return [];
    const found = [];
    const note = (table, row, distance) => {
      if (distance <= 8) found.push({ id: table * Level.ROWS + row, distance });
    };
    const { arrows, marks, spans } = this.level;
    const reach = (this.view.span / this.timeWidth) * 20;
    arrows.between(this.view.from - reach, this.view.to, (row) => {
      if (this.masks && !this.masks[0][row]) return;
      const line = this.ends(row);
      if (line.x0 > x + 9 || line.x1 < x - 9) return;
      const bow = line.loop ? Math.min(this.lane * 0.3, 13) : 0;
      note(0, row, Painter.distance({ ...line, y0: line.y0 - bow, y1: line.y1 - bow }, x, y) + 1);
    });
    const now = this.t(x);
    marks.between(now - reach, now + reach, (row) => {
      if (this.masks && !this.masks[1][row]) return;
      note(1, row, Math.hypot(this.x(marks.at[row]) - x, this.y(marks.from[row]) - y) * 0.8);
    });
    spans.between(now, now, (row) => {
      if (this.masks && !this.masks[2][row]) return;
      note(2, row, Math.abs(this.y(spans.from[row]) - y) + 2);
    });
    return found.sort((a, b) => a.distance - b.distance).map(({ id }) => id);
  }

  /* The bands under the pointer. */
  bandsAt(x, y) {
    if (x < this.left) return [];
    const t = this.t(x);
    const slack = (this.view.span / this.timeWidth) * 2;
    const over = (band) => band.from - slack <= t && t <= band.to + slack;
    if (y < this.top) {
      const row = Math.floor((y - this.axis - this.phases - 2) / Painter.STRIP);
      return this.strips.filter((strip) => strip.row === row && over(strip.band)).map(({ band }) => band);
    }
    const lane = this.laneAt(y);
    return this.data.bands.filter((band) => over(band) && (band.lanes.length === 0 || band.lanes.includes(lane)));
  }

  static distance({ x0, y0, x1, y1 }, x, y) {
    const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
    const part = length === 0 ? 0 : Math.min(Math.max(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0), 1);
    return Math.hypot(x0 + part * (x1 - x0) - x, y0 + part * (y1 - y0) - y);
  }

  /* Draws what is pointed at and what is chosen, over the diagram. */
  emphasise(ids, chosen, range) {
    const context = this.over.getContext("2d");
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.save();
    context.beginPath();
    context.rect(this.left, this.top, this.timeWidth, this.height - this.top);
    context.clip();
    if (range) {
      context.fillStyle = this.colour("--accent");
      context.globalAlpha = 0.15;
      context.fillRect(Math.min(range[0], range[1]), this.top, Math.abs(range[1] - range[0]), this.height);
      context.globalAlpha = 1;
    }
    for (const id of ids) this.emphasiseOne(context, id, chosen === id);
    context.restore();
  }

  emphasiseOne(context, id, chosen) {
    const table = Math.floor(id / Level.ROWS);
    const row = id % Level.ROWS;
    const rows = this.level.tables[table];
    const kind = this.data.kinds[rows.kind[row]];
    const tone = this.colour(table === 0 ? Kinds.arrowTone(kind, rows.end[row]) : Kinds.tone(kind));
    context.strokeStyle = context.fillStyle = tone;
    if (table === 0) {
      for (const [colour, width] of [[this.colour("--surface"), chosen ? 7 : 5], [tone, chosen ? 3.2 : 2.4]]) {
        context.strokeStyle = colour;
        context.lineWidth = width;
        this.strokeArrows(context, [row]);
      }
      this.fillHeads(context, [row]);
      const { x0, y0 } = this.ends(row);
      context.beginPath();
      context.arc(x0, y0, 3.5, 0, 7);
      context.fill();
    } else if (table === 1) {
      context.lineWidth = chosen ? 2.6 : 1.8;
      context.beginPath();
      context.arc(this.x(rows.at[row]), this.y(rows.from[row]), 9, 0, 7);
      context.stroke();
    } else {
      const from = Math.max(this.x(rows.at[row]), this.left - 4);
      const to = Math.min(this.x(rows.until[row]), this.width + 4);
      context.fillRect(from, this.y(rows.from[row]) - 3, Math.max(to - from, 2), 6);
    }
  }
}

Painter.NAME = '600 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
Painter.NAME_SMALL = '600 11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
Painter.SMALL = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
Painter.LANE_LEAST = 15;
Painter.LANE_MOST = 120;
Painter.STRIP = 18;
Painter.STRIPS = 5;
/* Above this, arrows are thinned out; with as few as that, they are labelled. */
Painter.ARROWS_MOST = 6000;
Painter.LABELS_MOST = 140;
