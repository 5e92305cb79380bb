//! Ends what the driver of a run does as soon as a person gives the run up, or another clone has taken it: a landing then stops before
//! its next step.

use std::time::Duration;

use super::driver::Driver;
use crate::{
    Result,
    context::{Cancel, Context},
    git::Repo,
    model::{RunKey, WriterId, run::Run},
    parallel,
    store::chain::Chain,
    world::Environment,
};

/// How often it is looked whether the user cancelled the command.
const LOOK: Duration = Duration::from_millis(100);
/// After how many such looks the events of the run are read.
const LOOKS: u32 = 5;

/// Performs a part of an operation that is cancelled when the run is given up or taken by another clone, or when the user cancels the command.
///
/// # Errors
/// Those of the part. [`crate::Kind::Interrupted`] if it was cancelled.
pub(super) fn unless_given_up<T>(driver: &Driver<'_>, part: impl FnOnce(&Context) -> Result<T>) -> Result<T> {
    let (ends, done) = (Cancel::new()?, Cancel::new()?);
    let (asked, key, own) = (driver.context.cancel.clone(), driver.key.clone(), driver.writer.clone());
    let (environment, common) = (driver.context.environment().clone(), driver.repo.common_dir()?);
    let watch = {
        let (ends, done) = (ends.clone(), done.clone());
        move || {
            let mut looks = 0;
            while !done.wait(LOOK) {
                looks += 1;
                let is_over = looks % LOOKS == 0 && has_ended(&environment, &common, &key, &own);
                if asked.is_cancelled() || is_over {
                    return ends.cancel();
                }
            }
        }
    };
    let context = driver.context.ended_by(ends);
    let act = || {
        let result = part(&context);
        done.cancel();
        result
    };
    parallel::both(watch, act).1
}

fn has_ended(environment: &Environment, common: &std::path::Path, key: &RunKey, own: &WriterId) -> bool {
    // What cannot be read now is read at the next look.
    let chain = Repo::open(environment, common).and_then(|repo| Chain::<Run>::of(&repo, key));
    let fold = chain.map(|chain| chain.fold());
    fold.is_ok_and(|fold| fold.run.phase.is_end() || !fold.is_driven_by(own))
}
