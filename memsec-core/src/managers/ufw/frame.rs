//! The chains that ufw makes around the rules of its files.

/// IPV6=no: nothing but the loopback.
pub(super) const NO_IPV6: &str = "*filter\n\
    :INPUT DROP [0:0]\n\
    :FORWARD DROP [0:0]\n\
    :OUTPUT DROP [0:0]\n\
    -A INPUT -i lo -j ACCEPT\n\
    -A OUTPUT -o lo -j ACCEPT\n\
    COMMIT\n";

const HOOKS: [&str; 3] = ["input", "output", "forward"];

/// The chains that the built-in ones jump to, in their order.
const PRIMARY: [&str; 6] =
    ["before-logging", "before", "after", "after-logging", "reject", "track"];

fn section(lines: impl IntoIterator<Item = String>) -> String {
    let mut text = "*filter\n".to_owned();
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    text + "COMMIT\n"
}

/// `six` is "6" for the chains of IPv6, else empty.
pub(super) fn primary(six: &str) -> String {
    let all =
        || HOOKS.iter().flat_map(|hook| PRIMARY.iter().map(move |p| (hook, p)));
    let chains = all().map(|(hook, p)| format!(":ufw{six}-{p}-{hook} -"));
    let jumps = all().map(|(hook, p)| {
        let base = hook.to_uppercase();
        format!("-A {base} -j ufw{six}-{p}-{hook}")
    });
    section(chains.chain(jumps))
}

/// What the policies of input, output and forward add.
pub(super) fn by_policy(six: &str, policies: [&str; 3]) -> String {
    let mut lines = vec![
        format!(":ufw{six}-logging-deny -"),
        format!(":ufw{six}-logging-allow -"),
    ];
    for (hook, policy) in HOOKS.iter().zip(policies) {
        if policy == "REJECT" {
            lines.push(format!("-A ufw{six}-reject-{hook} -j REJECT"));
        }
        for protocol in ["tcp", "udp"].iter().filter(|_| policy == "ACCEPT") {
            lines.push(format!(
                "-A ufw{six}-track-{hook} -p {protocol} -m conntrack \
                 --ctstate NEW -j ACCEPT"
            ));
        }
        lines.push(format!(":ufw{six}-skip-to-policy-{hook} -"));
        lines.push(format!("-A ufw{six}-skip-to-policy-{hook} -j {policy}"));
    }
    section(lines)
}

/// The chains of the rules that the command ufw manages.
pub(super) fn user(six: &str) -> String {
    let names = ["user", "user-logging"].iter();
    let chains = names.flat_map(|name| {
        HOOKS.iter().map(move |hook| format!(":ufw{six}-{name}-{hook} -"))
    });
    let limits = ["user-limit", "user-limit-accept"].iter();
    section(chains.chain(limits.map(|name| format!(":ufw{six}-{name} -"))))
}

pub(super) fn user_hooks(six: &str) -> String {
    section(HOOKS.iter().map(|hook| {
        format!("-A ufw{six}-before-{hook} -j ufw{six}-user-{hook}")
    }))
}

/// The policies come last; REJECT is a rule, and DROP behind it.
pub(super) fn policies(policies: [&str; 3]) -> String {
    section(HOOKS.iter().zip(policies).map(|(hook, policy)| {
        let policy = if policy == "REJECT" { "DROP" } else { policy };
        format!(":{} {policy} [0:0]", hook.to_uppercase())
    }))
}
