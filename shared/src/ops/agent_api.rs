//! The internal command: runs the agent of the profile `api` in the caller's directory.

use std::io::{Read, Write};

pub use crate::agents::api::Settings as Request;
use crate::{Result, agents::api, context::Context};

/// Runs the agent until its input ends and its work is done. Returns whether its last turn succeeded.
///
/// # Errors
/// There is no key, or the session cannot be read or written.
pub fn run(
    context: &Context,
    request: &Request,
    input: impl Read + Send + 'static,
    output: &mut dyn Write,
) -> Result<bool> {
    context.check()?;
    api::run(context.environment(), request, input, output)
}
