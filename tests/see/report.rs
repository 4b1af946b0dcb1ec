//! The page of a whole run.

use seaworthy_trial::report::{Page, Run, RunReport};
use seaworthy_trial::scenario::BackendName;

use crate::tool::{STORM, browse, perform};

#[test]
fn a_report_shows_failures_first_and_narrows_to_them() {
    let passes = perform(STORM);
    let must = "expect = { must = [{ socket = \"push\", event = \"timeout\" }] }";
    let fails = perform(
        &STORM
            .replace("\"storm\"", "\"storm-that-fails\"")
            .replace("fault = [", &format!("{must}\nfault = [")),
    );
    let run = |(plan, outcome, _): &(std::rc::Rc<_>, _, _)| {
        let report = RunReport::new(plan, BackendName::Warp, outcome, std::time::Duration::ZERO);
        Run { page: Some("trace.html".to_owned()), ..Run::new(report, plan, outcome) }
    };
    let runs = [run(&passes), run(&fails)];
    let html = Page { runs: &runs, program: "seaworthy" }.to_html();
    let script = "
        const rows = () => [...document.querySelectorAll('#runs tr')].filter((row) => !row.hidden).map((row) => row.querySelector('th').firstChild.data);
        const said = [rows().join(' ')];
        document.getElementById('only-bad').click(); said.push(rows().join(' '));
        document.getElementById('only-bad').click();
        const find = document.getElementById('find');
        find.value = 'turmoil'; find.dispatchEvent(new Event('input')); said.push(rows().length);
        said.push(document.querySelector('.failure li').textContent);
        return said.join('|');
    ";
    let seen = browse("report", &html, "", script);
    seen.is_well();
    assert_eq!(
        seen.says("tried"),
        "storm-that-fails storm|storm-that-fails|0|coverage: push timeout happened 0 times, expected at least 1"
    );
}
