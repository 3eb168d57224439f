//! Prints the snapshot of the host that it runs on, as JSON. A test runs it
//! inside a namespace.

use memsec_core::{Error, system::collect};

fn main() -> Result<(), Error> {
    println!("{}", collect()?.to_json());
    Ok(())
}
