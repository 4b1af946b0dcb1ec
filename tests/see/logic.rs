//! What the page's scripts compute, apart from what they draw.

use crate::tool::browse;

/// The scripts that draw nothing.
const SCRIPTS: [&str; 5] = [
    include_str!("../../crates/sim/src/html/look.js"),
    include_str!("../../crates/sim/src/trace/page/view.js"),
    include_str!("../../crates/sim/src/trace/page/data.js"),
    include_str!("../../crates/sim/src/trace/page/filter.js"),
    include_str!("../../crates/sim/src/trace/page/layout.js"),
];

#[test]
fn the_scripts_pass_their_own_tests() {
    let html = format!("<!doctype html><html data-ready=\"true\"><script>{}</script>", SCRIPTS.concat());
    let seen = browse("logic", &html, "", include_str!("logic.js"));
    seen.is_well();
    assert_eq!(seen.says("tried"), "12 tests passed");
}
