use std::collections::BTreeMap;

/// Numbers by name.
type Numbers = BTreeMap<String, u32>;

/// The names that /etc/services, /etc/passwd and /etc/group give, where they
/// are known.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Lookup {
    pub services: Option<Numbers>,
    pub users: Option<Numbers>,
    pub groups: Option<Numbers>,
}

impl Lookup {
    /// Reads the texts of the three files.
    pub(in super::super) fn new(
        [services, users, groups]: [Option<String>; 3],
    ) -> Self {
        Self {
            services: services.map(|text| first_of_each(service(&text))),
            users: users.map(|text| first_of_each(ids(&text))),
            groups: groups.map(|text| first_of_each(ids(&text))),
        }
    }
}

/// Where a name comes twice, the first counts.
fn first_of_each(all: impl Iterator<Item = (String, u32)>) -> Numbers {
    let mut numbers = Numbers::new();
    all.for_each(|(name, number)| {
        numbers.entry(name).or_insert(number);
    });
    numbers
}

/// Lines "name 11211/tcp alias".
fn service(text: &str) -> impl Iterator<Item = (String, u32)> {
    text.lines().flat_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let name = words.next();
        let port = words.next().and_then(|word| {
            word.split('/').next()?.parse::<u16>().ok().map(u32::from)
        });
        let names = name.into_iter().chain(words);
        names.filter_map(move |name| Some((name.to_owned(), port?)))
    })
}

/// Lines "name:x:110:".
fn ids(text: &str) -> impl Iterator<Item = (String, u32)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((name, fields.nth(1)?.parse().ok()?))
    })
}
