//! Asking csf: lines in its files, and a start that reads them.

use super::{
    edit::{self, admit},
    load,
};
use crate::{
    Cidr, Error, FileChange, Proto, Snapshot,
    managers::change::{Ask, Change, Splice, Text, line},
    net::Family,
};

/// The files to write and the start that loads them, so that only the
/// clients reach the port; nothing if the files say that already. While csf
/// starts everything is open, for about a second: something else must close
/// the port meanwhile. Where csf leaves IPv6 alone there is nothing to ask
/// it for.
///
/// # Errors
///
/// What csf would not do, as of [`admit`]; rules of now that are not known.
pub(in super::super) fn ask(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
) -> Result<Vec<Change>, Error> {
    let now = load(snapshot)?;
    let now = now.ok_or_else(|| Error::unsupported("there is no csf"))?;
    if !now.enabled {
        return Err(Error::unsupported("csf is switched off"));
    }
    let six = now.dumps.iter().any(|dump| dump.command == "ip6tables-save");
    let taken = |client: &&Cidr| six || client.family() == Family::Ipv4;
    let clients: Vec<_> = ask.clients.iter().filter(taken).copied().collect();
    let way = |by_denying| edit::Ask {
        port: ask.port,
        protos: ask.protos,
        closed: &Proto::BOTH,
        clients: &clients,
        by_denying,
    };
    let files = admit(snapshot, &way(false))
        .or_else(|error| admit(snapshot, &way(true)).map_err(|_| error))?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let effects = started(snapshot, &files)?;
    Ok(steps(files, ask.port, effects))
}

/// What the summary of a change ends in that starts csf.
const STARTS: &str = ", and start csf again";

/// The same where csf is not started now: it does at its own next start what
/// it is to do.
pub(crate) fn for_next_start(change: Change) -> Change {
    let summary = change.summary.replace(STARTS, "");
    let summary = format!("{summary}, from its next start on");
    Change { summary, file: change.file, ..Change::default() }
}

/// One change for each file. The last starts csf; to undo the first starts
/// it again, when all the files are as they were.
fn steps(
    files: Vec<FileChange>,
    port: u16,
    effects: Vec<Splice>,
) -> Vec<Change> {
    let restart = || line(["csf", "-r"], []);
    let one = |file: FileChange| Change {
        summary: format!("csf: {}, for port {port}", file.path),
        file: Some(file),
        ..Change::default()
    };
    let mut changes: Vec<_> = files.into_iter().map(one).collect();
    if let Some(first) = changes.first_mut() {
        first.undo = restart();
    }
    if let Some(last) = changes.last_mut() {
        last.summary += STARTS;
        last.command = restart();
        last.check = reached_its_end(&effects);
        last.effects = effects;
    }
    changes
}

/// The last rule of INPUT that csf makes: a start that fails leaves none.
fn reached_its_end(effects: &[Splice]) -> Vec<String> {
    let four = Text::Output("iptables-save");
    let dump = effects.iter().find(|splice| splice.of == four);
    let mut lines = dump.iter().flat_map(|splice| splice.with.lines()).rev();
    let last = lines.find_map(|line| line.strip_prefix("-A INPUT "));
    let words = last.map(|rule| rule.split(' ').map(str::to_owned));
    words.map_or_else(Vec::new, |words| {
        line(["iptables", "-w", "-C", "INPUT"], words)
    })
}

/// What the rules are once csf has started with the files: it flushes all
/// that was there.
fn started(
    snapshot: &Snapshot,
    files: &[FileChange],
) -> Result<Vec<Splice>, Error> {
    let after = edit::applied(snapshot, files);
    let dumps = load(&after)?.map(|load| load.dumps).unwrap_or_default();
    let splices = dumps.into_iter().map(|dump| {
        let old = snapshot.output(dump.command).ok_or_else(|| {
            let what = format!("{} is not known", dump.command);
            Error::unsupported(what)
        })?;
        let whole = 0..old.text().len();
        Ok(Splice::output(dump.command, whole, dump.text))
    });
    splices.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(conf: &str) -> Snapshot {
        let conf = format!(
            "TESTING = \"0\"\nLF_SPI = \"1\"\nIPV6 = \"0\"\nDROP = \
             \"DROP\"\nFASTSTART = \"1\"\nUSE_CONNTRACK = \"1\"\n{conf}"
        );
        Snapshot::new()
            .with_file("/etc/csf/csf.conf", &conf)
            .with_file("/etc/csf/csf.allow", "")
            .with_file("/etc/csf/csf.deny", "")
            .with_command("iptables-save", "*filter\nCOMMIT\n")
    }

    fn lines(host: &Snapshot) -> Vec<String> {
        let clients =
            ["192.0.2.20", "2001:db8::1"].map(|text| text.parse().unwrap());
        let wanted =
            Ask { port: 11211, protos: &[Proto::Tcp], clients: &clients };
        let changes = ask(host, &wanted).unwrap();
        let mut after = host.clone();
        changes.iter().for_each(|change| change.apply(&mut after));
        assert!(ask(&after, &wanted).unwrap().is_empty(), "not once");
        let said = |change: &Change| {
            let path = change.file.as_ref().unwrap().path.clone();
            if !change.command.is_empty() {
                let check = change.check.join(" ");
                assert_eq!(check, "iptables -w -C INPUT ! -i lo -j LOGDROPIN");
            }
            let [does, undo] = [&change.command, &change.undo];
            format!("{path}: {}/{}", does.join(" "), undo.join(" "))
        };
        let all = changes.iter().map(said).collect();
        let live = after.output("iptables-save").unwrap();
        assert!(live.text().contains("-A ALLOWIN -s 192.0.2.20"));
        assert!(!live.text().contains("-A INPUT ! -i lo -p tcp -m state"));
        all
    }

    #[test]
    fn the_files_first_and_then_one_start() {
        let host = host("TCP_IN = \"22,11200:11300\"\nUDP_IN = \"11211\"\n");
        assert_eq!(
            lines(&host),
            ["/etc/csf/csf.allow: /csf -r", "/etc/csf/csf.conf: csf -r/",]
        );
    }

    #[test]
    fn one_file_is_one_step() {
        let host = host("TCP_IN = \"22\"\n");
        assert_eq!(lines(&host), ["/etc/csf/csf.allow: csf -r/csf -r"]);
    }

    #[test]
    fn a_conf_whose_secrets_are_not_known_is_left_alone() {
        let host = host("TCP_IN = \"11211\"\nUI_PASS = \"***\"\n");
        assert_eq!(
            lines(&host),
            ["/etc/csf/csf.allow: /csf -r", "/etc/csf/csf.deny: csf -r/",]
        );
    }
}
