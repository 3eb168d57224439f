//! A host is hardened for real, looked at with packets, and undone.

use memsec_core::{
    Cidr, Packet, Plan, Policy, Proto, Snapshot, audit, explain, system::Ended,
};
use memsec_tests::{
    client::MEMCACHED,
    namespace::output,
    probe::{Row, Seen},
};

use crate::{
    case::Case,
    figures::Figures,
    world::{World, address},
};

/// What was decided for one policy.
type Verdict = Result<(), String>;

/// The policies that each host is given.
pub fn policies() -> [(&'static str, Policy); 3] {
    let allow = |policy: Policy, net: &str| {
        policy.allow(net.parse::<Cidr>().expect("a network"))
    };
    let two = allow(Policy::new(), "10.20.0.0/24");
    [
        ("local only", Policy::new()),
        ("one client", Policy::new().allow(Cidr::host(address("192.0.2.20")))),
        ("a network of each family", allow(two, "2001:db8:1::/64")),
    ]
}

/// Whether nothing else can be tried in this world afterwards.
pub fn spoils(world: &World, case: &Case, figures: &mut Figures) -> bool {
    if let Err(why) = load(world, case) {
        figures.not_rebuilt(&case.name, &why);
        return clear(world).is_err();
    }
    let as_recorded = |row: &Row, seen: Seen| {
        let index = case.rows.iter().position(|other| other == row);
        let recorded = index.and_then(|index| case.recorded.get(index));
        recorded.map_or(seen != Seen::Silent, |open| *open == is_open(seen))
    };
    let before = world.probe(&case.rows, as_recorded);
    let trial = Trial {
        world,
        case,
        state: world.server.state(),
        own: world.own(),
        snapshot: world.server.snapshot(),
        before,
    };
    figures.loaded(trial.unlike_recorded(), case);
    for (name, policy) in policies() {
        let what = format!("{}, {name}", case.name);
        if let Err(why) = trial.obeys(&what, &policy, figures) {
            figures.wrong(&what, &why);
            return true;
        }
    }
    clear(world).is_err()
}

fn load(world: &World, case: &Case) -> Result<(), String> {
    for (words, text) in &case.loads {
        let out = output(world.server.program(words), text);
        if !out.status.success() {
            let why = String::from_utf8_lossy(&out.stderr);
            return Err(format!("{}: {}", words[0], why.trim()));
        }
    }
    Ok(())
}

fn clear(world: &World) -> Result<(), String> {
    let script = "nft flush ruleset && ipset destroy && \
                  rm -rf /var/lib/memsec /etc/memsec && \
                  for tool in iptables-legacy ip6tables-legacy; do \
                    for table in $(cat /proc/net/ip_tables_names); do \
                      $tool -t $table -F && $tool -t $table -X || exit; \
                    done; \
                  done";
    let words = ["sh", "-c", script];
    let out = output(world.server.program(&words), "");
    let why = String::from_utf8_lossy(&out.stderr).into_owned();
    if out.status.success() { Ok(()) } else { Err(why) }
}

struct Trial<'a> {
    world: &'a World,
    case: &'a Case,
    state: String,
    own: [bool; 2],
    snapshot: Snapshot,
    before: Vec<Seen>,
}

impl Trial<'_> {
    /// The rows that a real host answered otherwise.
    fn unlike_recorded(&self) -> Vec<&Row> {
        let seen = self.before.iter().zip(&self.case.rows);
        seen.zip(&self.case.recorded)
            .filter(|((seen, _), recorded)| is_open(**seen) != **recorded)
            .map(|((_, row), _)| row)
            .collect()
    }

    /// Hardens, looks, plans again and undoes. It is an error if the host
    /// cannot be used any more.
    fn obeys(
        &self,
        what: &str,
        policy: &Policy,
        figures: &mut Figures,
    ) -> Verdict {
        let report = audit(&self.snapshot, policy);
        let plan = report.map_err(|error| error.to_string())?.plan();
        if let Some(why) = refusal(&plan) {
            figures.refused(what, &why);
            return Ok(());
        }
        let name = match plan.empty {
            true => None,
            false => Some(self.apply(&plan)?),
        };
        self.compare(what, policy, figures);
        let Some(name) = name else { return Ok(()) };
        self.rollback(&name)?;
        figures.hardened();
        Ok(())
    }

    fn apply(&self, plan: &Plan) -> Result<String, String> {
        let outcome = self.world.server.memsec(&["apply"], &plan.to_json())?;
        match outcome.state {
            Ended::Confirmed => Ok(outcome.name),
            _ => Err(format!("{outcome:#?}")),
        }
    }

    /// Holds the packets against the policy, and plans again.
    fn compare(&self, what: &str, policy: &Policy, figures: &mut Figures) {
        let after = self.world.server.snapshot();
        let good = |row: &Row, seen| self.good(row, seen, policy);
        let seen = self.world.probe(&self.case.rows, good);
        for (row, seen) in self.case.rows.iter().zip(seen) {
            figures.row();
            if good(row, seen) {
                continue;
            }
            let before = self.seen_before(row);
            let line = format!("{}: {before:?}, now {seen:?}", packet(row));
            match is_certain(&after, row) {
                true => figures.wrong(what, &line),
                false => figures.undecided(what, &line),
            }
        }
        if self.world.own() != self.own {
            figures.wrong(what, "the host itself is served otherwise");
        }
        match audit(&after, policy).map(|report| report.plan()) {
            Ok(plan) if plan.empty => {}
            Ok(plan) => {
                let steps = plan.steps.iter().map(|s| s.summary.as_str());
                let steps: Vec<_> = steps.collect();
                figures.wrong(what, &format!("there is more to do: {steps:?}"));
            }
            Err(error) => figures.wrong(what, &error.to_string()),
        }
    }

    fn rollback(&self, name: &str) -> Verdict {
        let words = ["rollback", name];
        let outcome = self.world.server.memsec(&words, "")?;
        if outcome.state != Ended::RolledBack {
            return Err(format!("{outcome:#?}"));
        }
        self.world.server.becomes(&self.state)
    }

    fn seen_before(&self, row: &Row) -> Seen {
        let index = self.case.rows.iter().position(|other| other == row);
        self.before[index.expect("it is one of them")]
    }

    /// Whether that is what the policy wants of a row.
    fn good(&self, row: &Row, seen: Seen, policy: &Policy) -> bool {
        let before = self.seen_before(row);
        let direct = row.port == MEMCACHED;
        let allowed = policy.allow.iter().any(|net| net.contains(row.from));
        // What a container does not publish stays with it, and it has no
        // address of IPv6: what would take that for it is not here.
        let hidden = self.case.container.is_some()
            && (seen.like(before) || row.to.is_ipv6());
        match (direct || before == Seen::Memcached, allowed, row.proto) {
            // A rule leads them on to memcached, whose clients they are.
            (false, true, Proto::Tcp) if seen == Seen::Memcached => true,
            (false, ..) => seen.like(before),
            (_, true, Proto::Tcp) if hidden => true,
            // The host sends them to another one's port.
            (_, true, Proto::Tcp) if before == Seen::Other => seen.like(before),
            (_, true, Proto::Tcp) => seen == Seen::Memcached,
            _ => seen != Seen::Memcached,
        }
    }
}

/// Why a plan is not one to carry out.
fn refusal(plan: &Plan) -> Option<String> {
    let mut claims = plan.proof.claims.iter().filter(|claim| !claim.holds);
    let claim = claims.next()?;
    let witness = claim.witness.as_ref();
    let message = witness.map(|w| w.message.as_str()).unwrap_or_default();
    let rules = witness.map(|w| w.because.as_slice()).unwrap_or_default();
    let rule = rules.first().map(ToString::to_string).unwrap_or_default();
    Some(format!("{:?}: {message} [{rule}]", claim.claim))
}

fn is_open(seen: Seen) -> bool {
    matches!(seen, Seen::Memcached | Seen::Other)
}

fn packet(row: &Row) -> String {
    let Row { from, sport, proto, to, port } = row;
    let sport = match sport {
        0 => String::new(),
        sport => format!("#{sport}"),
    };
    format!("{from}{sport} {} {to} {port}", proto.name())
}

fn is_certain(host: &Snapshot, row: &Row) -> bool {
    let packet = Packet {
        to: Some(row.to),
        proto: row.proto.into(),
        port: row.port,
        ..Packet::new(row.from)
    };
    explain(host, &packet).is_ok_and(|found| found.certain)
}
