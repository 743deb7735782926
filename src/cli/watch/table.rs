//! The table of codes as lines of a screen, however small. Pure: what is shown is decided elsewhere.

use dialoguer::console::{measure_text_width, truncate_str};
use zeroize::Zeroizing;

use crate::{mfa::AuthenticationCode, prompt::Size};

/// Less than this, and a code is hardly worth typing.
const SHORT_SECONDS: u64 = 5;
const LONGEST_NAME: usize = 24;
const BAR: usize = 10;
const LONGEST_BAR: usize = 20;
/// An account that is cut shorter says nothing.
const LEAST_ACCOUNT: usize = 8;
/// Between two columns.
const GAP: usize = 2;

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const CYAN: &str = "36";

pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    /// The place of the row that Enter acts on.
    pub(super) chosen: usize,
    /// Whether there is a row that Enter does something to.
    pub(super) asks: bool,
    pub(super) shows_next: bool,
    /// What else there is to say, a line each.
    pub(super) notes: Vec<String>,
    pub(super) coloured: bool,
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) account: String,
    pub(super) digits: usize,
    pub(super) period_seconds: u64,
    pub(super) codes: Codes,
}

pub(super) enum Codes {
    Shown {
        code: AuthenticationCode,
        /// None if it is not asked for, or not to be had yet.
        next: Option<AuthenticationCode>,
        left_seconds: u64,
    },
    Hidden {
        /// How it is to be had.
        hint: String,
    },
}

/// How wide each column is; 0 if there is no room for it.
struct Widths {
    marker: usize,
    name: usize,
    account: usize,
    code: usize,
    bar: usize,
    left: usize,
    next: usize,
}

/// A line under construction. Reserved in one piece: one that grew would leave codes behind.
struct Line {
    text: Zeroizing<String>,
    room: usize,
    coloured: bool,
}

impl Table {
    /// The lines for a screen of this size, each no longer than it is wide.
    pub(super) fn lines(&self, size: Size) -> Vec<Zeroizing<String>> {
        // What is left out first on a small screen stands last.
        let mut spare = size.height.saturating_sub(self.rows.len().min(3));
        let mut takes = |count: usize| {
            let fits = count <= spare;
            spare -= if fits { count } else { 0 };
            fits
        };
        let notes = &self.notes[..if takes(self.notes.len()) { self.notes.len() } else { 0 }];
        let (has_keys, has_header) = (takes(1), takes(1));
        let room = size.height - notes.len() - usize::from(has_keys) - usize::from(has_header);
        let is_cut = self.rows.len() > room;
        let shown = if is_cut { room.saturating_sub(1).max(1) } else { self.rows.len() };
        let top = (self.chosen + 1).saturating_sub(shown);
        let widths = self.widths(size.width, is_cut);

        let mut lines = Vec::new();
        if has_header {
            lines.push(self.header(&widths, size.width));
        }
        let rows = self.rows.iter().enumerate().skip(top).take(shown);
        lines.extend(rows.map(|(place, row)| self.row(row, place == self.chosen, &widths, size.width)));
        if is_cut && room > 1 {
            lines.push(self.plain(&format!("  … {} more: ↑ ↓", self.rows.len() - shown), size.width));
        }
        if !is_cut && room > self.rows.len() {
            lines.push(Zeroizing::new(String::new()));
        }
        lines.extend(notes.iter().map(|note| self.plain(&format!("  {note}"), size.width)));
        if has_keys {
            let next = if self.shows_next { "n hides the next codes" } else { "n shows the next codes" };
            lines.push(self.plain(&format!("  {next}   q quits"), size.width));
        }
        lines.truncate(size.height);
        lines
    }

    fn widths(&self, width: usize, is_cut: bool) -> Widths {
        let longest = |of: fn(&Row) -> usize| self.rows.iter().map(of).max().unwrap_or_default();
        let marker = if is_cut || self.asks { 2 } else { 0 };
        let code = longest(|row| row.digits) + 1;
        let left = longest(|row| row.period_seconds.to_string().len()) + 2;
        let mut rest = width.saturating_sub(marker + code + GAP + left + GAP);
        let mut takes = |least: usize, most: usize| {
            let given = if rest >= least + GAP { most.min(rest - GAP) } else { 0 };
            rest -= if given > 0 { given + GAP } else { 0 };
            given
        };
        // The gap behind the name is counted with the code.
        let name = takes(1, longest(|row| measure_text_width(&row.name)).min(LONGEST_NAME));
        let (bar, next) = match self.shows_next {
            true => {
                let next = takes(code, code);
                (takes(BAR, BAR), next)
            }
            false => (takes(BAR, BAR), takes(code, code)),
        };
        let account = match longest(|row| measure_text_width(&row.account)) {
            0 => 0,
            longest => takes(longest.min(LEAST_ACCOUNT), longest),
        };
        let bar = if bar > 0 { (bar + rest).min(LONGEST_BAR) } else { 0 };
        Widths { marker, name, account, code, bar, left, next }
    }

    fn header(&self, widths: &Widths, width: usize) -> Zeroizing<String> {
        let mut line = Line::new(width, self.coloured);
        line.put("", widths.marker, "");
        for (title, width) in [
            ("NAME", widths.name),
            ("ACCOUNT", widths.account),
            ("CODE", widths.code),
            ("", widths.bar),
            ("LEFT", widths.left),
            ("NEXT", widths.next),
        ] {
            line.column(title, width, DIM);
        }
        line.text
    }

    fn row(&self, row: &Row, is_chosen: bool, widths: &Widths, width: usize) -> Zeroizing<String> {
        let mut line = Line::new(width, self.coloured);
        line.put(if is_chosen { ">" } else { "" }, widths.marker, BOLD);
        line.column(&row.name, widths.name, "");
        line.column(&row.account, widths.account, DIM);
        match &row.codes {
            Codes::Hidden { hint } => {
                line.column(&masked(row.digits), widths.code, DIM);
                line.put(hint, width, DIM);
            }
            Codes::Shown { code, next, left_seconds } => {
                let is_short = *left_seconds < SHORT_SECONDS;
                line.column(&grouped(code), widths.code, if is_short { RED } else { BOLD });
                let bar = bar(*left_seconds, row.period_seconds, widths.bar);
                line.column(&bar, widths.bar, if is_short { RED } else { CYAN });
                let left = format!("{left_seconds:>width$} s", width = widths.left - 2);
                line.column(&left, widths.left, if is_short { RED } else { "" });
                match next {
                    Some(next) => line.column(&grouped(next), widths.next, ""),
                    None => line.column(&masked(row.digits), widths.next, DIM),
                }
            }
        }
        line.text
    }

    fn plain(&self, text: &str, width: usize) -> Zeroizing<String> {
        let mut line = Line::new(width, self.coloured);
        line.put(text, width, DIM);
        line.text
    }
}

impl Line {
    fn new(room: usize, coloured: bool) -> Self {
        // Four bytes a column, and six columns' colours.
        Line { text: Zeroizing::new(String::with_capacity(room * 4 + 128)), room, coloured }
    }

    /// A text as wide as this, cut or filled up, and the gap behind it.
    fn column(&mut self, text: &str, width: usize, colour: &str) {
        if width > 0 {
            self.put(text, width, colour);
            self.put("", GAP, "");
        }
    }

    fn put(&mut self, text: &str, width: usize, colour: &str) {
        let width = width.min(self.room);
        let text = Zeroizing::new(truncate_str(text, width, if width > 1 { "…" } else { "" }).into_owned());
        let is_coloured = self.coloured && !colour.is_empty() && !text.is_empty();
        if is_coloured {
            self.text.push_str("\u{1b}[");
            self.text.push_str(colour);
            self.text.push('m');
        }
        self.text.push_str(&text);
        if is_coloured {
            self.text.push_str("\u{1b}[0m");
        }
        self.text.extend(std::iter::repeat_n(' ', width.saturating_sub(measure_text_width(&text))));
        self.room -= width;
    }
}

/// `123 456`, `123 4567`, `1234 5678`.
fn grouped(code: &AuthenticationCode) -> Zeroizing<String> {
    let (first, second) = code.expose().split_at(code.expose().len() / 2);
    Zeroizing::new([first, " ", second].concat())
}

fn masked(digits: usize) -> String {
    ["•".repeat(digits / 2), "•".repeat(digits - digits / 2)].join(" ")
}

/// Drains from right to left, and is empty only when the time is.
fn bar(left: u64, whole: u64, width: usize) -> String {
    let filled = (left.min(whole) * width as u64).div_ceil(whole.max(1)) as usize;
    "█".repeat(filled) + &"░".repeat(width - filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> AuthenticationCode {
        text.parse().expect("six digits")
    }

    fn shown(name: &str, left_seconds: u64) -> Row {
        Row {
            name: name.to_owned(),
            account: format!("GitHub: {name}@example.com"),
            digits: 6,
            period_seconds: 30,
            codes: Codes::Shown { code: code("123456"), next: None, left_seconds },
        }
    }

    fn hidden(name: &str, hint: &str) -> Row {
        Row { codes: Codes::Hidden { hint: hint.to_owned() }, ..shown(name, 0) }
    }

    fn table(rows: Vec<Row>) -> Table {
        Table { rows, chosen: 0, asks: false, shows_next: false, notes: Vec::new(), coloured: false }
    }

    fn lines(table: &Table, width: usize, height: usize) -> Vec<String> {
        table.lines(Size { height, width }).iter().map(|line| line.trim_end().to_owned()).collect()
    }

    #[test]
    fn a_wide_screen_has_all_columns_and_a_small_one_those_that_matter() {
        let mut table = table(vec![shown("alice", 30), shown("bob", 4)]);
        assert_eq!(
            lines(&table, 80, 24),
            [
                "NAME   ACCOUNT                    CODE                           LEFT  NEXT",
                "alice  GitHub: alice@example.com  123 456  ████████████████████  30 s  ••• •••",
                "bob    GitHub: bob@example.com    123 456  ███░░░░░░░░░░░░░░░░░   4 s  ••• •••",
                "",
                "  n shows the next codes   q quits",
            ]
        );
        assert_eq!(
            lines(&table, 40, 2),
            ["alice  123 456  ████████████████  30 s", "bob    123 456  ███░░░░░░░░░░░░░   4 s"]
        );
        let with_next = |row: Row| match row.codes {
            Codes::Shown { code, left_seconds, .. } => {
                Row { codes: Codes::Shown { code, next: Some(self::code("654321")), left_seconds }, ..row }
            }
            Codes::Hidden { .. } => row,
        };
        table.rows = table.rows.into_iter().map(with_next).collect();
        table.shows_next = true;
        assert_eq!(lines(&table, 34, 24)[1], "alice  123 456  30 s  654 321");
    }

    #[test]
    fn no_line_is_too_long_and_none_too_many_however_small_the_screen() {
        let rows = || (0..12).map(|place| shown(&format!("日本-device-{place}"), place * 3)).collect::<Vec<_>>();
        for (shows_next, coloured) in [(false, false), (true, true)] {
            for chosen in [0, 11] {
                let notes = vec!["a note that is rather long for a screen".to_owned()];
                let mut table = Table { rows: rows(), chosen, asks: coloured, shows_next, notes, coloured };
                table.rows.push(hidden("vpn", "press 4 to see it"));
                for (width, height) in (1..90).flat_map(|width| (1..26).map(move |height| (width, height))) {
                    let lines = table.lines(Size { height, width });
                    assert!(lines.len() <= height, "{width}x{height}: {lines:?}");
                    let longest = lines.iter().map(|line| measure_text_width(line)).max();
                    assert!(longest <= Some(width), "{width}x{height}: {lines:?}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_and_reached() {
        let rows = || (1..=30).map(|place| shown(&format!("device-{place:02}"), 20)).collect::<Vec<_>>();
        let mut table = table(rows());
        let text = lines(&table, 80, 10).join("\n");
        assert!(text.contains("> device-01") && text.contains("device-07") && text.contains("… 23 more"), "{text}");
        assert!(!text.contains("device-08"), "{text}");
        table.chosen = 29;
        let text = lines(&table, 80, 10).join("\n");
        assert!(text.contains("> device-30") && !text.contains("device-23"), "{text}");
    }

    #[test]
    fn of_a_hidden_code_there_is_only_how_to_have_it() {
        let rows = vec![shown("alice", 20), hidden("vpn", "press 2")];
        let text = lines(&Table { asks: true, ..table(rows) }, 80, 24);
        assert!(text[1].starts_with("> alice") && text[1].contains("123 456"), "{text:?}");
        assert!(text[2].starts_with("  vpn") && text[2].ends_with("  ••• •••  press 2"), "{text:?}");
    }

    #[test]
    fn the_last_seconds_have_another_colour_and_without_colours_there_is_none() {
        let mut table = table(vec![shown("alice", 5)]);
        table.coloured = true;
        let is_red = |table: &Table| lines(table, 80, 24).join("\n").contains("\u{1b}[31m123 456");
        assert!(!is_red(&table));
        table.rows = vec![shown("alice", 4)];
        assert!(is_red(&table));
        table.coloured = false;
        assert!(!lines(&table, 80, 24).join("\n").contains('\u{1b}'));
    }

    #[test]
    fn codes_are_grouped_and_the_bar_drains() {
        assert_eq!(*grouped(&code("123456")), "123 456");
        assert_eq!([6, 7, 8].map(masked), ["••• •••", "••• ••••", "•••• ••••"]);
        assert_eq!([30, 16, 15, 1, 0].map(|left| bar(left, 30, 4)), ["████", "███░", "██░░", "█░░░", "░░░░"]);
    }
}
