use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A day of the Gregorian calendar, as ISO 8601 writes it: "2026-12-31".
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day, in UTC, of a time in seconds since 1970 without leap
    /// seconds, as time(2) has it; the last day that can be written for a
    /// time beyond it. By the algorithm `civil_from_days` of Howard Hinnant.
    pub fn of_time(seconds: u64) -> Self {
        const LAST: u64 = 2_932_896;
        let days = (seconds / 86_400).min(LAST) + 719_468;
        let era = days / 146_097;
        let of_era = days % 146_097;
        let year =
            (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        // Months are counted from March.
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (year, month) = match month {
            0..=9 => (era * 400 + year, month + 3),
            _ => (era * 400 + year + 1, month - 9),
        };
        let small = |number: u64| u8::try_from(number).unwrap_or(1);
        Self {
            year: u16::try_from(year).unwrap_or(9999),
            month: small(month),
            day: small(day),
        }
    }

    /// How many days its month has.
    fn month_length(self) -> u8 {
        let leap = self.year % 4 == 0
            && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("{text:?} is not a date like 2026-12-31");
        let number = |part: Option<&str>, digits: usize| {
            let part = part.filter(|part| {
                part.len() == digits && part.bytes().all(|b| b.is_ascii_digit())
            });
            part.and_then(|part| part.parse::<u16>().ok()).ok_or_else(error)
        };
        let mut parts = text.split('-');
        let year = number(parts.next(), 4)?;
        let [month, day] = [(); 2].map(|()| number(parts.next(), 2));
        let small = |n: u16| u8::try_from(n).unwrap_or(0);
        let date = Self { year, month: small(month?), day: small(day?) };
        let good = (1..=12).contains(&date.month)
            && (1..=date.month_length()).contains(&date.day)
            && parts.next().is_none();
        if good { Ok(date) } else { Err(error()) }
    }
}

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_days() {
        let table = [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_798_675_200, "2026-12-31"),
            (u64::MAX, "9999-12-31"),
        ];
        for (time, day) in table {
            assert_eq!(Date::of_time(time).to_string(), day);
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026-1-01",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-01-32",
            "2026-01-01-",
            "+026-01-01",
            "2026-01",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_come_back_and_keep_their_order(
            one in 0u64..253_402_300_800, other in 0u64..253_402_300_800
        ) {
            let (a, b) = (Date::of_time(one), Date::of_time(other));
            prop_assert_eq!(a.to_string().parse::<Date>().unwrap(), a);
            let days = (one / 86_400).cmp(&(other / 86_400));
            prop_assert_eq!(a.cmp(&b), days);
        }
    }
}
