//! Makes characters that steer a terminal, or reorder what is read, visible.

use std::borrow::Cow;

/// The same text on one line, in which every control character, line end and character that changes the
/// direction of text is written out: `\n`, `\x1b`, `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            hidden if is_hidden(hidden) => {
                let code = u32::from(hidden);
                let written = if code < 0x100 {
                    format!("\\x{code:02x}")
                } else {
                    format!("\\u{{{code:x}}}")
                };
                shown.push_str(&written);
            }
            plain => shown.push(plain),
        }
    }
    Cow::Owned(shown)
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(
            visible("a\u{1b}]0;x\u{7}\u{9b}2J\u{7f}\r\n\u{202e}b"),
            "a\\x1b]0;x\\x07\\x9b2J\\x7f\\r\\n\\u{202e}b"
        );
        assert!(matches!(visible("größer → 日本"), std::borrow::Cow::Borrowed(_)));
    }
}
