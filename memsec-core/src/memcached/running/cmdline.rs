//! /proc/PID/cmdline as it was before memcached wrote into it.

use crate::memcached::{Version, suboptions::is_suboption};

/// The versions in which `getsubopt` makes each comma of `-o` a NUL.
const COMMAS: (Version, Version) = (Version(1, 4, 8), Version(1, 4, 25));
/// The versions that make the unit of `-I` a NUL.
const UNITS: (Version, Version) = (Version(1, 4, 2), Version(1, 4, 18));

/// The arguments that a process was started with, by those that the kernel
/// shows. Where the version is not known, what looks rewritten is taken to
/// be: operands mean nothing to memcached.
pub(crate) fn restored(
    argv: &[String],
    version: Option<Version>,
) -> Vec<String> {
    let in_range = |(since, until): (Version, Version)| {
        version.is_none_or(|version| (since..until).contains(&version))
    };
    let (commas, units) = (in_range(COMMAS), in_range(UNITS));
    let mut out: Vec<String> = Vec::new();
    let mut value_of = None;
    for word in argv {
        let last = out.last_mut();
        match (value_of, last) {
            (Some('o'), Some(last)) if commas && is_suboption(word) => {
                last.push(',');
                last.push_str(word);
            }
            (Some('I'), Some(last)) if units && word.is_empty() => {
                last.push(unit(last));
                value_of = None;
            }
            _ => {
                value_of = valued(word, out.last().map(String::as_str));
                out.push(word.clone());
            }
        }
    }
    out
}

/// The letter of the option whose value a word is or ends with: `-o` `a`, or
/// `-oa`.
fn valued(word: &str, before: Option<&str>) -> Option<char> {
    ['o', 'I'].into_iter().find(|letter| {
        let option = format!("-{letter}");
        let own = word.strip_prefix(&option).is_some_and(|v| !v.is_empty());
        own || before == Some(&option)
    })
}

/// The unit that a size has lost. Up to 1.4.17 an item has 128 megabytes at
/// most, and 1024 bytes at least.
fn unit(size: &str) -> char {
    let number = size.trim_start_matches("-I");
    match number.parse::<u32>() {
        Ok(number) if number > 128 => 'k',
        _ => 'm',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(argv: &str, version: Option<Version>) -> String {
        let words: Vec<String> = argv.split(' ').map(str::to_owned).collect();
        restored(&words, version).join(" ")
    }

    #[test]
    fn commas_come_back() {
        let old = Some(Version(1, 4, 15));
        let table = [
            (
                "-o slab_reassign slab_automove -l ::1",
                "-o slab_reassign,slab_automove -l ::1",
            ),
            (
                "-o hashpower=20 slab_reassign x",
                "-o hashpower=20,slab_reassign x",
            ),
            ("-oslab_reassign maxconns_fast", "-oslab_reassign,maxconns_fast"),
            (
                "-o slab_reassign -o maxconns_fast",
                "-o slab_reassign -o maxconns_fast",
            ),
            ("-l ::1 slab_reassign", "-l ::1 slab_reassign"),
        ];
        for (argv, expected) in table {
            assert_eq!(read(argv, old), expected);
            assert_eq!(read(argv, None), expected);
            assert_eq!(read(argv, Some(Version(1, 4, 25))), argv);
        }
    }

    #[test]
    fn units_come_back() {
        let old = Some(Version(1, 4, 17));
        let table = [
            ("-I 2  -p 1", "-I 2m -p 1"),
            ("-I 512  -p 1", "-I 512k -p 1"),
            ("-I2  -p 1", "-I2m -p 1"),
            ("-I 2 -p 1", "-I 2 -p 1"),
        ];
        for (argv, expected) in table {
            assert_eq!(read(argv, old), expected);
            assert_eq!(read(argv, Some(Version(1, 4, 18))), argv);
        }
    }
}
