//! How pages for a browser look, and how text gets into them unharmed.

use std::fmt::Write as _;

use serde::Serialize;

/// What all pages share: colours, type, buttons.
pub const STYLE: &str = include_str!("look.css");

/// What all pages share: the switch between light and dark.
pub const SCRIPT: &str = include_str!("look.js");

/// Puts values into a page, each where it says `{{name}}`. Nothing in a value is taken for a place.
pub fn filled(page: &str, values: &[(&str, &str)]) -> String {
    let length = values.iter().map(|(_, value)| value.len()).sum::<usize>() + page.len();
    let mut html = String::with_capacity(length);
    let mut rest = page;
    while let Some((before, from_name)) = rest.split_once("{{") {
        html.push_str(before);
        let (name, after) = from_name.split_once("}}").unwrap_or((from_name, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        html.push_str(value.map(|(_, value)| *value).unwrap_or_default());
        rest = after;
    }
    html.push_str(rest);
    html
}

/// Text as it stands in HTML, in an element or in an attribute in quotes.
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// A value as JSON that can stand in a script element: no text in it can end the element.
pub fn json(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("a page's data has a JSON form");
    json.replace('<', "\\u003c")
}

/// A verdict as a word in its colour.
pub fn verdict(verdict: &str) -> String {
    let calm = verdict.to_lowercase();
    let class = if calm == "passed" { "good" } else { "bad" };
    format!("<span class=\"verdict {class}\">{}</span>", escaped(&calm))
}

/// `12 345`, with a thin space.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Seconds as people read them: `5.25 s`.
pub fn seconds(seconds: f64) -> String {
    let mut text = String::new();
    let _ = match seconds {
        s if s >= 100.0 => write!(text, "{s:.0} s"),
        s if s >= 1.0 => write!(text, "{s:.2} s"),
        s if s > 0.0 => write!(text, "{:.2} ms", s * 1e3),
        _ => write!(text, "0 s"),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_where_their_names_are_and_are_not_looked_into() {
        assert_eq!(filled("<{{a}}>{{b}}{{a}}", &[("a", "{{b}}"), ("b", "x")]), "<{{b}}>x{{b}}");
    }

    #[test]
    fn text_in_html_stays_text() {
        assert_eq!(escaped("<a b=\"c\" d='e'>&amp;"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;");
    }

    #[test]
    fn no_text_ends_a_script() {
        assert_eq!(json(&"</script><!--"), r#""\u003c/script>\u003c!--""#);
    }

    #[test]
    fn numbers_and_times_are_grouped() {
        assert_eq!(
            [grouped(7), grouped(1234), grouped(1_234_567)],
            ["7", "1\u{202f}234", "1\u{202f}234\u{202f}567"]
        );
        assert_eq!(
            [seconds(0.0), seconds(0.0025), seconds(5.25), seconds(120.0)],
            ["0 s", "2.50 ms", "5.25 s", "120 s"]
        );
    }
}
