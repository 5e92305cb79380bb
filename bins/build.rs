//! Links the programs so that they start quickly, on Linux with glibc.
//!
//! - At a fixed address: a program that can be loaded anywhere corrects 32,000 addresses in its data each time it starts, and so copies
//!   130 pages: a quarter of the time of a short command. The heap, the stack and all libraries stay at random addresses. Who prefers
//!   that for the program too sets `GIT_ORCHESTRA_PIE` to any value.
//! - With the compiler's support library inside: as a shared library, `libgcc_s` asks the processor for its features before `main`, which
//!   takes a tenth of the time of a short command on a virtual machine, although only the backtrace of a panic uses it.

#![expect(clippy::disallowed_methods, reason = "a build script finds in the environment what to build")]

use std::{env, fs, path::PathBuf, process::Command};

/// The variable that asks for programs which can be loaded anywhere.
const MOVABLE: &str = "GIT_ORCHESTRA_PIE";

fn main() {
    println!("cargo::rerun-if-changed=bins/build.rs");
    println!("cargo::rerun-if-env-changed={MOVABLE}");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // Elsewhere the linker may not know the options.
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    if env::var_os(MOVABLE).is_none() {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
    // When this machine compiles for another one, its own compiler has the wrong library.
    if env::var("HOST").ok() == env::var("TARGET").ok() {
        include_support_library();
    }
}

/// Lets the linker find a script by the name of the shared support library, which names the static one. Without a compiler that has it,
/// the shared library is used.
fn include_support_library() -> Option<()> {
    let asked = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let library = PathBuf::from(String::from_utf8(asked.stdout).ok()?.trim());
    // A compiler that does not have it repeats its bare name.
    library.is_absolute().then_some(())?;
    let folder = PathBuf::from(env::var_os("OUT_DIR")?);
    fs::write(folder.join("libgcc_s.so"), format!("INPUT ( \"{}\" )\n", library.display())).ok()?;
    println!("cargo::rustc-link-search=native={}", folder.display());
    Some(())
}
