/* The whole run in a few pixels, and which part of it is shown. */
class Overview {
  constructor(canvas, data) {
    this.canvas = canvas;
    this.data = data;
  }

  resize(width, height) {
    this.width = Math.max(width, 10);
    this.height = Math.max(height, 10);
    this.scale = Math.min(devicePixelRatio || 1, 3);
    this.canvas.width = Math.round(this.width * this.scale);
    this.canvas.height = Math.round(this.height * this.scale);
    this.counts = null;
  }

  /* How much began in each pixel: all of it, and what went wrong. */
  count(level, masks) {
    const columns = Math.ceil(this.width);
    const all = new Uint32Array(columns);
    const bad = new Uint32Array(columns);
    level.tables.forEach((table, number) => {
      const mask = masks?.[number];
      for (let row = 0; row < table.length; row++) {
        if (mask && !mask[row]) continue;
        const column = Math.min(Math.max(Math.floor(this.x(table.at[row])), 0), columns - 1);
        all[column]++;
        if (table.end && (table.end[row] === END.LOST || table.end[row] === END.CORRUPTED)) bad[column]++;
      }
    });
    this.counts = { level, masks, all, bad };
  }

  x(t) { return (t / Math.max(this.data.end, 1)) * (this.width - 8) + 4; }

  t(x) { return ((x - 4) / (this.width - 8)) * Math.max(this.data.end, 1); }

  paint(painter, view, level, masks) {
    if (this.counts?.level !== level || this.counts?.masks !== masks) this.count(level, masks);
    const context = this.canvas.getContext("2d");
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    for (const band of this.data.bands) {
      context.fillStyle = painter.colour(Kinds.bandTone(band.kind));
      context.globalAlpha = 0.14;
      context.fillRect(this.x(band.from), 0, Math.max(this.x(band.to) - this.x(band.from), 1), this.height);
    }
    context.globalAlpha = 1;
    const most = Math.log1p(this.counts.all.reduce((a, b) => Math.max(a, b), 1));
    const draw = (counts, colour) => {
      context.fillStyle = painter.colour(colour);
      counts.forEach((count, column) => {
        if (count === 0) return;
        const height = Math.max((Math.log1p(count) / most) * (this.height - 8), 1.5);
        context.fillRect(column, this.height - 2 - height, 1, height);
      });
    };
    context.globalAlpha = 0.75;
    draw(this.counts.all, "--k-message");
    context.globalAlpha = 1;
    draw(this.counts.bad, "--k-lost");
    context.fillStyle = painter.colour("--bad");
    for (const { at } of this.data.findings) if (at !== null) context.fillRect(this.x(at) - 1, 0, 2, this.height);
    const from = Math.max(this.x(view.from), 0);
    const to = Math.min(this.x(view.to), this.width);
    context.fillStyle = painter.colour("--ground");
    context.globalAlpha = 0.66;
    context.fillRect(0, 0, from, this.height);
    context.fillRect(to, 0, this.width - to, this.height);
    context.globalAlpha = 1;
    context.strokeStyle = painter.colour("--accent");
    context.lineWidth = 2;
    context.strokeRect(from + 1, 1, Math.max(to - from - 2, 2), this.height - 2);
  }
}
