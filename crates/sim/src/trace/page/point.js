/* The diagram, which also knows what lies under the pointer and draws that over it. */
class Diagram extends Painter {
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
      note(0, row, Diagram.distance({ ...line, y0: line.y0 - bow, y1: line.y1 - bow }, x, y) + 1);
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
      const row = Math.floor((y - this.axis - this.phases - 2) / Layout.STRIP);
      return this.strips.filter((strip) => strip.row === row).flatMap(({ bands }) => bands).filter(over);
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
