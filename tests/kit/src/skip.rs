//! What cannot be tested here is said, and counted.

use std::io::Write;

/// Says that the running test, or a part of it, is skipped here, in a line that begins with `skipped: ` and names the test. `.ci/run`
/// counts the tests that have one.
///
/// # Panics
/// The variable `required` is set: here nothing may be skipped.
pub fn skip(required: &str, why: &str) {
    assert!(std::env::var_os(required).is_none(), "cannot be skipped, because {required} is set: {why}");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Written directly: what the macros print is kept back by the harness.
    let _ = writeln!(std::io::stderr(), "\nskipped: {test}: {why}");
}
