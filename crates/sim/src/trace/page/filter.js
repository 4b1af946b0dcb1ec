/* What the reader looks for: words that must all occur, of which some say where. */
class Filter {
  constructor(text) {
    this.words = Filter.words(text).map((word) => {
      const not = word.length > 1 && word.startsWith("-");
      const bare = not ? word.slice(1) : word;
      const [, where, what] = /^(host|kind|socket|end):(.+)$/s.exec(bare) ?? [null, "any", bare];
      return { not, where, ...Filter.pattern(what) };
    });
  }

  /* Splits at spaces, but not inside quotes. */
  static words(text) {
    return (text.toLowerCase().match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []).filter((word) => word.replaceAll('"', "") !== "");
  }

  /* What stands in quotes must occur as whole words. */
  static pattern(text) {
    const whole = text.includes('"');
    return { text: text.replaceAll('"', ""), whole };
  }

  get empty() { return this.words.length === 0; }

  /* Whether a row of a level passes. */
  passes(level, table, row) {
    const { lanes, kinds } = level.data;
    const from = lanes[table.from[row]]?.name.toLowerCase() ?? "";
    const to = table.to && table.to[row] >= 0 ? lanes[table.to[row]].name.toLowerCase() : "";
    const kind = kinds[table.kind[row]].toLowerCase();
    const end = table.end ? END_WORDS[table.end[row]] : "";
    let text = null;
    const lazy = () => (text ??= table.text(row).toLowerCase());
    return this.words.every((word) => {
      const found = {
        host: () => from === word.text || to === word.text || (!word.whole && (Filter.near(from, word) || Filter.near(to, word))),
        kind: () => (word.whole ? kind === word.text : kind.includes(word.text)),
        end: () => end.includes(word.text),
        socket: () => Filter.occurs(lazy(), word),
        any: () => kind.includes(word.text) || end.includes(word.text) || Filter.near(from, word) || Filter.near(to, word) || Filter.occurs(lazy(), word),
      }[word.where]();
      return found !== word.not;
    });
  }

  static near(name, word) { return name !== "" && name.includes(word.text); }

  static occurs(text, word) {
    if (!word.whole) return text.includes(word.text);
    for (let at = text.indexOf(word.text); at >= 0; at = text.indexOf(word.text, at + 1)) {
      const before = text[at - 1] ?? " ";
      const after = text[at + word.text.length] ?? " ";
      if (!/[\w#.-]/.test(before) && !/[\w#-]/.test(after)) return true;
    }
    return false;
  }

  /* For each table of a level, which rows pass; null when all do. */
  masks(level) {
    if (this.empty) return null;
    return level.tables.map((table) => {
      const mask = new Uint8Array(table.length);
      for (let row = 0; row < table.length; row++) mask[row] = this.passes(level, table, row) ? 1 : 0;
      return mask;
    });
  }
}
