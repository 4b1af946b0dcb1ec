//! Messages of failures without what differs from seed to seed.

/// Most characters of what is left: enough to tell problems apart, and one line of a terminal or two.
const LENGTH_MAX: usize = 160;

/// Numbers become `N`, so that sequence numbers, times and members of groups make no difference.
pub fn normal(text: &str) -> String {
    let mut normal = String::new();
    let mut digits = false;
    let mut characters = text.split_whitespace().flat_map(|word| word.chars().chain([' '])).peekable();
    while let Some(character) = characters.next() {
        if character.is_ascii_digit() {
            if !digits {
                normal.push('N');
            }
            digits = true;
        } else if digits && character == '.' && characters.peek().is_some_and(char::is_ascii_digit) {
            // Part of the number.
        } else {
            digits = false;
            normal.push(character);
        }
    }
    normal.trim_end().chars().take(LENGTH_MAX).collect()
}
