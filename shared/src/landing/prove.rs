//! Building and testing one commit, without landing anything.

use std::{sync::atomic::AtomicBool, time::Duration};

use super::{
    check::{self, Bounds, End},
    scratch::Scratch,
};
use crate::{
    Error, Kind, Result,
    git::{Oid, Repo},
    store::operations,
    world,
};

/// What a check said of a commit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// It ended well.
    pub passed: bool,
    /// How it ended, in words: `passed`, or why not.
    pub said: String,
    /// What it printed: all, or the beginning and the end.
    pub output: Vec<u8>,
}

/// Runs a command on a commit, in the worktree in which branches land.
///
/// # Errors
/// A landing uses it (4), the user wants to end it, or nothing can be written.
pub fn prove(
    repo: &Repo,
    commit: Oid,
    command: &str,
    limit: Duration,
    interrupted: &AtomicBool,
) -> Result<Proof> {
    check::is_command(command, "test")?;
    let _lock = operations::lock(repo)?;
    let nonce = format!("prove-{}", world::random_hex::<8>()?);
    let scratch = Scratch::make(repo, commit)?;
    let ran = check::run(command, scratch.path(), Bounds { limit, interrupted, nonce: &nonce });
    let tidied = scratch.remove(repo);
    let ran = ran?;
    tidied?;
    match ran.end {
        End::Passed => Ok(Proof { passed: true, said: "passed".to_owned(), output: ran.output }),
        End::Failed(why) => Ok(Proof { passed: false, said: why, output: ran.output }),
        End::Interrupted => Err(Error::new(Kind::Interrupted, "interrupted; nothing was judged")),
    }
}
