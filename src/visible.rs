//! Which characters are seen. Names, addresses and messages come from files, backups and servers; what acts on a terminal,
//! hides, or turns the direction of writing (Unicode Technical Report 36, section 2) is not to reach a reader.

use std::fmt;

/// Whether a character acts on a terminal, takes no room, or changes the direction of text, instead of being seen.
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text without its unseen characters.
pub fn visible(text: &str) -> String {
    text.chars().filter(|character| !is_unseen(*character)).collect()
}

/// A text as one word of a POSIX shell, for a command that a reader may paste; as it is, if no shell makes anything of it.
pub fn shell_word(text: impl fmt::Display) -> String {
    let text = text.to_string();
    let is_plain = |character: char| character.is_alphanumeric() || "_./:@=+,-".contains(character);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_left_out() {
        assert_eq!(visible("a\x1b[31mb\r\n\u{9b}2Jc\u{202e}d\u{7f}\0"), "a[31mb2Jcd");
        assert_eq!(visible("J\u{fc}rgen \u{65e5}\u{672c} \u{1f511}"), "J\u{fc}rgen \u{65e5}\u{672c} \u{1f511}");
    }

    #[test]
    fn what_hides_or_turns_text_around_is_unseen() {
        for character in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e0041}',
        ] {
            assert!(is_unseen(character), "{character:?}");
        }
        for character in [' ', '\u{a0}', 'ä', '`', '‐', '…', '\u{301}', '\u{fe0f}'] {
            assert!(!is_unseen(character), "{character:?}");
        }
    }

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        for (text, word) in [
            ("alice@123-2", "alice@123-2"),
            ("J\u{fc}rgen", "J\u{fc}rgen"),
            ("Amazon Web Services:alice", "'Amazon Web Services:alice'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("a;b", "'a;b'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}
