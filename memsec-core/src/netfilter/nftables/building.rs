//! Tables, from what either listing declares.

use std::{collections::HashMap, sync::Arc};

use super::{
    Native,
    alike::{Alike, Kind, Kinds},
    draft::{Draft, Whole, changed},
    set::Sets,
    statement::{Reading, Statement},
};
use crate::{
    Error,
    net::Family,
    netfilter::{
        Action, Base, Chain, Families, Hook, Match, Name, Rule, Table, Test,
        calls,
    },
    text::{At, Source},
};

/// Which table something belongs to: the family and the name.
pub(super) type Key = (String, String);

/// A chain, without its rules.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub name: String,
    pub nat: bool,
    pub hook: Option<Hook>,
    pub priority: i32,
    pub drops: bool,
    /// Where it looks at packets, if it is for some devices only.
    pub devices: Vec<String>,
}

/// The tables that are being read.
#[derive(Debug)]
pub(super) struct Tables<'a> {
    source: &'a Source,
    all: Vec<Building<'a>>,
    index: HashMap<Key, usize>,
}

/// A table that is being read.
#[derive(Debug)]
pub(super) struct Building<'a> {
    source: &'a Source,
    native: Native,
    index: HashMap<String, usize>,
    pub sets: Sets<'a>,
    /// What holds of each chain's packets: the devices it is for; and the
    /// place of its policy, if it drops.
    devices: Vec<Option<(Test, Option<At>)>>,
    /// Sets may stand behind the rules that name them.
    rules: Vec<Draft>,
    kinds: Kinds<'a>,
    /// A chain that a rule names and that is not there.
    missing: Option<(String, At)>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, all: Vec::new(), index: HashMap::new() }
    }

    /// A table, which is there from now on.
    pub(super) fn declare(&mut self, key: &Key, at: At) {
        if !self.index.contains_key(key) {
            self.index.insert(key.clone(), self.all.len());
            self.all.push(Building::new(key, self.source, at));
        }
    }

    pub(super) fn get(&mut self, key: &Key) -> Option<&mut Building<'a>> {
        self.all.get_mut(*self.index.get(key)?)
    }

    pub(super) fn finish(self) -> Result<Vec<Native>, Error> {
        self.all.into_iter().map(Building::finish).collect()
    }
}

impl<'a> Building<'a> {
    fn new((family, name): &Key, source: &'a Source, at: At) -> Self {
        let families = match family.as_str() {
            "ip" => Families::Only(Family::Ipv4),
            "ip6" => Families::Only(Family::Ipv6),
            _ => Families::Both,
        };
        let table = Table {
            families,
            name: name.clone(),
            chains: Vec::new(),
            legacy: false,
        };
        let native = Native {
            order: 0,
            family: family.clone(),
            name: name.clone(),
            dormant: false,
            inexpressible: false,
            hidden: false,
            place: source.span(at).place(),
            table,
        };
        Self {
            source,
            native,
            index: HashMap::new(),
            sets: Sets::default(),
            devices: Vec::new(),
            rules: Vec::new(),
            kinds: Kinds::default(),
            missing: None,
        }
    }

    pub(super) fn sleeps(&mut self) {
        self.native.dormant = true;
    }

    pub(super) fn chain(&mut self, head: Head, at: At) {
        let ingress = head.hook == Some(Hook::Ingress);
        let devices = ingress.then(|| {
            self.native.hidden |= head.devices.is_empty();
            (devices(&head.devices), head.drops.then_some(at))
        });
        let base = head.hook.map(|hook| Base {
            hook,
            priority: head.priority,
            // Another device's packets do not see the policy either.
            accepts: !head.drops || ingress,
            nat: head.nat,
            span: Some(self.source.span(at)),
        });
        let (name, rules) = (head.name.clone(), Arc::default());
        let source = self.source.clone();
        self.index.insert(head.name, self.native.table.chains.len());
        let index = Default::default();
        let chain = Chain { name, base, rules, source, index };
        self.native.table.chains.push(chain);
        self.devices.push(devices);
    }

    /// Gives a chain the policy "drop".
    pub(super) fn drops(&mut self, chain: &str, at: At) {
        let Some(&place) = self.index.get(chain) else { return };
        if let Some(Some(devices)) = self.devices.get_mut(place) {
            devices.1 = Some(at);
            return;
        }
        let chain = self.native.table.chains.get_mut(place);
        if let Some(base) = chain.and_then(|chain| chain.base.as_mut()) {
            base.accepts = false;
            base.span = Some(self.source.span(at));
        }
    }

    /// Takes a rule, to be read when all sets are there.
    pub(super) fn rule(&mut self, whole: Whole, alike: Option<Alike<'a>>) {
        for name in whole.statements.iter().filter_map(changed) {
            self.sets.change(name);
        }
        let chain = self.index.get(&whole.chain).copied();
        if let (Some(chain), Some(alike)) = (chain, alike) {
            self.kinds.add(chain, &alike, self.rules.len());
        }
        let source = alike.map(|alike| alike.range);
        let whole = Whole { source, ..whole };
        self.rules.push(Draft::Whole(Box::new(whole)));
    }

    /// Takes a rule if another one was the same but for the source.
    pub(super) fn like(
        &mut self,
        chain: &str,
        alike: &Alike<'a>,
        at: At,
    ) -> Option<()> {
        let kind = self.kinds.find(*self.index.get(chain)?, alike)?;
        self.rules.push(Draft::Like { kind, range: alike.range, at });
        Some(())
    }

    /// Reads the rules in their order.
    fn read_all(&mut self) {
        let mut kinds: HashMap<u32, Kind> = HashMap::new();
        for (place, draft) in (0..).zip(std::mem::take(&mut self.rules)) {
            match draft {
                Draft::Whole(whole) => {
                    let rules = self.read(&whole);
                    if whole.source.is_some() {
                        kinds.insert(place, Kind::new(whole, rules));
                    }
                }
                Draft::Like { kind, range, at } => {
                    let Some(kind) = kinds.get(&kind) else { continue };
                    match kind.another(range, at) {
                        Ok(rule) => self.add(kind.chain(), rule),
                        Err(whole) => {
                            self.read(&whole);
                        }
                    }
                }
            }
        }
    }

    /// Reads a rule, and gives those that it came to.
    fn read(&mut self, draft: &Whole) -> &[Rule] {
        let Some(&at) = self.index.get(&draft.chain) else { return &[] };
        let families = self.native.table.families;
        let mut reading = Reading::new(families, &self.sets);
        for statement in &draft.statements {
            reading.statement(statement);
        }
        let own = draft.inexpressible.unwrap_or(reading.inexpressible);
        self.native.inexpressible |= own;
        self.native.hidden |= reading.hidden;
        let lines = reading.finish();
        let chain = self.native.table.chains.get(at);
        let before = chain.map_or(0, |chain| chain.rules.len());
        let device = self.devices.get(at).cloned().flatten();
        for (matches, statement) in lines {
            let device = device.as_ref().map(|(test, _)| test.clone());
            let device = device.into_iter().map(Match::new);
            let matches = device.chain(matches).collect();
            let action = self.action(statement, draft.at);
            let rule = Rule::new(matches, action, draft.at);
            if let Some(chain) = self.native.table.chains.get_mut(at) {
                Arc::make_mut(&mut chain.rules).push(rule);
            }
        }
        let chain = self.native.table.chains.get(at);
        chain.and_then(|chain| chain.rules.get(before..)).unwrap_or_default()
    }

    fn add(&mut self, chain: &str, rule: Rule) {
        let at = self.index.get(chain).copied();
        let chain = at.and_then(|at| self.native.table.chains.get_mut(at));
        if let Some(chain) = chain {
            Arc::make_mut(&mut chain.rules).push(rule);
        }
    }

    fn action(&mut self, statement: Statement, at: At) -> Action {
        let (name, call): (_, fn(usize) -> Action) = match statement {
            Statement::Decides(action) => return action,
            Statement::Jump(name) => (name, Action::Jump),
            Statement::Goto(name) => (name, Action::Goto),
        };
        match self.index.get(&name) {
            Some(&at) => call(at),
            None => {
                self.missing.get_or_insert((name, at));
                Action::Unknown("jump".to_owned())
            }
        }
    }

    fn finish(mut self) -> Result<Native, Error> {
        self.read_all();
        if let Some((name, at)) = self.missing {
            let message = format!("there is no chain {name}");
            return Err(Error::parse(&self.source.span(at), message));
        }
        let chains = &mut self.native.table.chains;
        for (chain, devices) in chains.iter_mut().zip(self.devices) {
            if let Some((test, Some(at))) = devices {
                drop_rest(chain, test, at);
            }
        }
        calls::check_loops(&self.native.table.chains)?;
        Ok(self.native)
    }
}

/// The condition that the devices of a chain are. nft 1.0.6 leaves them out
/// of its JSON.
fn devices(names: &[String]) -> Test {
    if names.is_empty() {
        return Test::Unknown;
    }
    Test::In(names.iter().map(|name| Name::new(name, '*')).collect())
}

/// What the policy "drop" of some devices does, as rules.
fn drop_rest(chain: &mut Chain, test: Test, at: At) {
    let rules = Arc::make_mut(&mut chain.rules);
    for rule in std::mem::take(rules) {
        let (goes, action) = match rule.action() {
            Action::Return => (false, Action::Drop),
            Action::Goto(to) => (true, Action::Jump(*to)),
            _ => {
                rules.push(rule);
                continue;
            }
        };
        rules.push(rule.acting(action));
        if goes {
            rules.push(rule.acting(Action::Drop));
        }
    }
    rules.push(Rule::new(vec![Match::new(test)], Action::Drop, at));
}
