//! Lines that know the width and the colours of a terminal.

/// How a report is shown on a terminal. By default it has no colours and no
/// line is broken, as a file should have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Style {
    /// Whether it has colours: the sequences of ECMA-48 that select graphic
    /// rendition, with the 8 colours that every terminal has.
    pub color: bool,
    /// The columns of the terminal, where lines should be broken at words.
    pub width: Option<usize>,
}

/// What a part of a line is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Title,
    Soft,
    Good,
    Low,
    Medium,
    High,
    Critical,
}

impl Paint {
    /// The parameters of the sequence.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Title => "1",
            Self::Soft => "2",
            Self::Good => "1;32",
            Self::Low => "36",
            Self::Medium => "33",
            Self::High => "31",
            Self::Critical => "1;31",
        }
    }
}

/// However narrow a terminal is, a line has so much room for its words.
const NARROWEST: usize = 20;

/// What is shown so far.
#[derive(Debug)]
pub(super) struct Screen {
    style: Style,
    out: String,
}

impl Screen {
    pub(super) fn new(style: Style) -> Self {
        Self { style, out: String::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.out
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A line that begins `indent` columns in; what does not fit goes on
    /// `hang` columns in.
    pub(super) fn line(
        &mut self,
        indent: usize,
        hang: usize,
        parts: &[(Paint, &str)],
    ) {
        self.spaces(indent);
        let mut column = indent;
        for (paint, text) in parts {
            let code = if self.style.color { paint.code() } else { "" };
            if !code.is_empty() {
                self.out.push_str(&format!("\x1b[{code}m"));
            }
            column = self.words(column, hang, text);
            if !code.is_empty() {
                self.out.push_str("\x1b[0m");
            }
        }
        self.out.push('\n');
    }

    /// Gives the column after the text.
    fn words(&mut self, column: usize, hang: usize, text: &str) -> usize {
        let room = |width: usize| width.max(hang + NARROWEST);
        let width = self.style.width.map_or(usize::MAX, room);
        let mut column = column;
        for (i, word) in text.split(' ').enumerate() {
            let len = word.chars().count();
            if i > 0 && column + 1 + len > width {
                self.out.push('\n');
                self.spaces(hang);
                column = hang;
            } else if i > 0 {
                self.out.push(' ');
                column += 1;
            }
            self.out.push_str(word);
            column += len;
        }
        column
    }

    fn spaces(&mut self, count: usize) {
        self.out.extend(std::iter::repeat_n(' ', count));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(style: Style, parts: &[(Paint, &str)]) -> String {
        let mut screen = Screen::new(style);
        screen.line(2, 4, parts);
        screen.into_text()
    }

    const WIDE: Style = Style { color: false, width: None };

    #[test]
    fn a_line_is_not_broken_where_no_width_is_known() {
        let long = "word ".repeat(100);
        assert_eq!(
            shown(WIDE, &[(Paint::Title, &long)]),
            format!("  {long}\n")
        );
    }

    #[test]
    fn a_line_is_broken_at_words() {
        let style = Style { color: false, width: Some(24) };
        let said =
            shown(style, &[(Paint::Plain, "one two three four five six")]);
        assert_eq!(said, "  one two three four\n    five six\n");
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        let style = Style { color: false, width: Some(1) };
        let word = "x".repeat(90);
        assert!(shown(style, &[(Paint::Plain, &word)]).contains(&word));
    }

    #[test]
    fn colours_end_with_their_part() {
        let style = Style { color: true, width: None };
        let parts = [(Paint::High, "a"), (Paint::Plain, " b")];
        assert_eq!(shown(style, &parts), "  \x1b[31ma\x1b[0m b\n");
    }

    proptest! {
        #[test]
        fn colours_and_width_take_no_word_away(
            text in "[a-z ]{0,80}", width in 0_usize..100,
        ) {
            let style = Style { color: true, width: Some(width) };
            let said = shown(style, &[(Paint::Low, &text)]);
            let said = said.replace("\x1b[36m", "").replace("\x1b[0m", "");
            let words: Vec<_> = said.split_whitespace().collect();
            let all: Vec<_> = text.split_whitespace().collect();
            prop_assert_eq!(words, all);
            let fits = |line: &str| line.chars().count() <= width.max(24)
                || line.split_whitespace().count() == 1;
            prop_assert!(said.lines().all(fits), "{:?}", said);
        }
    }
}
