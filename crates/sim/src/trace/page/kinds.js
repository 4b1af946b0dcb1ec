/* How each kind of thing looks. What is not listed looks like "other": a page shows kinds it has never heard of. */
const Kinds = {
  tones: {
    message: "--k-message", data: "--k-message", frame: "--k-message",
    greeting: "--k-control", ACK: "--k-control", SYN: "--k-open", FIN: "--k-control", RST: "--k-lost",
    READY: "--k-open", PING: "--k-control", PONG: "--k-control", ERROR: "--k-lost",
    SUBSCRIBE: "--k-command", CANCEL: "--k-command", command: "--k-command",
    opened: "--k-control", bound: "--k-control", connecting: "--k-control", closed: "--k-control", done: "--k-control",
    subscribed: "--k-command", unsubscribed: "--k-command",
    connected: "--k-open", handshake: "--k-open", started: "--k-open", stream: "--k-open",
    disconnected: "--k-lost", "handshake-failed": "--k-lost", crashed: "--k-lost", "task-failed": "--k-lost",
    "not-zmtp": "--k-lost", diverged: "--k-lost", torn: "--k-lost", failed: "--k-lost",
    "stream-ended": "--k-control", retrying: "--k-warn", stopped: "--k-warn", blocked: "--k-warn",
    "gave-up": "--k-warn", cancelled: "--k-warn", "timed-out": "--k-warn", dropped: "--k-warn", poisoned: "--k-odd",
  },

  shapes: {
    started: "up", crashed: "cross", "task-failed": "cross", poisoned: "bolt", cancelled: "slash", "timed-out": "slash", dropped: "slash",
    connected: "ring", handshake: "dot", disconnected: "cross", "handshake-failed": "cross",
    stream: "ring", "stream-ended": "bar", retrying: "ring", stopped: "bar", closed: "bar",
    "not-zmtp": "cross", diverged: "cross", torn: "cross", failed: "cross", "gave-up": "slash",
    blocked: "beam", opened: "dot", bound: "dot", connecting: "dot", subscribed: "up", unsubscribed: "down", done: "bar",
  },

  /* What must never be left out for want of room. */
  grave: new Set(["crashed", "started", "task-failed", "poisoned", "not-zmtp", "diverged", "torn", "failed"]),

  bands: {
    cut: "--f-cut", isolate: "--f-cut", partition: "--f-cut", "black hole": "--f-cut", swizzle: "--f-cut", loss: "--f-cut",
    hold: "--f-hold", delay: "--f-hold", degrade: "--f-slow", pause: "--f-slow", stall: "--f-slow", "slow reader": "--f-slow", "read stall": "--f-slow", cancel: "--f-hold",
    crash: "--f-down", "power off": "--f-down", down: "--f-down",
  },

  tone(kind) { return Kinds.tones[kind] ?? "--k-other"; },

  /* The colour of an arrow says how it ended, if that is worth more than its kind. */
  arrowTone(kind, end) {
    if (end === END.LOST) return "--k-lost";
    if (end === END.AGAIN) return "--k-warn";
    if (end === END.CORRUPTED) return "--k-odd";
    return Kinds.tone(kind);
  },

  shape(kind) { return Kinds.shapes[kind] ?? "diamond"; },

  bandTone(kind) { return Kinds.bands[kind] ?? "--f-other"; },

  /* A picture of a kind for the legend. */
  icon(kind, arrow, end = END.ARRIVED) {
    const svg = document.getElementById("icon").content.firstElementChild.cloneNode(true);
    const path = svg.firstElementChild;
    const tone = `var(${arrow ? Kinds.arrowTone(kind, end) : Kinds.tone(kind)})`;
    let form = Kinds.paths[Kinds.shape(kind)];
    if (arrow) form = { [END.LOST]: Kinds.paths.lost, [END.OPEN]: Kinds.paths.open }[end] ?? Kinds.paths.arrow;
    path.setAttribute("d", form.d);
    path.setAttribute("fill", form.fill ? tone : "none");
    path.setAttribute("stroke", tone);
    return svg;
  },

  /* Shapes around the origin, five pixels to each side. */
  paths: {
    dot: { d: "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z", fill: true },
    ring: { d: "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0z", fill: false },
    cross: { d: "M-3.8-3.8L3.8 3.8M3.8-3.8L-3.8 3.8", fill: false },
    slash: { d: "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0zM-4.6 4.6L4.6-4.6", fill: false },
    bar: { d: "M0-5V5", fill: false },
    beam: { d: "M-7-2.2H7V2.2H-7z", fill: true },
    up: { d: "M0-4.6L4.3 3.4H-4.3z", fill: true },
    down: { d: "M0 4.6L4.3-3.4H-4.3z", fill: false },
    diamond: { d: "M0-4.4L4.4 0L0 4.4L-4.4 0z", fill: true },
    bolt: { d: "M1.5-6.2L-4 .9H-.4L-1.8 6.2L4-1.3H.4z", fill: true },
    arrow: { d: "M-7 4L5-2.4M5.6-2.8L1.2-2.6L3 .8z", fill: true },
    lost: { d: "M-7 4L2-1M1.4-3.6L6 1M6-3.6L1.4 1", fill: false },
    open: { d: "M-7 4L2-1M1.8-1.4a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0-4.4 0z", fill: false },
  },
};
