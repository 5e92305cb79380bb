//! The agent programs: whether they are found, their versions, and whether a user is logged in.

use std::{
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    finding::{Finding, Group, Severity},
    outside::{self, Answer},
};
use crate::{
    agents::{
        self, AgentProgram, Options,
        examination::{self, Examination},
    },
    config::{
        Config,
        keys::{AGENT, AGENT_ACP, AGENT_COMMAND, AGENT_PROGRAM},
    },
    context::Context,
    git::Repo,
    ops::configuration,
    parallel, process,
    world::Environment,
};

/// The arguments with which every program prints its version.
const VERSION: &[&str] = &["--version"];
/// How long a program may take to print its version or its login.
const LIMIT: Duration = Duration::from_secs(10);

/// An installed program, and what it said about itself.
#[derive(Clone, Debug, Eq, PartialEq)]
struct ProgramFacts {
    name: &'static str,
    /// Whether `spawn` starts it unless another one is named.
    is_default: bool,
    /// Its version, or why it does not say one.
    version: Result<String, String>,
    login: Login,
}

/// Whether a user is logged in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Login {
    Yes,
    No,
    /// The program has no command for that, or its answer is not understood.
    NotChecked,
}

/// Checks the known programs that are installed. Nothing is run that an unaccepted configuration names.
pub(super) fn installed(context: &Context, repo: Option<&Repo>) -> Vec<Finding> {
    let (mut asked, mut findings) = (Vec::new(), Vec::new());
    for program in agents::all() {
        let Some(examination) = program.examination() else { continue };
        let named = repo.and_then(|repo| Config::of(repo).get_or_default(&AGENT_PROGRAM.of(program.name())));
        if named.is_some() && !repo.is_some_and(configuration::is_accepted) {
            let what = format!("{} is not examined", program.name());
            findings.push(
                Finding::note(Group::Programs, "program-version", what)
                    .about(program.name())
                    .because("its path is in a configuration that changed while agents ran")
                    .fix("git orchestra init --accept"),
            );
            continue;
        }
        let name = named.unwrap_or_else(|| program.name().to_owned());
        if let Some(path) = process::on_path(context.environment(), name) {
            asked.push((program, examination, path));
        }
    }
    let default = repo.map_or_else(|| AGENT.default(), |repo| Config::of(repo).get_or_default(&AGENT));
    let facts = facts(context, &asked, &default);
    for (facts, (_, examination, _)) in facts.iter().zip(&asked) {
        findings.extend(of_program(facts, examination));
    }
    // In a repository, the profile that `spawn` starts is checked as well.
    if findings.is_empty() && repo.is_none() {
        findings.push(none_installed());
    }
    findings
}

fn none_installed() -> Finding {
    let install = agents::all().filter(|program| program.launcher().is_some());
    let install = install.filter_map(|program| Some(program.examination()?.install)).next();
    let finding = Finding::note(Group::Programs, "programs", "no agent program is installed")
        .because("only scripts can be run as agents: git orchestra spawn --agent sh");
    match install {
        Some(install) => finding.fix(install),
        None => finding,
    }
}

/// A program to examine, with its path.
type Asked = (&'static dyn AgentProgram, &'static Examination, PathBuf);

/// Asks all programs at once for their versions and logins: some take seconds to start.
fn facts(context: &Context, asked: &[Asked], default: &str) -> Vec<ProgramFacts> {
    let questions: Vec<(&Asked, bool)> = asked.iter().flat_map(|one| [(one, false), (one, true)]).collect();
    let ask = |(): &mut (), ((program, examination, path), asks_login): &(&Asked, bool)| {
        let (arguments, variables) = match (asks_login, &examination.login) {
            (false, _) => (VERSION, &[][..]),
            (true, Some(query)) => (query.arguments, query.variables),
            (true, None) => return Ok::<_, Infallible>(None),
        };
        let mut command = command(context.environment(), *program, path);
        command.args(arguments).envs(variables.iter().copied());
        Ok(Some(outside::ask(&mut command, LIMIT, &context.cancel)))
    };
    let Ok(answers) = parallel::try_map_with(&questions, questions.len(), || Ok(()), ask);
    let mut answers = answers.into_iter();
    let next = |(program, examination, _): &Asked| {
        let (version, login) = (answers.next().flatten(), answers.next().flatten());
        ProgramFacts {
            name: program.name(),
            is_default: program.name() == default,
            version: version_of(version),
            login: login_of(examination, login),
        }
    };
    asked.iter().map(next).collect()
}

fn version_of(answer: Option<io::Result<Answer>>) -> Result<String, String> {
    let answer = answer.ok_or("it was not asked")?.map_err(|error| error.to_string())?;
    examination::version_in(&answer.said).map(str::to_owned).ok_or_else(|| "it prints no version".to_owned())
}

fn login_of(examination: &Examination, answer: Option<io::Result<Answer>>) -> Login {
    let understood = examination.login.zip(answer.and_then(io::Result::ok));
    match understood.and_then(|(query, answer)| (query.parse)(answer.succeeded, &answer.said)) {
        Some(true) => Login::Yes,
        Some(false) => Login::No,
        None => Login::NotChecked,
    }
}

/// Returns the command of a program, in the environment in which agents run, outside every project, and without access to other
/// machines.
fn command(environment: &Environment, program: &dyn AgentProgram, path: &Path) -> Command {
    let mut command = process::command(environment, path);
    for name in program.session_variables() {
        command.env_remove(name);
    }
    command.current_dir("/").envs(examination::OFFLINE.iter().copied());
    command
}

fn of_program(facts: &ProgramFacts, examination: &Examination) -> Vec<Finding> {
    let name = facts.name;
    let version = match &facts.version {
        Ok(version) => version,
        Err(why) => {
            let failed = Finding::warning(Group::Programs, "program-version", format!("{name} does not run"))
                .about(name)
                .because(format!("'{name} --version': {why}"))
                .fix(examination.install);
            return vec![failed];
        }
    };
    let mut findings = Vec::new();
    if !examination.covers(version) {
        let (oldest, newest) = examination.tried;
        let range = if oldest == newest { newest.to_owned() } else { format!("{oldest} to {newest}") };
        let what = format!("{name} {version} is not a version that git orchestra was tried with ({range})");
        findings.push(Finding::note(Group::Programs, "program-version", what).about(name));
    }
    let with_login =
        |word: &str| Finding::ok(Group::Programs, "program", format!("{name} {version}{word}")).about(name);
    match (facts.login, &examination.login) {
        (Login::No, Some(query)) => {
            let what = format!("{name} {version} is not logged in");
            let finding = if facts.is_default {
                Finding::warning(Group::Programs, "program-login", what)
                    .because("its agents end at once, unless a key is in their environment")
            } else {
                Finding::note(Group::Programs, "program-login", what)
            };
            findings.push(finding.about(name).fix(query.log_in));
        }
        (Login::Yes, _) => findings.push(with_login(", logged in")),
        _ => findings.push(with_login(" (login not checked)")),
    }
    findings
}

/// Checks the profile that `spawn` starts, and the commands that the user configured. None of them is run.
pub(super) fn profiles(repo: &Repo) -> Vec<Finding> {
    let config = Config::of(repo);
    let default = config.get_or_default(&AGENT);
    let mut names = [config.names(&AGENT_COMMAND), config.names(&AGENT_ACP)].concat();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| *name != default);
    let mut findings = vec![of_profile(&default, &config, true)];
    findings.extend(names.iter().map(|name| of_profile(name, &config, false)));
    findings
}

fn of_profile(name: &str, config: &Config<'_>, is_default: bool) -> Finding {
    match agents::launch(name, config, &Options::default()) {
        Ok(_) => {
            let what =
                if is_default { format!("spawn starts {name}") } else { format!("{name} can be started") };
            Finding::ok(Group::Programs, "profile", what).about(name)
        }
        Err(error) => {
            let finding =
                Finding::of_error(Group::Programs, "profile", Severity::Warning, &error).about(name);
            if is_default { finding.because("spawn starts it unless --agent names another") } else { finding }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::examination::LoginQuery;

    const EXAMINATION: Examination = Examination {
        tried: ("1.0.0", "1.5.0"),
        login: Some(LoginQuery {
            arguments: &["login"],
            variables: &[],
            parse: |succeeded, _| Some(succeeded),
            log_in: "prog login",
        }),
        install: "install prog",
    };

    #[test]
    fn programs_are_judged_by_version_and_login() {
        use Severity::{Note, Ok as Fine, Warning};
        for (version, login, is_default, expected) in [
            (Ok("1.2.0"), Login::Yes, true, vec![(Fine, None)]),
            (Ok("1.2.0"), Login::NotChecked, true, vec![(Fine, None)]),
            (Ok("1.2.0"), Login::No, true, vec![(Warning, Some("prog login"))]),
            (Ok("1.2.0"), Login::No, false, vec![(Note, Some("prog login"))]),
            (Ok("2.0.0"), Login::Yes, true, vec![(Note, None), (Fine, None)]),
            (Err("no answer within 10 s"), Login::NotChecked, true, vec![(Warning, Some("install prog"))]),
        ] {
            let version = version.map(str::to_owned).map_err(str::to_owned);
            let facts = ProgramFacts { name: "prog", is_default, version, login };
            let found = of_program(&facts, &EXAMINATION);
            let found: Vec<(Severity, Option<&str>)> =
                found.iter().map(|one| (one.severity, one.fix.as_deref())).collect();
            assert_eq!(found, expected, "{facts:?}");
        }
    }
}
