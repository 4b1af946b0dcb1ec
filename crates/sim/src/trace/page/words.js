/* Words for what is drawn. */
class Words {
  constructor(data) { this.data = data; }

  where(item) {
    const name = (lane) => this.data.lanes[lane]?.name ?? "nobody";
    return item.arrow && item.to !== item.from ? `${name(item.from)} → ${item.to < 0 ? "?" : name(item.to)}` : name(item.from);
  }

  when(item) {
    const at = View.time(item.at);
    if (item.until === item.at) return at;
    return `${at} – ${View.time(item.until)}, ${View.duration(item.until - item.at)}`;
  }

  tone(item) { return item.arrow ? Kinds.arrowTone(item.kind, item.end) : Kinds.tone(item.kind); }

  static part(name, text, tag = "div") {
    const element = document.createElement(tag);
    element.className = name;
    element.textContent = text;
    return element;
  }

  /* An event in a few lines. */
  of(item) {
    const end = END_WORDS[item.end];
    const what = Words.part("what", end ? `${item.kind}, ${end}` : item.kind);
    what.style.setProperty("--tone", `var(${this.tone(item)})`);
    return [what, Words.part("text", item.text), Words.part("where", this.where(item)), Words.part("when", this.when(item))];
  }

  row(item) {
    const row = document.createElement("div");
    const line = Words.part("line", "");
    const kind = Words.part("kind", END_WORDS[item.end] ? `${item.kind}, ${END_WORDS[item.end]}` : item.kind, "span");
    kind.style.setProperty("--tone", `var(${this.tone(item)})`);
    line.append(Words.part("", View.time(item.at), "time"), kind, Words.part("where", this.where(item), "span"));
    row.append(line, Words.part("line text", item.text));
    row.title = item.text;
    return row;
  }
}
