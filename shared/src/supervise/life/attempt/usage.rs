//! What a session used before an attempt, for programs that count anew whenever they start.

use crate::{
    Result,
    model::{Fact, event::Usage},
    store::Chain,
    supervise::life::Supervisor,
};

impl Supervisor {
    /// Returns the most that earlier attempts reported for the session.
    pub(super) fn used_before(&self, session: &str) -> Result<Usage> {
        let chain = Chain::of_agent(&self.repo()?, &self.id)?;
        let reports = chain.events.iter().filter_map(|event| match &event.fact {
            Some(Fact::Finished(finished)) => finished.usage.as_ref(),
            _ => None,
        });
        let own = reports.filter(|usage| usage.session.as_deref() == Some(session));
        Ok(own.fold(Usage::default(), |most, usage| Usage {
            cost: most.cost.max(usage.cost),
            input_tokens: most.input_tokens.max(usage.input_tokens),
            output_tokens: most.output_tokens.max(usage.output_tokens),
            ..most
        }))
    }
}
