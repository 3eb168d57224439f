//! Runs of plans on this host, or that there are none in this build.

#[cfg(feature = "host")]
mod host {
    use std::time::Duration;

    use memsec_core::{
        Error, Plan,
        system::{Apply, Runs},
    };

    use crate::outcome::memsec_outcome;

    type Outcome = Result<memsec_outcome, Error>;

    pub(crate) fn apply(plan: &Plan, confirm_seconds: u32) -> Outcome {
        let seconds = u64::from(confirm_seconds);
        let confirm = (seconds > 0).then(|| Duration::from_secs(seconds));
        let how = Apply { confirm, ..Apply::default() };
        Runs::default().apply(plan, &how).map(Into::into)
    }

    pub(crate) fn confirm(name: &str) -> Outcome {
        Runs::default().confirm(name).map(Into::into)
    }

    pub(crate) fn rollback(name: &str) -> Outcome {
        Runs::default().rollback(name).map(Into::into)
    }

    pub(crate) fn outcome(name: &str) -> Outcome {
        Runs::default().outcome(name).map(Into::into)
    }
}

#[cfg(not(feature = "host"))]
mod host {
    use memsec_core::{Error, Plan};

    use crate::outcome::memsec_outcome;

    type Outcome = Result<memsec_outcome, Error>;

    pub(crate) fn apply(_: &Plan, _: u32) -> Outcome {
        Err(Error::unsupported("this library was built not to change the host"))
    }

    pub(crate) fn confirm(_: &str) -> Outcome {
        Err(Error::unsupported("this library was built not to change the host"))
    }

    pub(crate) use confirm as rollback;
    pub(crate) use confirm as outcome;
}

pub(crate) use host::{apply, confirm, outcome, rollback};
