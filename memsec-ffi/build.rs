//! Gives the shared library a SONAME when cargo builds it without cargo-c.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // cargo-c passes its own `-soname`, and turns the `capi` feature on.
    let cargo_c = std::env::var_os("CARGO_FEATURE_CAPI").is_some();
    let linux = std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux");
    if linux && !cargo_c {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libmemsec.so.0");
    }
}
