/* The part of simulated time that is shown, in nanoseconds. It knows nothing of pixels but their number. */
class View {
  /* `busy` is the time after which hardly anything happens. */
  constructor(end, busy = end) {
    this.end = Math.max(end, 1000);
    this.busy = Math.min(Math.max(busy, 1000), this.end);
    this.fit();
  }

  /* Shows the time in which something happens, with a little air at both ends; if that is shown, the quiet time behind
     it, too. */
  fit() {
    this.fitTo(this.isFitted ? this.end : this.busy);
  }

  get isFitted() { return this.from === -this.busy * View.AIR && this.span === this.busy * (1 + 2 * View.AIR); }

  fitTo(end) {
    this.span = end * (1 + 2 * View.AIR);
    this.from = -end * View.AIR;
  }

  show(from, to) {
    const air = this.end * 0.25;
    const most = this.end * 1.5;
    this.span = Math.min(Math.max(to - from, View.LEAST), most);
    const middle = (from + to) / 2;
    const low = -air;
    const high = this.end + air - this.span;
    this.from = high < low ? (low + high) / 2 : Math.min(Math.max(middle - this.span / 2, low), high);
  }

  get to() { return this.from + this.span; }

  /* Shows `factor` times as much; `at` stays where it is. */
  zoom(factor, at) {
    const span = Math.min(Math.max(this.span * factor, View.LEAST), this.end * 1.5);
    const from = at - ((at - this.from) / this.span) * span;
    this.show(from, from + span);
  }

  pan(by) { this.show(this.from + by, this.to + by); }

  /* Moves as little as is needed to show a time. */
  reveal(from, to = from) {
    const margin = this.span * 0.1;
    if (from < this.from + margin || to > this.to - margin) {
      const middle = to - from < this.span * 0.8 ? (from + to) / 2 : from + this.span * 0.4;
      this.show(middle - this.span / 2, middle + this.span / 2);
    }
  }

  x(t, width) { return ((t - this.from) / this.span) * width; }

  t(x, width) { return this.from + (x / width) * this.span; }

  /* Round times for an axis that is `width` wide, and how to write them. */
  ticks(width) {
    const rough = this.span / Math.max(width / 110, 2);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = Math.max([1, 2, 5, 10].find((n) => n * power >= rough) * power, 1);
    const ticks = [];
    for (let n = Math.ceil(Math.max(this.from, 0) / step); n * step <= this.to; n++) {
      ticks.push({ t: n * step, label: View.time(n * step, step) });
    }
    return ticks;
  }

  /* A time as text, as exact as `step` asks for. */
  static time(t, step = 1000) {
    const decimals = Math.min(Math.max(Math.ceil(9 - Math.log10(step) - 1e-9), 0), 9);
    return `${(t / 1e9).toFixed(decimals)} s`;
  }

  /* How long something took, in the unit that suits it. */
  static duration(t) {
    const units = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]];
    const [size, unit] = units.find(([size]) => t >= size) ?? [1, "ns"];
    return `${Number((t / size).toPrecision(4))} ${unit}`;
  }
}

/* The shortest time that fills the screen: a microsecond. */
View.LEAST = 1000;

/* How much of the time is shown beyond its ends. */
View.AIR = 0.012;
