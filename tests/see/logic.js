// Run in a page that has view.js, data.js, filter.js and layout.js; what it returns is compared by logic.rs.
const same = (found, expected, what) => {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: found ${a}, expected ${b}`);
};
const templates = ["push#", " ", " B"].join("\u0000");
const raw = {
  title: "t", end: 100, findings: [], phases: [], bands: [], kinds: ["message", "PING"],
  lanes: [{ name: "a", sockets: [] }, { name: "worker-1", sockets: [["pull", "PULL"]] }, { name: "worker-12", sockets: [] }],
  templates: [templates, "plain"],
  levels: [{
    name: "messages",
    arrows: { at: [10, 5, 0], lasts: [1, 50, 2], from: [0, 0, 1], to: [1, 2, -1], kind: [0, 0, 1], end: [0, 1, 2], text: [0, 0, 1], numbers: [5, 64, 51, 64] },
    marks: { at: [12], from: [2], kind: [1], text: [1], numbers: [] },
    spans: { at: [], lasts: [], from: [], kind: [], text: [], numbers: [] },
  }],
};
const data = new Data(raw);
const [level] = data.levels;
const passing = (text) => (new Filter(text).masks(level) ?? []).map((mask) => [...mask]);

const tests = {
  "times are sums of steps, texts are templates with numbers"() {
    same([...level.arrows.at], [10, 15, 15], "beginnings");
    same([...level.arrows.until], [11, 65, 17], "ends");
    same([0, 1, 2].map((row) => level.arrows.text(row)), ["push#5 64 B", "push#51 64 B", "plain"], "texts");
  },
  "what began earlier and is still under way lies between two times"() {
    const between = (from, to) => {
      const rows = [];
      level.arrows.between(from, to, (row) => rows.push(row));
      return rows;
    };
    same(between(60, 70), [1], "under way");
    same(between(66, 70), [], "over");
    same(between(0, 10), [0], "begins with the last moment");
  },
  "rows of all tables are in order of time"() {
    same([...level.order].map((id) => level.item(id).at), [10, 12, 15, 15], "order");
  },
  "words must all occur, a minus excludes"() {
    same(passing("push 64")[0], [1, 1, 0], "both words");
    same(passing("push -51")[0], [1, 0, 0], "one excluded");
    same(new Filter("   ").masks(level), null, "no words");
  },
  "what is quoted occurs as a whole"() {
    same(passing('"push#5"')[0], [1, 0, 0], "whole word");
    same(passing("push#5")[0], [1, 1, 0], "part of a word");
  },
  "hosts, kinds and ends are found by their names"() {
    same(passing("host:worker-1"), [[1, 1, 1], [1], []], "part of a name, at either end");
    same(passing('host:"worker-1"'), [[1, 0, 1], [0], []], "the whole name");
    same(passing("kind:ping"), [[0, 0, 1], [1], []], "kind");
    same(passing("end:lost"), [[0, 1, 0], [0], []], "end");
  },
  "zooming keeps its centre and ends at a microsecond"() {
    const view = new View(1e9);
    view.zoom(0.5, 2.5e8);
    same(Math.round(view.x(2.5e8, 1000)), Math.round(new View(1e9).x(2.5e8, 1000)), "centre");
    for (let times = 0; times < 80; times++) view.zoom(0.5, 2.5e8);
    same(view.span, 1000, "the least");
    view.fit();
    same([view.from < 0, view.to > 1e9], [true, true], "fits with air");
  },
  "a view cannot leave the run"() {
    const view = new View(1e9);
    view.show(0, 1e8);
    view.pan(-1e12);
    same(view.from >= -2.5e8, true, "before");
    view.pan(1e12);
    same(view.to <= 1.25e9 + 1, true, "behind");
  },
  "a run that ends quietly is shown up to then, and at once more to its end"() {
    const quiet = (end, closing, to) => {
      const data = new Data({ ...raw, end, phases: [{ name: "closing", from: closing }], bands: [{ kind: "cut", label: "", from: 1, to, lanes: [] }] });
      return data.busy;
    };
    same(quiet(1000, 900, 20), 65, "the last arrow");
    same(quiet(1000, 900, 300), 300, "the last fault");
    same(quiet(1000, 900, 1000), 65, "a fault that was never over");
    same(quiet(80, 70, 20), 80, "not quiet for long");
    const view = new View(1e9, 1e8);
    same([Math.round(view.to), view.isFitted], [101200000, true], "at first");
    view.fit();
    same([Math.round(view.to), view.isFitted], [1012000000, false], "then");
    view.fit();
    same(view.isFitted, true, "and back");
  },
  "ticks are round and few"() {
    const view = new View(1e9);
    view.show(0, 1e9);
    same(view.ticks(600).map((tick) => tick.label), ["0.0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1.0 s"], "labels");
    view.show(1e6, 1.01e6);
    same(view.ticks(500)[0].label, "0.001000 s", "small steps have more digits");
  },
  "faults at the same time have a row each, and those beyond the last row share it"() {
    const bands = (...spans) => spans.map(([from, to], number) => ({ kind: "cut", label: `cut ${number}`, from, to, lanes: [] }));
    const rows = (...spans) => Layout.stack(bands(...spans)).map(({ row, from, to, bands }) => [row, from, to, bands.length]);
    same(rows([0, 5], [2, 7], [5, 9]), [[0, 0, 5, 1], [1, 2, 7, 1], [0, 5, 9, 1]], "a row is used again");
    const five = [[0, 10], [1, 10], [2, 10], [3, 10], [4, 10]];
    same(rows(...five).map(([row]) => row), [0, 1, 2, 3, 4], "a row each");
    same(rows(...five, [5, 8], [6, 20], [30, 40]).slice(4), [[0, 30, 40, 1], [4, 4, 20, 3]], "shared");
    const [shared] = Layout.stack(bands(...five, [5, 8])).slice(-1);
    same([shared.label, shared.kind], ["2 more: cut 4, cut 5", "cut"], "label");
  },
  "times and durations are written as people read them"() {
    same([View.time(1500000), View.time(2e9, 1e9)], ["0.001500 s", "2 s"], "times");
    same([View.duration(950), View.duration(1500), View.duration(2345678), View.duration(3e9)], ["950 ns", "1.5 µs", "2.346 ms", "3 s"], "durations");
  },
};
for (const [name, test] of Object.entries(tests)) {
  try { test(); } catch (error) { throw new Error(`${name}: ${error.message}`); }
}
return `${Object.keys(tests).length} tests passed`;
