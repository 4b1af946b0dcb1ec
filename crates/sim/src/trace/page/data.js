/* What the page got, unpacked. */

/* Rows that began at `at` and ended at `until`, as columns; see table.rs. */
class Table {
  constructor(raw, templates) {
    const rows = raw.at.length;
    this.length = rows;
    this.at = new Float64Array(rows);
    this.until = new Float64Array(rows);
    for (let row = 0, now = 0; row < rows; row++) {
      now += raw.at[row];
      this.at[row] = now;
      this.until[row] = now + (raw.lasts ? raw.lasts[row] : 0);
    }
    this.from = Int32Array.from(raw.from);
    this.to = raw.to ? Int32Array.from(raw.to) : null;
    this.kind = Int32Array.from(raw.kind);
    this.end = raw.end ? Uint8Array.from(raw.end) : null;
    this.template = Int32Array.from(raw.text);
    this.numbers = raw.numbers;
    this.numbersAt = new Uint32Array(rows);
    this.templates = templates;
    for (let row = 0, next = 0; row < rows; row++) {
      this.numbersAt[row] = next;
      next += templates[this.template[row]].length - 1;
    }
    /* The latest end among the rows of each block and all before it: rows that are over are skipped by it. */
    this.latest = new Float64Array(Math.ceil(rows / Table.BLOCK));
    for (let row = 0; row < rows; row++) {
      const block = Math.floor(row / Table.BLOCK);
      this.latest[block] = Math.max(this.latest[block], this.until[row]);
    }
  }

  /* The first row that began at `t` or later. */
  firstAt(t) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle] < t) low = middle + 1; else high = middle;
    }
    return low;
  }

  /* Visits the rows of which something lies between two times, in order. */
  between(from, to, visit) {
    const stop = this.firstAt(to + 1);
    for (let block = 0; block * Table.BLOCK < stop; block++) {
      if (this.latest[block] < from) continue;
      const last = Math.min((block + 1) * Table.BLOCK, stop);
      for (let row = block * Table.BLOCK; row < last; row++) {
        if (this.until[row] >= from) visit(row);
      }
    }
  }

  text(row) {
    const pieces = this.templates[this.template[row]];
    let text = pieces[0];
    for (let hole = 1; hole < pieces.length; hole++) {
      text += this.numbers[this.numbersAt[row] + hole - 1] + pieces[hole];
    }
    return text;
  }
}

Table.BLOCK = 256;

/* How arrows end; see diagram.rs. */
const END = { ARRIVED: 0, LOST: 1, OPEN: 2, AGAIN: 3, CORRUPTED: 4 };
const END_WORDS = ["", "lost", "never arrived", "arrived again", "corrupted"];

/* Messages, frames or packets: everything that can be pointed at is a row of one of three tables. */
class Level {
  constructor(raw, data) {
    const templates = data.templates;
    this.name = raw.name;
    this.arrows = new Table(raw.arrows, templates);
    this.marks = new Table(raw.marks, templates);
    this.spans = new Table(raw.spans, templates);
    this.tables = [this.arrows, this.marks, this.spans];
    this.data = data;
    this.order = this.inOrder();
  }

  /* All rows of all tables by time, each as its row number and, above it, its table. */
  inOrder() {
    const order = new Uint32Array(this.tables.reduce((sum, table) => sum + table.length, 0));
    const next = [0, 0, 0];
    for (let place = 0; place < order.length; place++) {
      let first = -1;
      for (let table = 0; table < 3; table++) {
        if (next[table] >= this.tables[table].length) continue;
        if (first < 0 || this.tables[table].at[next[table]] < this.tables[first].at[next[first]]) first = table;
      }
      order[place] = first * Level.ROWS + next[first]++;
    }
    return order;
  }

  /* The lanes that rows begin or end at. */
  lanesOf(ids) {
    const lanes = new Set();
    for (const id of ids) {
      const table = this.tables[Math.floor(id / Level.ROWS)];
      const row = id % Level.ROWS;
      lanes.add(table.from[row]);
      if (table.to && table.to[row] >= 0) lanes.add(table.to[row]);
    }
    return lanes;
  }

  /* A row in full, by its number in `order`. */
  item(id) {
    const table = this.tables[Math.floor(id / Level.ROWS)];
    const row = id % Level.ROWS;
    const end = table.end ? table.end[row] : END.ARRIVED;
    return {
      id,
      arrow: table === this.arrows,
      kind: this.data.kinds[table.kind[row]],
      at: table.at[row],
      until: table.until[row],
      from: table.from[row],
      to: table.to ? table.to[row] : -1,
      end,
      text: table.text(row),
    };
  }
}

Level.ROWS = 2 ** 28;

class Data {
  constructor(raw) {
    this.title = raw.title;
    this.end = raw.end;
    this.lanes = raw.lanes;
    this.bands = raw.bands;
    this.phases = raw.phases;
    this.findings = raw.findings;
    this.kinds = raw.kinds;
    this.templates = raw.templates.map((template) => template.split("\u0000"));
    this.levels = raw.levels.map((level) => new Level(level, this));
    this.laneOf = new Map();
    this.lanes.forEach((lane, number) => {
      lane.sockets.forEach(([socket]) => this.laneOf.set(socket, number));
    });
    this.lanes.forEach((lane, number) => this.laneOf.set(lane.name, number));
  }

  /* When the last thing happened before everything was closed; the end unless a long quiet time lies between. */
  get busy() {
    const closing = this.phases.find(({ name }) => name === "closing")?.from ?? this.end;
    let last = 0;
    for (const { from, to } of this.bands) if (from < closing && to < closing) last = Math.max(last, to);
    for (const { at } of this.findings) last = Math.max(last, at ?? 0);
    for (const { arrows } of this.levels) {
      for (let row = 0; row < arrows.length; row++) {
        if (arrows.at[row] < closing) last = Math.max(last, arrows.until[row]);
      }
    }
    return last > 0 && last < this.end * Data.QUIET ? last : this.end;
  }
}

/* A run in which nothing happens after this part of it is not shown to its end at first. */
Data.QUIET = 0.75;
