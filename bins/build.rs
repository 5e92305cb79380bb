//! Links the programs so that they start quickly, on Linux with glibc.
//!
//! - At a fixed address: a program that can be loaded anywhere corrects 32,000 addresses in its data each time it starts, and so copies
//!   130 pages: a quarter of the time of a short command. The heap, the stack and all libraries stay at random addresses. Who prefers
//!   that for the program too sets `GIT_ORCHESTRA_PIE` to any value.
//! - With the C library inside, if this machine has it as `libc.a`: finding, mapping and binding the shared one takes time at every start.
//!   Measured in turn with the shared one and with git, medians of 600 on two processors: `status` of three agents takes 1.66 ms instead
//!   of 1.93, which is 1.26 times `git rev-parse` instead of 1.47; the program is 0.9 MB larger. Only programs that are
//!   installed: the tests put faults between a program and the shared library. Not `git-orchestra-agent-api`, because looking names up in
//!   the network loads parts of the very same version of the C library. Who wants the shared library for all programs sets `GIT_ORCHESTRA_SHARED_LIBC`, and so does who sets `GIT_ORCHESTRA_PIE`.
//! - With the compiler's support library inside: as a shared library, `libgcc_s` asks the processor for its features before `main`, which
//!   takes a tenth of the time of a short command on a virtual machine, although only the backtrace of a panic uses it.

#![expect(clippy::disallowed_methods, reason = "a build script finds in the environment what to build")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The variable that asks for programs which can be loaded anywhere.
const MOVABLE: &str = "GIT_ORCHESTRA_PIE";
/// The variable that asks for programs which use the shared C library.
const SHARED: &str = "GIT_ORCHESTRA_SHARED_LIBC";
/// The program that contains almost everything, and is started for every command.
const MAIN_PROGRAM: &str = "git-orchestra";

fn main() {
    println!("cargo::rerun-if-changed=bins/build.rs");
    println!("cargo::rerun-if-env-changed={MOVABLE}");
    println!("cargo::rerun-if-env-changed={SHARED}");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // Elsewhere the linker may not know the options.
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    let is_movable = env::var_os(MOVABLE).is_some();
    if !is_movable {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
    // When this machine compiles for another one, its own compiler has the wrong libraries.
    if env::var("HOST").ok() != env::var("TARGET").ok() {
        return;
    }
    include_support_library();
    if !is_movable && env::var_os(SHARED).is_none() && is("PROFILE", "release") {
        include_c_library();
    }
}

/// Lets the linker find a script by the name of the shared support library, which names the static one. Without a compiler that has it,
/// the shared library is used.
fn include_support_library() -> Option<()> {
    let folder = folder("support")?;
    write_script(&folder, "gcc_s", "libgcc_eh.a")?;
    println!("cargo::rustc-link-search=native={}", folder.display());
    Some(())
}

/// Lets the linker find scripts by the names of the parts of the shared C library, for the main program only. Without a compiler that has
/// the static one, the shared library is used.
fn include_c_library() -> Option<()> {
    let folder = folder("libc")?;
    write_script(&folder, "gcc_s", "libgcc_eh.a")?;
    write_script(&folder, "c", "libc.a")?;
    // Since glibc 2.34 most of them are empty, or are not there at all.
    for part in ["m", "util", "rt", "pthread", "dl"] {
        write_script(&folder, part, &format!("lib{part}.a"));
    }
    println!("cargo::rustc-link-arg-bin={MAIN_PROGRAM}=-static");
    println!("cargo::rustc-link-arg-bin={MAIN_PROGRAM}=-L{}", folder.display());
    Some(())
}

/// Writes a linker script by the name of a shared library which names a static one that the compiler has.
fn write_script(folder: &Path, shared: &str, included: &str) -> Option<()> {
    let asked = Command::new("cc").arg(format!("-print-file-name={included}")).output().ok()?;
    let library = PathBuf::from(String::from_utf8(asked.stdout).ok()?.trim());
    // A compiler that does not have it repeats its bare name.
    library.is_absolute().then_some(())?;
    fs::write(folder.join(format!("lib{shared}.so")), format!("INPUT ( \"{}\" )\n", library.display())).ok()
}

/// Makes a folder for scripts.
fn folder(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env::var_os("OUT_DIR")?).join(name);
    fs::create_dir_all(&folder).ok()?;
    Some(folder)
}
