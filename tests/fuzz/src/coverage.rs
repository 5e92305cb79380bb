//! Searches for an input that violates a property: libFuzzer, with the target that `ORCHESTRA_FUZZ_TARGET`
//! names.

#![no_main]

use std::sync::LazyLock;

use fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let named = std::env::var("ORCHESTRA_FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|target| target.name == named);
    found.unwrap_or_else(|| panic!("ORCHESTRA_FUZZ_TARGET names no target: '{named}'"))
});

fuzz_target!(|input: &[u8]| (TARGET.check)(input));
