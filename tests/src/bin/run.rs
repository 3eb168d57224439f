//! Carries a plan out on the host that it runs on, and finishes and undoes
//! runs: `run apply [SECONDS [LIMIT]]` with a plan on standard input,
//! `run confirm NAME`, `run rollback NAME`, `run pending`.

use std::{env, io, time::Duration};

use memsec_core::{
    Error, Plan,
    system::{Apply, Outcome, Runs},
};

fn main() -> Result<(), Error> {
    let words: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let runs = Runs::default();
    let outcome = match words[..] {
        ["apply", ref times @ ..] => apply(&runs, times)?,
        ["confirm", name] => runs.confirm(name)?,
        ["rollback", name] => runs.rollback(name)?,
        ["pending"] => {
            runs.pending()?.iter().for_each(|run| println!("{}", run.name));
            return Ok(());
        }
        _ => return Err(Error::argument("apply, confirm, rollback, pending")),
    };
    println!("{}", outcome.to_json());
    Ok(())
}

fn apply(runs: &Runs, times: &[&str]) -> Result<Outcome, Error> {
    let plan = io::read_to_string(io::stdin())
        .map_err(|error| Error::io("standard input", &error))?;
    let seconds = |index| {
        let text: Option<&&str> = times.get(index);
        let number: Option<u64> = text.and_then(|text| text.parse().ok());
        number.filter(|&number| number > 0).map(Duration::from_secs)
    };
    let mut how = Apply { confirm: seconds(0), ..Apply::default() };
    how.limit = seconds(1).unwrap_or(how.limit);
    runs.apply(&Plan::from_json("plan", &plan)?, &how)
}
