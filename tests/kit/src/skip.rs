//! Reports and counts tests that cannot run here.

use std::io::Write;

/// Reports that the running test, or a part of it, is skipped: prints a line that begins with `skipped: `
/// and names the test. `.ci/run` counts these tests.
///
/// # Panics
/// The variable `required` is set: nothing may be skipped.
pub fn skip(required: &str, why: &str) {
    assert!(std::env::var_os(required).is_none(), "cannot be skipped, because {required} is set: {why}");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Written directly, since the test harness captures the output of macros.
    let _ = writeln!(std::io::stderr(), "\nskipped: {test}: {why}");
}
