use super::{super::instances, table::v, *};
use crate::{
    Snapshot,
    snapshot::{Content, Process, SecretForm},
    truth::shared,
};

fn instance(version: &str, argv: &str, env: &[&str]) -> Instance {
    let env = env.iter().map(|name| ((*name).to_owned(), "/x".to_owned()));
    let features = ["sasl", "tls", "proxy"].map(str::to_owned);
    let process = Process {
        pid: 7,
        argv: argv.split_whitespace().map(str::to_owned).collect(),
        uid: Some(110),
        env: env.collect(),
        version: (!version.is_empty()).then(|| version.to_owned()),
        features: Some(features.into()),
        ..Process::default()
    };
    let mut snapshot = Snapshot::new().with_process(process);
    let secret = Content::Secret(SecretForm::WellFormed);
    snapshot.files.insert("/auth".to_owned(), secret.into());
    instances(&snapshot, None).unwrap().remove(0)
}

fn ids(version: &str, argv: &str, env: &[&str]) -> Vec<&'static str> {
    let instance = instance(version, argv, env);
    assert!(matches!(instance.start, Start::Runs(_)), "{instance:?}");
    let applies = |a: &&Advisory| a.applies(&instance) == Applies::Yes;
    ADVISORIES.iter().filter(applies).map(|a| a.id).collect()
}

fn has(id: &str, version: &str, argv: &str) -> bool {
    ids(version, argv, &[]).contains(&id)
}

/// Each with the versions just inside and just outside of its range.
#[test]
fn ranges_end_where_they_end() {
    let table = [
        ("CVE-2009-1255", "", "1.2.7", "", "1.2.8"),
        ("CVE-2009-2415", "", "1.2.8", "", "1.4.0"),
        ("CVE-2010-1152", "", "1.4.2", "", "1.4.3"),
        ("CVE-2011-4971", "", "1.4.15", "", "1.4.16"),
        ("CVE-2013-0179", "", "1.4.16", "-vv", "1.4.17"),
        ("CVE-2013-7239", "1.4.2", "1.4.16", "-S", "1.4.17"),
        ("CVE-2013-7290", "1.4.3", "1.4.16", "-vv", "1.4.17"),
        ("CVE-2013-7291", "", "1.4.16", "-vv", "1.4.17"),
        ("CVE-2016-8704", "", "1.4.32", "", "1.4.33"),
        ("CVE-2016-8705", "", "1.4.32", "", "1.4.33"),
        ("CVE-2016-8706", "", "1.4.32", "", "1.4.33"),
        ("CVE-2017-9951", "", "1.4.38", "", "1.4.39"),
        ("CVE-2018-1000115", "", "1.5.5", "-U 11211", "1.5.6"),
        ("CVE-2018-1000127", "", "1.4.36", "", "1.4.37"),
        ("CVE-2019-11596", "1.4.39", "1.5.13", "", "1.5.14"),
        ("CVE-2019-15026", "1.4.17", "1.5.16", "-s /tmp/s", "1.5.17"),
        ("CVE-2020-10931", "1.5.22", "1.6.1", "", "1.6.2"),
        ("CVE-2020-22570", "1.5.22", "1.6.2", "", "1.6.3"),
        ("CVE-2021-37519", "1.5.14", "1.6.9", "-Y /auth", "1.6.10"),
        ("CVE-2022-48571", "1.5.22", "1.6.7", "-U 11211", "1.6.8"),
        ("CVE-2026-90698", "1.6.40", "1.6.43", "-Y /auth", "1.6.44"),
        ("the flaws fixed in 1.6.42", "", "1.6.41", "", "1.6.42"),
        ("the flaws fixed in 1.6.43 to 1.6.45", "", "1.6.44", "", "1.6.45"),
    ];
    for (id, below, last, argv, fixed) in table {
        let advisory = ADVISORIES.iter().find(|a| a.id == id).unwrap();
        assert!(has(id, last, argv), "{id} {last}");
        assert!(!has(id, fixed, argv), "{id} {fixed}");
        let first = advisory.since;
        if below.is_empty() {
            assert_eq!(first, v(0, 0, 0), "{id}");
        } else {
            assert!(!advisory.affects(below.parse().unwrap()), "{id}");
            assert!(has(id, &first.to_string(), argv), "{id} {first}");
        }
    }
}

#[test]
fn a_configuration_that_lacks_what_it_needs_is_not_affected() {
    let table = [
        ("CVE-2016-8704", "1.4.32", "-B ascii -U 0 -p 11211"),
        ("CVE-2016-8704", "1.2.8", ""),
        ("CVE-2013-0179", "1.4.16", "-v"),
        ("CVE-2013-7239", "1.4.16", ""),
        ("CVE-2018-1000115", "1.5.5", "-U 0"),
        ("CVE-2019-11596", "1.5.13", "-B binary"),
        ("CVE-2019-15026", "1.5.16", ""),
        ("CVE-2021-37519", "1.6.9", ""),
        ("CVE-2022-48571", "1.6.7", ""),
        ("CVE-2023-46853", "1.6.21", ""),
        ("CVE-2026-47783", "1.6.41", "-S"),
        ("CVE-2020-10931", "1.6.1", "-Y /auth"),
        ("CVE-2016-8704", "1.4.32", "-p 0 -U 0"),
    ];
    for (id, version, argv) in table {
        assert!(!has(id, version, argv), "{id} {version} {argv}");
    }
}

#[test]
fn the_proxy_has_flaws_of_its_own() {
    for id in ["CVE-2023-46852", "CVE-2023-46853"] {
        assert!(has(id, "1.6.21", "-o proxy_config=/x"));
        assert!(!has(id, "1.6.22", "-o proxy_config=/x"));
    }
}

#[test]
fn a_file_of_passwords_is_timed_up_to_1_6_41() {
    let pwdb = ["MEMCACHED_SASL_PWDB"];
    for id in ["CVE-2026-47783", "CVE-2026-47784"] {
        assert!(ids("1.6.41", "-S", &pwdb).contains(&id));
        assert!(!ids("1.6.42", "-S", &pwdb).contains(&id));
        assert!(!ids("1.6.41", "", &pwdb).contains(&id));
    }
}

#[test]
fn ways_around_the_authentication() {
    let table = [
        ("SASL over UDP", "1.4.3", "-S -U 11211", true),
        ("SASL over UDP", "1.5.5", "-S", true),
        ("SASL over UDP", "1.5.19", "-S -U 11211", true),
        ("SASL over UDP", "1.5.19", "-S", false),
        ("SASL over UDP", "1.5.20", "-S", false),
        ("-Y beside", "1.6.16", "-Y /auth", false),
        ("-Y beside", "1.6.17", "-Y /auth -l proto[b]:::1", true),
        ("-Y beside", "1.6.42", "-Y /auth -l proto[neg]:::1", true),
        ("-Y beside", "1.6.43", "-Y /auth -l proto[neg]:::1", false),
        ("-Y beside", "1.6.42", "-Y /auth -l proto[a]:::1", false),
        ("-S beside", "1.6.17", "-S -l proto[ascii]:::1", true),
        ("-S beside", "1.6.45", "-S -l proto[neg]:::1", true),
        ("-S beside", "1.6.45", "-S -l proto[b]:::1", false),
        ("-S beside", "1.6.45", "-l proto[ascii]:::1", false),
    ];
    for (id, version, argv, expected) in table {
        let all = ids(version, argv, &[]);
        let seen = all.iter().any(|known| known.starts_with(id));
        assert_eq!(seen, expected, "{id} {version} {argv}");
    }
}

#[test]
fn the_newest_has_none() {
    assert_eq!(ids("1.6.45", "-l 0.0.0.0", &[]), [""; 0]);
}

#[test]
fn without_a_version_it_is_perhaps() {
    let instance = instance("", "-l 0.0.0.0", &[]);
    let advisory = |id| ADVISORIES.iter().find(|a| a.id == id).unwrap();
    let applies = |id| advisory(id).applies(&instance);
    assert_eq!(applies("CVE-2016-8704"), Applies::Perhaps);
    assert_eq!(applies("CVE-2013-7239"), Applies::No);
}

/// The identifiers of the truth, and the first versions that are fixed.
#[test]
fn every_advisory_of_the_truth_is_there() {
    let Some(path) = shared("truth/memcached/cves.tsv") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("CVE-"));
    let rows = rows.map(|line| line.split('\t').collect::<Vec<_>>());
    for row in rows {
        let advisory = ADVISORIES.iter().find(|a| a.id == row[0]);
        let advisory = advisory.unwrap_or_else(|| panic!("{row:?}"));
        let last = row[2]
            .rsplit(['<', '-', ' '])
            .find_map(|word| word.parse::<Version>().ok());
        let Some(last) = last else { continue };
        let inside = Version(last.0, last.1, last.2.saturating_sub(1));
        assert!(advisory.affects(inside), "{row:?}");
        let fixed = row[1].split([' ', '/']).next_back().unwrap();
        let fixed = fixed.parse().or_else(|()| row[1][..5].parse()).unwrap();
        assert!(!advisory.affects(fixed), "{row:?}");
        let severity = row[5].split(' ').next().unwrap();
        let rating = format!("{:?}", advisory.rating).to_lowercase();
        assert_eq!(rating, severity, "{row:?}");
    }
}
