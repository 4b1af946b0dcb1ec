//! What two lists of items do not have in common.

use std::collections::BTreeMap;

/// The lines of one list that the other does not have, each behind `-` or `+`, in alphabetical order.
pub fn difference(former: &str, present: &str) -> Vec<String> {
    let mut balance: BTreeMap<&str, i64> = BTreeMap::new();
    for line in former.lines() {
        *balance.entry(line).or_default() -= 1;
    }
    for line in present.lines() {
        *balance.entry(line).or_default() += 1;
    }
    let changed = balance.into_iter().filter(|&(_, balance)| balance != 0);
    changed.map(|(line, balance)| format!("{} {line}", if balance < 0 { '-' } else { '+' })).collect()
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn equal_lists_have_no_difference() {
        assert!(difference("pub fn a()\npub fn a()\n", "pub fn a()\npub fn a()\n").is_empty());
    }

    #[test]
    fn a_changed_signature_is_one_item_less_and_one_more() {
        let changes = difference("pub fn a()\npub fn b()\n", "pub fn a(u8)\npub fn b()\n");
        assert_eq!(changes, ["- pub fn a()", "+ pub fn a(u8)"]);
    }

    #[test]
    fn the_second_of_two_equal_items_is_missed() {
        assert_eq!(difference("impl T\nimpl T\n", "impl T\n"), ["- impl T"]);
    }
}
