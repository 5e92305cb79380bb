//! Asks a forge the same of many pull requests, a few at once: most of the time of a request is the way to the forge and back.

use std::{convert::Infallible, sync::OnceLock};

use crate::{
    Error, Result,
    context::Context,
    forge::{Forge, MAX_AT_ONCE},
    parallel,
};

/// What a forge answered.
pub(super) struct Answers<R> {
    /// The answers, in the order of the items; `None`: it failed, or was not asked because another one had failed.
    pub(super) given: Vec<Option<R>>,
    /// The first failure, in the order of the items.
    pub(super) failed: Option<Error>,
}

/// Asks about each item. After a failure, or once it is interrupted, no further questions begin; those that were sent are waited for.
pub(super) fn ask<T: Sync, R: Send>(
    context: &Context,
    forge: &Forge,
    items: &[T],
    question: impl Fn(&Forge, &T) -> Result<R> + Sync,
) -> Answers<R> {
    let failure = OnceLock::new();
    let one = |(): &mut (), item: &T| {
        if failure.get().is_some() {
            return Ok(None);
        }
        let answer = context.check().and_then(|()| question(forge, item));
        if answer.is_err() {
            failure.get_or_init(|| ());
        }
        Ok::<_, Infallible>(Some(answer))
    };
    let Ok(all) = parallel::try_map_with(items, MAX_AT_ONCE, || Ok(()), one);
    let mut answers = Answers { given: Vec::with_capacity(items.len()), failed: None };
    for answer in all {
        let answer = answer.transpose().unwrap_or_else(|error| {
            answers.failed.get_or_insert(error);
            None
        });
        answers.given.push(answer);
    }
    answers
}
