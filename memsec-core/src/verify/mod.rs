//! The independent checker of plans. It shares no code with the model that
//! made the proof: it reads the texts of the rules anew, by readers of its
//! own, and follows packets through them. What it does not read it says so;
//! it never says yes for that.

#[cfg(test)]
mod agreement_tests;
mod claims;
mod exits;
mod frame;
mod ground;
mod guard;
mod iptables;
mod led;
mod marks;
mod native;
mod nft;
mod nft_match;
mod nft_rule;
mod nft_text;
mod rules;
mod segments;
mod sets;
mod steps;
#[cfg(test)]
mod tests;
mod walk;
mod way;
mod words;
mod world;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    Claim, ClaimKind, Error, Inside, Plan, Snapshot, Witness,
    plan::{Basis, Certificate, Checked, Listening, Takes, digest},
    schema::Version,
};
use claims::{Claims, Moment, differs};
use frame::Frame;
use steps::Found;
use world::World;

/// What the independent checker says of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(
        description = "What the independent checker says of a plan's proof."
    )
)]
pub struct Verification {
    #[serde(default)]
    schema: Version,
    /// Whether every claim holds, and the plan is the one that was proved.
    pub holds: bool,
    /// The claims, as the checker found them.
    pub claims: Vec<Claim>,
    /// Where the plan is not the one that was proved, though no claim fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
}

impl Verification {
    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        crate::json::write(self)
    }

    /// Why the plan is refuted, in one line; `None` if it holds.
    pub fn reason(&self) -> Option<&str> {
        let fails = self.claims.iter().find(|claim| !claim.holds);
        let witness = fails.and_then(|claim| claim.witness.as_ref());
        witness.map(|witness| witness.message.as_str()).or_else(|| {
            self.differs.as_deref().or((!self.holds).then_some("refused"))
        })
    }

    /// What was found, for people.
    pub fn to_text(&self) -> String {
        let claims = self.claims.iter().map(crate::plan::claim_line);
        let mut lines: Vec<_> = claims.collect();
        let packets = self.claims.iter().filter_map(|claim| {
            let packet = claim.witness.as_ref()?.packet.as_ref()?;
            let json = serde_json::to_string(packet).ok()?;
            Some(format!("Packet: {json}"))
        });
        lines.extend(packets);
        if let Some(differs) = &self.differs {
            lines.push(format!("Not the plan that was proved: {differs}."));
        }
        lines.join("\n") + "\n"
    }
}

impl Plan {
    /// Replays the proof of the plan with the independent checker. Texts of
    /// rules that the plan leaves out are taken from the snapshot that it was
    /// made from.
    ///
    /// # Errors
    ///
    /// What cannot be checked: a plan without a certificate, a snapshot that
    /// the plan was not made from, rules that the checker does not read.
    ///
    /// ```
    /// use memsec_core::{Policy, Snapshot, audit};
    ///
    /// let snapshot = Snapshot::new()
    ///     .with_file("/etc/memcached.conf", "-u memcache\n-l 0.0.0.0\n")
    ///     .with_command("memcached -V", "memcached 1.6.18\n")
    ///     .with_command("iptables-save", "")
    ///     .with_command("ip6tables-save", "");
    /// let plan = audit(&snapshot, &Policy::new())?.plan();
    /// assert!(plan.verify(None)?.holds);
    /// # Ok::<(), memsec_core::Error>(())
    /// ```
    pub fn verify(
        &self,
        snapshot: Option<&Snapshot>,
    ) -> Result<Verification, Error> {
        let missing =
            |what| move || Error::unsupported(format!("cannot check: {what}"));
        let own = self.proof.certificate.as_ref();
        let refused = self.proof.claims.iter().find(|claim| !claim.holds);
        if own.is_none() || !self.proof.holds || refused.is_some() {
            if let Some(claim) = refused {
                return Ok(Verification::of(vec![claim.clone()], None));
            }
        }
        let own = own.ok_or_else(missing("the plan has no certificate"))?;
        let basis = self.made_from.as_ref();
        let basis = basis
            .ok_or_else(missing("it does not say what it is made from"))?;
        Replay { plan: self, own, basis }.run(snapshot)
    }
}

impl Verification {
    fn of(claims: Vec<Claim>, differs: Option<String>) -> Self {
        let holds = differs.is_none() && claims.iter().all(|c| c.holds);
        Self { schema: Version, holds, claims, differs }
    }
}

/// A plan that is replayed.
struct Replay<'a> {
    plan: &'a Plan,
    own: &'a Certificate,
    basis: &'a Basis,
}

impl Replay<'_> {
    fn run(&self, snapshot: Option<&Snapshot>) -> Result<Verification, Error> {
        let (mut world, mut differs) = self.start(snapshot)?;
        let (plan, policy) = (self.plan, &self.basis.policy);
        if self.own.states.len() != plan.steps.len() + 1 {
            let states = self.own.states.len().saturating_sub(1);
            let steps = plan.steps.len();
            differs.get_or_insert_with(|| {
                format!("it has {steps} steps, and {states} were proved")
            });
        }
        let empty = Checked::default();
        let mut moments = vec![Moment::of(&world, policy)?];
        // The model reads more than the checker: no refutation by itself.
        let mut odd = None;
        self.compare(&moments, 0, &mut odd);
        let mut frame = None;
        for (index, step) in plan.steps.iter().enumerate() {
            let checked = self.own.states.get(index + 1).unwrap_or(&empty);
            let number = index + 1;
            if let Found::Other(what) = world.step(step, checked)? {
                differs.get_or_insert(format!("step {number}: {what}"));
            }
            if checked.step.as_ref() != Some(&digest(step)) {
                differs.get_or_insert_with(|| {
                    format!("step {number} is not the one that was proved")
                });
            }
            moments.push(Moment::of(&world, policy)?);
            self.compare(&moments, number, &mut odd);
            frame = frame.or_else(|| self.frame(&moments));
        }
        let claims = Claims { policy, world: &world, moments: &moments };
        let mut all = match (claims.all(), &frame, &differs) {
            (Ok(all), ..) => all,
            // It is refuted, whatever the rest is.
            (Err(_), Some(_), _) | (Err(_), _, Some(_)) => Vec::new(),
            (Err(error), None, None) => return Err(error),
        };
        all.insert(
            all.len().min(2),
            Claim {
                claim: ClaimKind::Unchanged,
                holds: frame.is_none(),
                witness: frame,
            },
        );
        if plan.empty && !plan.steps.is_empty() {
            differs.get_or_insert("it says that it is empty".to_owned());
        }
        let found = Verification::of(all, differs);
        match odd.filter(|_| found.holds) {
            Some(what) => {
                Err(Error::unsupported(format!("cannot check: {what}")))
            }
            None => Ok(found),
        }
    }

    /// The host before the plan.
    fn start(
        &self,
        snapshot: Option<&Snapshot>,
    ) -> Result<(World, Option<String>), Error> {
        let mut texts = Snapshot::new();
        for (command, text) in &self.own.rules {
            let from = snapshot.and_then(|s| s.commands.get(command));
            let text = match (from, text) {
                (Some(output), _) => output.stdout.as_str(),
                (None, Some(text)) => text.as_str(),
                (None, None) => {
                    return Err(Error::unsupported(format!(
                        "cannot check: {command} is too long to be in the \
                         plan: name the snapshot that it was made from"
                    )));
                }
            };
            texts = texts.with_command(command, text);
        }
        let same = texts.fingerprint().is_part_of(&self.basis.fingerprint);
        let what = "the rules are not those that it was made from";
        if !same && snapshot.is_some() {
            return Err(Error::stale(what));
        }
        let listeners: Option<Vec<Listening>> =
            self.own.states.first().and_then(|one| one.listeners.clone());
        let world = World {
            addresses: self.own.addresses.clone(),
            routes: self.own.routes.clone(),
            texts: texts
                .commands
                .into_iter()
                .map(|(name, output)| (name, output.stdout.to_string()))
                .collect(),
            listeners: listeners.unwrap_or_default(),
            ..World::default()
        };
        Ok((world, (!same).then(|| what.to_owned())))
    }

    /// Holds what the certificate says of a moment against the rules.
    fn compare(
        &self,
        moments: &[Moment],
        number: usize,
        odd: &mut Option<String>,
    ) {
        let said = self.own.states.get(number).and_then(|s| s.reach.as_ref());
        let (Some(said), Some(moment)) = (said, moments.last()) else { return };
        if let Some(one) = differs(moment, said) {
            odd.get_or_insert_with(|| {
                let (proto, port) = (one.proto.name(), one.port);
                let by = one.interface.as_deref().unwrap_or("any interface");
                let to = one.destinations.first();
                let at = to.map(|to| format!(" of {to}")).unwrap_or_default();
                format!(
                    "after step {number} the rules say otherwise who reaches \
                     {proto} port {port}{at} by {by}"
                )
            });
        }
    }

    /// The networks of containers that guards of the plan show, and the ports
    /// of memcached there.
    fn inside(&self) -> Vec<Inside> {
        let guards = self.plan.steps.iter().filter_map(|s| s.guard.as_ref());
        guards.flat_map(|guard| guard.inside.clone()).collect()
    }

    fn frame(&self, moments: &[Moment]) -> Option<Witness> {
        let (first, last) = (moments.first()?, moments.last()?);
        let listeners =
            self.own.states.iter().filter_map(|s| s.listeners.as_ref());
        let outer = listeners.flatten().filter(|l| l.taker != Takes::Behind);
        let ports: BTreeSet<u16> = outer.map(|one| one.port).collect();
        let frame = Frame {
            policy: &self.basis.policy,
            ports: &ports,
            inside: &self.inside(),
            before: &first.tables,
            after: &last.tables,
        };
        frame.broken()
    }
}
