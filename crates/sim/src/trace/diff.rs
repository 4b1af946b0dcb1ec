//! Where two traces part.

use std::fmt::Write as _;

use super::line::Line;

/// The first divergence of two traces, with what came before it and what comes after, or `None` when they are
/// equal. `names` say whose line is whose; `context` is how many lines of each are shown.
///
/// ```text
/// equal up to line 2; they part at 0.000003 s
///   1  0.000001 a push opened PUSH
///   2  0.000002 a push bound tcp://*:1
/// one.jsonl
///   3  0.000003 a push sent push#0 64 B
/// other.jsonl
///   3  0.000003 a push sent push#0 65 B
/// ```
pub fn render(names: [&str; 2], traces: [&[Line]; 2], context: usize) -> Option<String> {
    let [one, other] = traces;
    let longest = one.len().max(other.len());
    let at = (0..longest).find(|&at| one.get(at) != other.get(at))?;
    let last = at.saturating_add(context.max(1)).min(longest);
    let first = at.saturating_sub(context);
    let width = last.to_string().len();

    let when = [one, other].iter().filter_map(|trace| trace.get(at)).map(|line| line.t).min();
    let mut text = match at {
        0 => "nothing is equal".to_owned(),
        at => format!("equal up to line {at}"),
    };
    let _ = writeln!(text, "; they part at {:.9} s", when.unwrap_or_default() as f64 / 1e9);
    for (index, line) in one.iter().enumerate().take(at).skip(first) {
        let _ = writeln!(text, "  {:>width$}  {}", index + 1, words(line));
    }
    // What looks alike in words is shown in full.
    let alike = match (one.get(at), other.get(at)) {
        (Some(one), Some(other)) => words(one) == words(other),
        _ => false,
    };
    for (name, trace) in names.into_iter().zip(traces) {
        let _ = writeln!(text, "{name}");
        for index in at..last {
            match trace.get(index) {
                Some(line) if alike && index == at => {
                    let _ = writeln!(text, "  {:>width$}  {}", index + 1, line.to_json());
                }
                Some(line) => {
                    let _ = writeln!(text, "  {:>width$}  {}", index + 1, words(line));
                }
                None => {
                    let _ = writeln!(text, "  {:>width$}  (it ends here)", "");
                    break;
                }
            }
        }
    }
    Some(text)
}

fn words(line: &Line) -> String {
    let mut text = format!("{:.6}", line.t as f64 / 1e9);
    let details = line.details();
    let places = [line.host.as_deref(), line.socket.as_deref(), Some(&*line.event), Some(details.as_str())];
    for word in places.into_iter().flatten().filter(|word| !word.is_empty()) {
        text.push(' ');
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(events: &[(u64, u64)]) -> Vec<Line> {
        let line = |(t, count): &(u64, u64)| {
            format!("{{\"t\":{t},\"host\":\"a\",\"socket\":\"push\",\"event\":\"done\",\"count\":{count}}}\n")
        };
        Line::read_all(&events.iter().map(line).collect::<String>()).unwrap()
    }

    fn diff(one: &[(u64, u64)], other: &[(u64, u64)], context: usize) -> Option<String> {
        render(["one", "other"], [&trace(one), &trace(other)], context)
    }

    #[test]
    fn equal_traces_have_no_difference() {
        assert_eq!(diff(&[(1000, 1), (2000, 2)], &[(1000, 1), (2000, 2)], 3), None);
        assert_eq!(diff(&[], &[], 3), None);
    }

    #[test]
    fn the_first_difference_is_shown_between_what_surrounds_it() {
        let one = [(1000, 1), (2000, 2), (3000, 3), (4000, 4), (5000, 5)];
        let other = [(1000, 1), (2000, 2), (3000, 7), (4000, 8), (5000, 5)];
        assert_eq!(
            diff(&one, &other, 1).unwrap(),
            concat!(
                "equal up to line 2; they part at 0.000003000 s\n",
                "  2  0.000002 a push done 2 messages\n",
                "one\n",
                "  3  0.000003 a push done 3 messages\n",
                "other\n",
                "  3  0.000003 a push done 7 messages\n",
            )
        );
        assert!(diff(&one, &other, 2).unwrap().contains("  1  0.000001 a push done 1 messages\n"));
    }

    #[test]
    fn a_trace_that_ends_early_says_so() {
        let text = diff(&[(1000, 1)], &[(1000, 1), (2000, 2)], 3).unwrap();
        assert!(text.contains("one\n     (it ends here)\nother\n  2  0.000002"), "{text}");
        let text = diff(&[], &[(1000, 1)], 3).unwrap();
        assert!(text.starts_with("nothing is equal; they part at 0.000001000 s\n"), "{text}");
    }

    #[test]
    fn a_difference_too_small_for_words_is_shown_in_full() {
        let text = diff(&[(1001, 1)], &[(1002, 1)], 3).unwrap();
        assert!(text.contains("{\"t\":1001,") && text.contains("{\"t\":1002,"), "{text}");
    }
}
