//! The model against what real kernels did.

mod hosts;
pub(crate) mod kernel;
mod relation;
mod verified;

/// Prints what is wrong, and fails if something is.
fn none_is(wrong: &[String]) {
    for line in wrong {
        println!("  {line:.300}");
    }
    assert!(wrong.is_empty());
}
