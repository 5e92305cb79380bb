//! The plan of a run and how it is carried out, as the log of the run has them: that is all that another clone knows of it.

use crate::{
    Code, Error, Result,
    git::Repo,
    model::{
        RunKey,
        event::in_order,
        run::{Fact, Run, drive::RunOptions},
        text,
    },
    plan::{self, Plan, TaskId, read::Choice},
    store::chain::Chain,
};

/// What the log of a run says of it.
pub(super) struct LoggedRun {
    /// Its purpose, in a few words.
    pub(super) title: String,
    /// The plan, as text.
    pub(super) plan: String,
    /// Its tasks, in the order of the plan.
    pub(super) tasks: Vec<TaskId>,
    /// How it is carried out.
    pub(super) options: RunOptions,
}

impl LoggedRun {
    /// Reads them.
    ///
    /// # Errors
    /// The log has no plan, or does not say how it is carried out (3).
    pub(super) fn read(repo: &Repo, key: &RunKey, chain: &Chain<Run>) -> Result<Self> {
        let created = in_order(&chain.events).into_iter().find_map(|event| match &event.fact {
            Some(Fact::Created(created)) => Some((event.id, created)),
            _ => None,
        });
        let Some((event, created)) = created else { return Err(unreadable(key)) };
        let Some(options) = &created.options else {
            let what =
                format!("run '{key}' cannot be taken: its log does not say how its plan is carried out");
            return Err(Error::refused(what)
                .because("it was begun by 'spawn', or by an earlier version")
                .hint("git orchestra run PLAN begins another"));
        };
        let plan = match &created.plan {
            Some(plan) => plan.clone(),
            None => {
                let text = chain.long_text(repo, event, "plan")?.ok_or_else(|| unreadable(key))?;
                String::from_utf8(text).map_err(|_| unreadable(key))?
            }
        };
        let tasks: Option<Vec<TaskId>> = options.tasks.iter().map(|id| TaskId::parse(id)).collect();
        let tasks = tasks.ok_or_else(|| unreadable(key))?;
        Ok(Self { title: created.title.clone(), plan, tasks, options: options.clone() })
    }

    /// Returns the plan with its tasks.
    ///
    /// # Errors
    /// It is no plan.
    pub(super) fn plan(&self) -> Result<Plan> {
        Ok(plan::read::read(&self.plan, &Choice::default())?.1)
    }
}

/// Makes the error that the log of a run has no plan.
pub(super) fn unreadable(key: &RunKey) -> Error {
    Error::new(
        Code::StateDamaged,
        format!("the log of run '{}' has no plan that can be read", text::safe(key)),
    )
    .hint("git orchestra sync")
    .hint("git orchestra run PLAN begins another")
}
