//! The budget of a run: what all its agents together may cost, those that review and those that repair included. Pure.

use super::{
    TaskState,
    gates::{GateStep, Judge, of_run},
};
use crate::model::{
    Cost,
    cap::{Amounts, Cap, CapUnit, Caps, Scopes},
    run::{Gate, GateKind, GateOption},
};

/// What is to be done before further tasks start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BudgetStep {
    /// Start them.
    Start,
    /// Do what is due at the gate.
    Gate(GateStep),
    /// Leave them out.
    Skip,
}

/// Returns the cap of a run that is reached, or else one that is near. `caps` are those of the user, and answers at the gates raised
/// them. The step of the cap is what the next answer raises it by: so much that it is not reached any more.
pub fn cap(caps: Amounts, used: Amounts, gates: &[Gate]) -> Option<Cap> {
    let mut limits = caps;
    let accepted =
        gates.iter().filter(|gate| gate.kind() == GateKind::Budget && gate.counted(GateOption::Accept));
    for cap in accepted.filter_map(|gate| gate.opened.cap.as_ref()) {
        let raised = cap.limit.saturating_add(cap.step);
        match cap.unit {
            CapUnit::CostMicros => {
                limits.cost = limits.cost.map(|limit| limit.max(Cost::from_micros(raised)));
            }
            CapUnit::Tokens => limits.tokens = limits.tokens.map(|limit| limit.max(raised)),
            CapUnit::Other => {}
        }
    }
    let of_run = |run| Scopes { run, ..Scopes::default() };
    let caps_of_run: Caps = of_run(limits);
    let found = caps_of_run.judge(&Scopes::default(), &of_run(used)).into_iter().next();
    found.map(|cap| {
        let step = match cap.unit {
            CapUnit::CostMicros => caps.cost.map_or(cap.step, Cost::micros),
            _ => caps.tokens.unwrap_or(cap.step),
        };
        let times = cap.used.saturating_sub(cap.limit) / step.max(1) + 1;
        Cap { step: step.saturating_mul(times), ..cap }
    })
}

/// Returns what is to be done before further tasks start, given the cap of the run that is near or reached. Without a person to ask,
/// nothing raises a budget.
pub fn step(cap: Option<&Cap>, gates: &[Gate], asks: bool, judge: Judge<'_>) -> BudgetStep {
    let open = of_run(gates, GateKind::Budget, judge);
    let Some(cap) = cap.filter(|cap| !cap.warning) else {
        // The user raised the cap elsewhere.
        let left = gates.iter().find(|gate| gate.kind() == GateKind::Budget && gate.closed.is_none());
        return left
            .map_or(BudgetStep::Start, |gate| BudgetStep::Gate(GateStep::Close(gate.opened.gate, None)));
    };
    let newest = gates.iter().rev().find(|gate| gate.kind() == GateKind::Budget);
    match (open, newest) {
        (Some(step), _) => BudgetStep::Gate(step),
        (None, Some(gate)) if gate.counted(GateOption::Skip) => BudgetStep::Skip,
        (None, _) if !asks => BudgetStep::Skip,
        (None, _) => BudgetStep::Gate(GateStep::Open(GateKind::Budget, cap.question())),
    }
}

/// Returns whether an agent of the run works, so that there is something to wait for at a gate of the whole run.
pub fn is_at_work<'a>(mut states: impl Iterator<Item = &'a TaskState>) -> bool {
    states.any(|state| *state == TaskState::Working)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        model::{
            WriterId,
            event::Event,
            run::{Fact, Fold, fold},
        },
        run::gates::{GatedWork, closing_by_default, next_gate},
    };

    fn dollars(text: &str) -> Amounts {
        Amounts { cost: Cost::parse(text), tokens: None }
    }

    /// Folds gates of the budget, each closed with an option, or open.
    fn gates(all: &[(&Cap, Option<GateOption>)]) -> Fold {
        let mut events = Vec::new();
        let mut log = Fold::default();
        for (cap, option) in all {
            let work = GatedWork::default();
            let mut opened = next_gate(&log, GateKind::Budget, cap.question(), None, work, None);
            opened.cap = Some((*cap).clone());
            let closed = option.map(|option| Fact::GateClosed(closing_by_default(opened.gate, option)));
            for fact in [Some(Fact::GateOpened(opened)), closed].into_iter().flatten() {
                let l = events.len() as u64 + 1;
                events.push(Event::new(&fact, l, Timestamp::UNIX_EPOCH, "a").unwrap());
            }
            log = fold::fold(&events);
        }
        log
    }

    #[test]
    fn a_budget_is_near_then_reached_and_an_answer_raises_it_beyond_what_was_used() {
        let cap_of = |used, gates: &Fold| cap(dollars("1"), dollars(used), &gates.gates);
        let none = Fold::default();
        assert_eq!(cap_of("0.79", &none), None);
        assert!(cap_of("0.80", &none).unwrap().warning);
        let reached = cap_of("2.50", &none).unwrap();
        assert_eq!(reached.question(), "raise its run's cap of $1.00 to $3.00 ($2.50 used)");
        let raised = gates(&[(&reached, Some(GateOption::Accept))]);
        assert!(cap_of("2.50", &raised).unwrap().warning, "it is near");
        assert_eq!(
            cap_of("3.00", &raised).unwrap().question(),
            "raise its run's cap of $3.00 to $4.00 ($3.00 used)"
        );
        assert_eq!(cap_of("2.50", &gates(&[(&reached, Some(GateOption::Skip))])).unwrap().limit, 1_000_000);
        assert_eq!(cap(Amounts::default(), dollars("9"), &[]), None, "there is no cap");
    }

    #[test]
    fn a_reached_budget_is_asked_about_once_and_never_raised_without_a_person() {
        let everybody = |_: &WriterId| true;
        let judge = Judge { is_trusted: &everybody, now: Timestamp::UNIX_EPOCH };
        let near = cap(dollars("1"), dollars("0.9"), &[]);
        let reached = cap(dollars("1"), dollars("1"), &[]).unwrap();
        let see = |cap: Option<&Cap>, log: &Fold, asks| step(cap, &log.gates, asks, judge);
        let none = Fold::default();
        assert_eq!(see(None, &none, true), BudgetStep::Start);
        assert_eq!(see(near.as_ref(), &none, true), BudgetStep::Start);
        assert!(matches!(
            see(Some(&reached), &none, true),
            BudgetStep::Gate(GateStep::Open(GateKind::Budget, _))
        ));
        assert_eq!(see(Some(&reached), &none, false), BudgetStep::Skip, "nobody is asked");
        let open = gates(&[(&reached, None)]);
        assert_eq!(see(Some(&reached), &open, true), BudgetStep::Gate(GateStep::Wait));
        assert_eq!(see(near.as_ref(), &open, true), BudgetStep::Gate(GateStep::Close(1, None)));
        let skipped = gates(&[(&reached, Some(GateOption::Skip))]);
        assert_eq!(see(Some(&reached), &skipped, true), BudgetStep::Skip);
        let accepted = gates(&[(&reached, Some(GateOption::Accept))]);
        assert!(matches!(see(Some(&reached), &accepted, true), BudgetStep::Gate(GateStep::Open(..))));
    }
}
