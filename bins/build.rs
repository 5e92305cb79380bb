//! Links the programs at a fixed address on Linux.
//!
//! A program that can be loaded anywhere corrects 32,000 addresses in its data each time it starts, and so copies 130 pages: a quarter of
//! the time of a short command. The heap, the stack and all libraries stay at random addresses. Who prefers that for the program too
//! sets `GIT_ORCHESTRA_PIE` to any value.

#![expect(clippy::disallowed_methods, reason = "a build script finds in the environment what to build")]

/// The variable that asks for programs which can be loaded anywhere.
const MOVABLE: &str = "GIT_ORCHESTRA_PIE";

fn main() {
    println!("cargo::rerun-if-changed=bins/build.rs");
    println!("cargo::rerun-if-env-changed={MOVABLE}");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    // Elsewhere the linker may not know the option.
    let is_known = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu");
    if is_known && std::env::var_os(MOVABLE).is_none() {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
