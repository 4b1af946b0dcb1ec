//! The page of a trace.

use seaworthy_sim::trace::Line;
use seaworthy_sim::trace::page::Page;

use crate::tool::{STORM, browse, perform};

/// The page of a storm, packets included.
fn storm() -> String {
    let (plan, outcome, packets) = perform(STORM);
    let verdict = outcome.verdict().to_string();
    let lines = Line::of_trace(&outcome.trace);
    let page = Page {
        title: "storm",
        facts: &[("seed", "1".to_owned())],
        verdict: Some(&verdict),
        findings: &outcome.violations,
        hosts: &plan.hosts,
        lines: &lines,
        packets: Some(&packets),
    };
    page.to_html()
}

/// The page of lines that somebody wrote.
pub(crate) fn page_of(lines: &[serde_json::Value]) -> String {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let lines = Line::read_all(&text).unwrap();
    let page = Page {
        title: "t",
        facts: &[],
        verdict: None,
        findings: &[],
        hosts: &[],
        lines: &lines,
        packets: None,
    };
    page.to_html()
}

/// How many pixels of the diagram, or of its part between two heights, have about the colour that a name stands for.
const PIXELS: &str = "
    const canvas = document.getElementById('base');
    let data = null;
    const inked = (name, from = 0, to = canvas.height) => {
      data ??= canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      const [r, g, b] = page.painter.colour(name).match(/[0-9a-f]{2}/gi).map((hex) => parseInt(hex, 16));
      let count = 0;
      for (let at = Math.round(from) * canvas.width * 4; at < Math.round(to) * canvas.width * 4; at += 4) {
        if (Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b) < 90) count++;
      }
      return count;
    };
    const key = (name) => document.getElementById('stage').dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true }));
    const root = document.documentElement.dataset;
";

#[test]
fn lanes_arrows_faults_and_marks_are_drawn_light_and_dark() {
    let html = storm();
    for look in ["light", "dark"] {
        let script = "
            const { painter } = page; // Texts stand nearer to where arrows begin, heads where they end.
            const between = inked('--k-message', painter.y(0) + painter.lane * 0.8, painter.y(0) + painter.lane * 0.9);
            return [between, ...['--k-lost', '--k-open', '--surface'].map((name) => inked(name))].join();
        ";
        let seen = browse(look, &html, &format!("look={look}"), &[PIXELS, script].concat());
        seen.is_well();
        assert_eq!(seen.says("theme"), look);
        assert_eq!((seen.count("lanes"), seen.says("level")), (3, "messages"));
        assert!(seen.count("arrows") >= 50 && seen.count("arrows-drawn") == seen.count("arrows"));
        assert!(seen.count("marks-drawn") > 5);
        assert_eq!(seen.count("bands"), 3, "a cut, a crash, and the host that is down");
        let pixels: Vec<usize> = seen.says("tried").split(',').map(|count| count.parse().unwrap()).collect();
        assert!(pixels[0] > 200, "arrows between two lanes: {pixels:?}");
        assert!(pixels[1] > 5, "the crash: {pixels:?}");
        assert!(pixels[2] > 5, "the restart: {pixels:?}");
        assert!(pixels[3] > 100_000, "and room between them: {pixels:?}");
    }
}

#[test]
fn a_reader_changes_levels_filters_zooms_and_points_with_keys_and_pointer() {
    let script = "
        const said = [];
        key('3'); await pause(); said.push(root.level);
        const all = Number(root.passing);
        const filter = document.getElementById('filter');
        filter.value = 'end:lost'; filter.dispatchEvent(new Event('input')); await pause();
        const { end } = page.level.arrows;
        said.push(Number(root.passing) === end.filter((how) => how === END.LOST).length && Number(root.passing) < all);
        filter.value = ''; filter.dispatchEvent(new Event('input')); await pause();
        key('1'); await pause();
        const before = page.view.span;
        key('+'); await pause(); said.push(page.view.span < before);
        key('f'); await pause(); said.push(page.view.span === before);
        key('n'); await pause(); said.push(page.chosen >= 0 && !document.getElementById('chosen').hidden);
        said.push(document.querySelectorAll('#rows [role=option]').length > 3);
        key('Escape'); await pause(); said.push(page.chosen);
        const { x0, y0, x1, y1 } = page.painter.ends(20);
        const box = document.getElementById('stage').getBoundingClientRect();
        const at = { clientX: box.left + (x0 + x1) / 2, clientY: box.top + (y0 + y1) / 2, bubbles: true, pointerId: 1 };
        document.getElementById('stage').dispatchEvent(new PointerEvent('pointermove', at)); await pause();
        said.push(/push#\\d+ 100 B.*source → worker-/s.test(document.getElementById('tip').textContent));
        document.getElementById('stage').dispatchEvent(new WheelEvent('wheel', { ...at, deltaY: -300, cancelable: true })); await pause();
        said.push(page.view.span < before && Number(root.arrowsDrawn) < page.level.arrows.length);
        return said.join();
    ";
    let seen = browse("reader", &storm(), "", &[PIXELS, script].concat());
    seen.is_well();
    assert_eq!(seen.says("tried"), "packets,true,true,true,true,true,-1,true,true");
}

#[test]
fn dragging_moves_and_a_tap_chooses_an_event_or_a_host() {
    // Nobody really touches anything, so there is nothing to capture.
    let script = "
        Element.prototype.setPointerCapture = () => {};
        const said = [];
        const stage = document.getElementById('stage');
        const box = stage.getBoundingClientRect();
        const touch = (type, x, y) => stage.dispatchEvent(new PointerEvent(type, { clientX: box.left + x, clientY: box.top + y, pointerId: 7, button: 0, bubbles: true }));
        page.view.show(2e8, 4e8); page.paint();
        const from = page.view.from;
        touch('pointerdown', 600, 300); touch('pointermove', 500, 300); touch('pointerup', 500, 300); await pause();
        said.push(page.view.from > from, page.chosen);
        const { x0, y0, x1, y1 } = page.painter.ends(15);
        const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
        touch('pointerdown', x, y); touch('pointerup', x, y); await pause();
        said.push(page.chosen, document.getElementById('chosen').hidden);
        const name = [page.painter.left / 2, page.painter.y(1)];
        touch('pointerdown', ...name); touch('pointerup', ...name); await pause();
        said.push(document.getElementById('filter').value, page.painter.shown.join(' '));
        return said.join();
    ";
    let seen = browse("drag", &storm(), "", &[PIXELS, script].concat());
    seen.is_well();
    assert_eq!(seen.says("tried"), "true,-1,15,false,host:&quot;worker-1&quot;,0 1");
}

#[test]
fn names_that_look_like_code_do_nothing() {
    let evil = "</script><script>document.documentElement.dataset.harmed='yes'</script><img src=x onerror=\"document.documentElement.dataset.harmed='yes'\">";
    let sent = |t: u64, event: &str, host: &str| {
        serde_json::json!({
            "t": t, "host": host, "socket": evil, "event": event, "topic": evil,
            "message": format!("{evil}#1"), "parts": 1, "bytes": 9, "kind": evil,
        })
    };
    let fault = serde_json::json!({"t": 5, "event": "fault", "fault": 0, "what": evil});
    let own = serde_json::json!({"t": 6, "host": "b", "event": evil, "note": evil});
    let lines = [sent(1, "opened", evil), sent(2, "sent", evil), fault, own, sent(900, "received", "b")];
    let script = "
        key('l'); await pause();
        key('n'); await pause(); key('n'); await pause();
        page.point(page.painter.left / 2, page.painter.y(0)); await pause();
        return document.querySelectorAll('img').length + ' ' + document.getElementById('tip').textContent.includes('<img src=x');
    ";
    let seen = browse("evil", &page_of(&lines), "", &[PIXELS, script].concat());
    seen.is_well();
    assert!(!seen.html.contains("data-harmed"));
    assert_eq!(seen.says("tried"), "0 true");
}

#[test]
fn events_that_nobody_knows_are_shown() {
    let lines = [
        serde_json::json!({"t": 1_000, "host": "a", "event": "elected", "term": 3}),
        serde_json::json!({"t": 2_000, "host": "b", "event": "compacting", "end": 9_000}),
        serde_json::json!({"t": 9_000, "event": "meteor"}),
    ];
    let seen = browse("unknown", &page_of(&lines), "", "return page.level.item(page.order[0]).text");
    seen.is_well();
    assert_eq!((seen.count("lanes"), seen.count("marks-drawn"), seen.count("bands")), (2, 1, 2));
    assert_eq!(seen.says("tried"), "term 3");
}
