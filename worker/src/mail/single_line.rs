//! Text that people chose (names of teams and plans), made fit for a line of a mail.

use super::address::breaks_lines;

/// Longest name shown, in characters: enough to know it by.
const NAME_CHARACTERS_MAX: usize = 60;
/// Longest paragraph an operator writes, in characters; SQL takes no more.
const PARAGRAPH_CHARACTERS_MAX: usize = 2_000;

/// The text on one line of bounded length. What could end a line becomes a space, what reorders or hides text goes, and
/// nothing in it can be taken for an encoded word (RFC 2047), which mail programs decode after a filter has looked.
pub(super) fn single_line(text: &str) -> String {
    line_of(text, NAME_CHARACTERS_MAX)
}

/// What an operator writes, as one paragraph.
pub(super) fn paragraph(text: &str) -> String {
    line_of(text, PARAGRAPH_CHARACTERS_MAX)
}

/// As [`single_line`], for a text of at most so many characters.
pub(super) fn line_of(text: &str, characters_max: usize) -> String {
    let visible = text
        .chars()
        .map(|character| if breaks_lines(character) { ' ' } else { character })
        .filter(|character| !is_invisible(*character));
    let mut line = String::new();
    let mut characters = 0;
    for character in visible {
        if character.is_whitespace() && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if characters == characters_max {
            line.truncate(line.trim_end().len());
            line.push('…');
            break;
        }
        line.push(if character.is_whitespace() { ' ' } else { character });
        characters += 1;
    }
    line.truncate(line.trim_end().len());
    line.replace("=?", "= ?")
}

/// Zero-width and bidirectional controls: they make a text read as something else than it is.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::single_line;

    #[test]
    fn a_name_stays_as_it_is() {
        for name in ["Acme", "Ada’s team", "Société Générale & fils", "株式会社", "a=b?c"] {
            assert_eq!(single_line(name), name);
        }
    }

    #[test]
    fn no_line_can_be_broken() {
        for broken in [
            "Acme\r\nBcc: eve@x.de",
            "Acme\nBcc: eve@x.de",
            "Acme\u{2028}Bcc: eve@x.de",
            "Acme\u{85}\u{b}Bcc: eve@x.de",
        ] {
            assert_eq!(single_line(broken), "Acme Bcc: eve@x.de");
        }
        assert_eq!(single_line("\r\n \t\u{2029}"), "");
    }

    #[test]
    fn nothing_is_decoded_or_reordered_later() {
        assert_eq!(single_line("=?utf-8?q?Bcc:_eve?="), "= ?utf-8?q?Bcc:_eve?=");
        assert_eq!(single_line("=\u{200b}?utf-8?q?x?="), "= ?utf-8?q?x?=");
        assert_eq!(single_line("abc\u{202e}fdp.exe\u{feff}"), "abcfdp.exe");
    }

    #[test]
    fn a_very_long_name_is_cut_between_characters() {
        let cut = single_line(&"é".repeat(100_000));
        assert_eq!(cut, format!("{}…", "é".repeat(60)));
        assert_eq!(single_line(&"a b ".repeat(1000)).chars().count(), 60);
    }
}
