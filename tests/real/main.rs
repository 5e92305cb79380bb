//! Runs the real agent programs, in pinned versions, under the real binaries, against a scripted model on
//! loopback. `tests/real/install` installs them.

#![expect(clippy::expect_used, clippy::disallowed_methods, reason = "a test says what it expects")]

mod acp;
mod aider;
mod api;
mod api_answers;
mod attach;
mod caps;
mod ccusage;
mod claude;
mod codex;
mod designer;
mod evening;
mod gemini;
mod hand_over;
mod limits;
mod mcp;
mod mcp_client;
mod opencode;
mod person;
mod plan;
mod reviewers;
mod run;
mod run_reviews;
mod run_story;
mod sdk;
mod sessions;
mod several;
#[expect(dead_code, reason = "the suite uses the rest")]
#[path = "../suite/sessions_shapes/shapes.rs"]
mod shapes;
mod take_over;
mod teams;
mod test_bed;
mod turns;
mod ui;
