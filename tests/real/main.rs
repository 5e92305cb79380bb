//! The real Claude Code, pinned, under the real binaries, against a scripted model on loopback. `tests/real/install` gets it.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test says what it expects, and says loudly what it skips"
)]

mod claude;
mod codex;
mod gemini;
mod hand_over;
mod limits;
mod opencode;
mod sessions;
mod stage;
