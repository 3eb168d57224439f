//! Where the references of a check can be read.

/// What a reference begins with, and what its page is.
const PAGES: [(&str, &str, &str); 2] = [
    ("CVE-", "https://www.cve.org/CVERecord?id=CVE-", ""),
    ("CWE-", "https://cwe.mitre.org/data/definitions/", ".html"),
];

/// The address of a reference, where it has one.
pub(super) fn address(reference: &str) -> Option<String> {
    // Any other scheme could be a script.
    if reference.starts_with("https://") {
        return Some(reference.to_owned());
    }
    PAGES.iter().find_map(|(prefix, before, after)| {
        let number = reference.strip_prefix(prefix)?;
        let plain = |c: char| c.is_ascii_digit() || c == '-';
        let plain = !number.is_empty() && number.chars().all(plain);
        plain.then(|| format!("{before}{number}{after}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! addresses {
        ($($name:ident: $reference:expr => $address:expr;)*) => {$(
            #[test]
            fn $name() {
                assert_eq!(address($reference).as_deref(), $address);
            }
        )*};
    }

    addresses! {
        a_flaw: "CVE-2018-1000115"
            => Some("https://www.cve.org/CVERecord?id=CVE-2018-1000115");
        a_weakness: "CWE-306"
            => Some("https://cwe.mitre.org/data/definitions/306.html");
        a_page: "https://memcached.org/" => Some("https://memcached.org/");
        a_benchmark: "CIS Debian 4.4.3" => None;
        a_script: "javascript:alert(1)" => None;
        something_else_that_begins_so: "CVE-1\"onload=" => None;
    }
}
