//! Numbers as C's library reads them.

/// A byte that C's `isspace` takes in the C locale.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// `strtol`: the number at the start of a text, and the bytes that it took
/// (0 where there is none). It stays at the limits where it overflows.
pub(super) fn strtol(text: &str, radix: u32) -> (i64, usize) {
    let bytes = text.as_bytes();
    let mut at = bytes.iter().take_while(|&&byte| is_space(byte)).count();
    let sign = bytes.get(at).copied();
    at += usize::from(matches!(sign, Some(b'-' | b'+')));
    let first = at;
    let mut value: i64 = 0;
    let digit = |at| bytes.get(at).and_then(|&b| char::from(b).to_digit(radix));
    while let Some(digit) = digit(at) {
        let more = value.saturating_mul(radix.into());
        value = if sign == Some(b'-') {
            more.saturating_sub(digit.into())
        } else {
            more.saturating_add(digit.into())
        };
        at += 1;
    }
    if at == first { (0, 0) } else { (value, at) }
}

/// `atoi`: glibc's is `strtol` cut to 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "as C does")]
pub(super) fn atoi(text: &str) -> i32 {
    strtol(text, 10).0 as i32
}

/// `atof`, for decimal numbers.
pub(super) fn atof(text: &str) -> f64 {
    let text = text.trim_start_matches(|c: char| {
        c.is_ascii() && u8::try_from(c).is_ok_and(is_space)
    });
    let end = text
        .find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-' | 'e' | 'E'))
        .unwrap_or(text.len())
        .min(64);
    (0..=end).rev().find_map(|end| text.get(..end)?.parse().ok()).unwrap_or(0.0)
}

/// memcached's `safe_strtol` and `safe_strtoul`: the whole text, or up to a
/// blank.
#[expect(clippy::cast_possible_truncation, reason = "as C does")]
pub(super) fn whole(text: &str) -> Option<i32> {
    let (value, used) = strtol(text, 10);
    let next = text.as_bytes().get(used).copied();
    let good = used > 0 && next.is_none_or(is_space);
    let in_range = value != i64::MAX && value != i64::MIN;
    (good && in_range).then_some(value as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atoi_is_c() {
        let table = [
            ("11211", 11211),
            (" \t12x", 12),
            ("-5", -5),
            ("0x2bcb", 0),
            ("=1", 0),
            ("", 0),
            ("4294967297", 1),
            ("99999999999999999999", -1),
        ];
        for (text, value) in table {
            assert_eq!(atoi(text), value, "{text:?}");
        }
    }

    #[test]
    fn whole_numbers_end_at_a_blank() {
        assert_eq!(whole("12 x"), Some(12));
        assert_eq!(whole("12x"), None);
        assert_eq!(whole(""), None);
    }
}
