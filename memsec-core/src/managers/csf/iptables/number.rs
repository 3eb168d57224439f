/// `xtables_strtoui`: the number that a whole text is, in C's notation
/// (0x1f, 017), if it is not over `most`.
pub(in super::super) fn number(text: &str, most: u64) -> Option<u64> {
    let text = text
        .trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let text = text.strip_prefix('+').unwrap_or(text);
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match hex {
        Some(digits) => (digits, 16),
        None if text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    (value <= most).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_as_in_c() {
        let all = ["11211", "0x2bcb", "020", "+5", "0"];
        let read = all.map(|text| number(text, 65535));
        let numbers = [11211, 11211, 16, 5, 0].map(Some);
        assert_eq!(read, numbers);
    }

    #[test]
    fn what_is_left_over_is_refused() {
        for text in ["", "08", "1x", "-1", "65536", "0x", "--5", "++5"] {
            assert_eq!(number(text, 65535), None, "{text}");
        }
    }
}
