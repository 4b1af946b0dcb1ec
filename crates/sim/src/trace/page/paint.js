/* Draws the diagram. What would not be seen is not drawn. */
class Painter extends Layout {
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
    this.paintBands(context, 0.13);
    this.paintSpans(context);
    const arrows = this.paintArrows(context);
    /* A crowd covers them. */
    if (arrows.crowded) this.paintBands(context, 0.36);
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
    for (const lane of this.shown) {
      const y = Math.round(this.y(lane)) + 0.5;
      if (y < this.top - 1 || y > this.height + 1) continue;
      context.moveTo(this.left, y);
      context.lineTo(this.width, y);
    }
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
      context.globalAlpha = 0.6;
      context.lineWidth = 1.2;
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

  paintBands(context, strength) {
    for (const band of this.data.bands) {
      const extent = this.extent(band);
      if (!extent) continue;
      const { from, width } = extent;
      const tone = Kinds.bandTone(band.kind);
      const height = Math.min(this.lane - 2, 40);
      const everywhere = band.lanes.length === 0;
      context.fillStyle = this.colour(tone);
      if (everywhere) {
        context.globalAlpha = strength / 2;
        context.fillRect(from, this.top, width, this.height - this.top);
        context.globalAlpha = 1;
        continue;
      }
      const lanes = band.lanes.filter((lane) => this.rank[lane] >= 0);
      if (lanes.length === 0) continue;
      for (const lane of lanes) {
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
        context.globalAlpha = strength;
        context.fillRect(from, y, width, height);
        context.globalAlpha = 1;
      }
      /* The borders, and what they have in common. */
      context.strokeStyle = this.colour(tone);
      context.globalAlpha = 0.55;
      context.lineWidth = 1;
      context.setLineDash([2, 3]);
      context.beginPath();
      const first = this.y(lanes[0]) - height / 2;
      const last = this.y(lanes.at(-1)) + height / 2;
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
    const dense = shown.length > Painter.LABELS_MOST ? this.density(shown) : 1;
    for (const tone of [...byTone.keys()].sort((a, b) => Painter.weight(a) - Painter.weight(b))) {
      context.strokeStyle = context.fillStyle = this.colour(tone);
      const plain = tone !== "--k-lost" && tone !== "--k-odd" && tone !== "--k-warn";
      context.lineWidth = few && dense < 1.5 ? 1.25 : 1;
      context.globalAlpha = plain ? Math.min(Math.max(1.3 / dense, crowded ? 0.1 : 0.5), 0.92) : 0.95;
      this.strokeArrows(context, byTone.get(tone));
      if (few || !plain) this.fillHeads(context, byTone.get(tone));
    }
    context.globalAlpha = 1;
    return { inView: rows.length, drawn: shown.length, crowded, rows: shown };
  }

  /* How many arrows begin within a dozen pixels, where there are many. */
  density(rows) {
    const columns = new Uint32Array(Math.ceil(this.timeWidth / 12) + 2);
    for (const row of rows) columns[Math.min(Math.max(Math.floor((this.x(this.level.arrows.at[row]) - this.left) / 12), 0), columns.length - 1)]++;
    const busy = [...columns].filter((count) => count > 0).sort((a, b) => a - b);
    return Math.max(busy[Math.floor(busy.length * 0.8)] ?? 1, 1);
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
        /* Each slot counts from another pixel: together they would make stripes. */
        const place = Math.floor((this.x(table.at[row]) + ((slot * 7.3) % pixels)) / pixels);
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
    const grave = [];
    let drawn = 0;
    table.between(this.view.from, this.view.to, (row) => {
      if (mask && !mask[row]) return;
      const lane = table.from[row];
      const y = this.y(lane);
      if (y < this.top - 10 || y > this.height + 10) return;
      const kind = this.data.kinds[table.kind[row]];
      const x = this.x(table.at[row]);
      const slot = lane * this.data.kinds.length + table.kind[row];
      if (x - (last.get(slot) ?? -1e9) < (Kinds.grave.has(kind) ? 0.5 : 3)) return;
      last.set(slot, x);
      if (Kinds.grave.has(kind)) grave.push([kind, x, y]);
      else this.paintShape(context, kind, x, y, size);
      drawn++;
    });
    for (const [kind, x, y] of grave) this.paintShape(context, kind, x, y, size * 1.15);
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
      if (lane !== undefined && this.rank[lane] >= 0) {
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
    context.font = Layout.SMALL;
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
    context.font = Layout.SMALL;
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
    for (const strip of this.strips) {
      const extent = this.extent(strip);
      if (!extent) continue;
      const y = this.axis + this.phases + strip.row * Layout.STRIP + 2;
      const height = Layout.STRIP - 3;
      const tone = this.colour(Kinds.bandTone(strip.kind));
      context.fillStyle = this.colour("--surface");
      context.fillRect(extent.from - 1, y, extent.width + 2, height);
      context.fillStyle = tone;
      context.globalAlpha = 0.16;
      context.fillRect(extent.from, y, extent.width, height);
      context.globalAlpha = 1;
      context.fillRect(extent.from, y, Math.min(2, extent.width), height);
      context.fillStyle = this.colour("--ink");
      this.clippedText(context, strip.label, Math.max(extent.from, this.left) + 7, y + height / 2 + 0.5, extent.from + extent.width - Math.max(extent.from, this.left) - 10);
    }
    context.restore();
    context.fillStyle = this.colour("--rule");
    context.fillRect(0, this.top - 1, this.width, 1);
    context.fillStyle = this.colour("--quiet");
    if (this.strip > 0) this.clippedText(context, "faults", 12, this.axis + this.phases + Layout.STRIP / 2 + 1, this.left - 16);
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
    for (const number of this.shown) {
      const lane = this.data.lanes[number];
      const y = this.y(number);
      if (y < this.top - this.lane || y > this.height + this.lane) continue;
      const sockets = this.lane >= 30 ? Layout.sockets(lane) : "";
      context.font = this.lane >= 20 ? Layout.NAME : Layout.NAME_SMALL;
      context.fillStyle = this.colour("--ink");
      this.clippedText(context, lane.name, 12, sockets ? y - 7 : y, room);
      if (!sockets) continue;
      context.font = Layout.SMALL;
      context.fillStyle = this.colour("--quiet");
      this.clippedText(context, sockets, 12, y + 8, room);
    }
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
}

/* Above this, arrows are thinned out; with as few as that, they are labelled. */
Painter.ARROWS_MOST = 6000;
Painter.LABELS_MOST = 140;
