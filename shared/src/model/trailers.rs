//! An agent's state as git trailers at the end of its newest event commit: one object read tells it all, to us and to
//! `git for-each-ref --format='%(contents:trailers)'` alike.

use jiff::Timestamp;

use super::{
    Agent, Limit, Phase,
    event::Check,
    fold::FOLD,
    landing::{FailedCheck, SetAside},
    verdict::{Standing, Verdict},
};

/// The format of the commit as a whole. A newer one is never written by this program.
pub const FORMAT: u32 = 1;

/// What a list must know of every agent before it decides which to show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Glance {
    /// Where it is.
    pub phase: Phase,
    /// When it was made, in seconds since 1970.
    pub queued_at: i64,
}

/// Writes the state. `by` is the writer of the commit, who vouches for it.
pub fn write(agent: &Agent, by: &str) -> String {
    let mut out = String::with_capacity(640);
    let mut line = |key: &str, value: &str| {
        // A text of white space only is no trailer to git; such a one is no information either.
        if !value.trim().is_empty() {
            out.push_str("Orchestra-");
            out.push_str(key);
            out.push_str(": ");
            out.push_str(value.trim());
            out.push('\n');
        }
    };
    line("State", agent.phase.as_str());
    line("Queued", &agent.queued_at.to_string());
    line("Title", &agent.title);
    line("Branch", &agent.branch);
    line("Base", &agent.base);
    line("Head", agent.head.as_deref().unwrap_or_default());
    line("Profile", &agent.profile);
    line("Model", agent.model.as_deref().unwrap_or_default());
    line("Run", &agent.run);
    line("Place", &number(u64::from(agent.place)));
    line("Parent", agent.parent.as_deref().unwrap_or_default());
    line("Reviews", agent.reviews.as_deref().unwrap_or_default());
    line("Permission", agent.permission.as_deref().unwrap_or_default());
    line("Writer", &agent.writer);
    line("Label", agent.label.as_deref().unwrap_or_default());
    line("Told", &agent.told_at.to_string());
    line("Attempt", &agent.attempt.to_string());
    line("Reason", agent.reason.as_deref().unwrap_or_default());
    line("Session", agent.session.as_deref().unwrap_or_default());
    line("Question", agent.question.as_deref().unwrap_or_default());
    line("Choice", if agent.choice { "yes" } else { "" });
    line("Started", &moment(agent.started_at));
    line("Ended", &moment(agent.ended_at));
    line("Exit", &agent.exit_code.map(|code| code.to_string()).unwrap_or_default());
    line("Commits", &number(agent.commits));
    line("Files", &number(agent.files_changed));
    line("Insertions", &number(agent.insertions));
    line("Deletions", &number(agent.deletions));
    line("Left-Out", &number(agent.left_out));
    line("Unfinished", agent.unfinished.as_deref().unwrap_or_default());
    line("Unsaved", agent.unsaved.as_deref().unwrap_or_default());
    line("Limit", &agent.limit.as_ref().map(Limit::trailer).unwrap_or_default());
    line("Cost-Micros", &known(agent.cost_micros));
    line("Input-Tokens", &known(agent.input_tokens));
    line("Output-Tokens", &known(agent.output_tokens));
    line("Turns", &number(agent.turns));
    line("Denials", &number(agent.denials));
    line("Landed", agent.landed_head.as_deref().unwrap_or_default());
    line("Landed-As", agent.landed_as.as_deref().unwrap_or_default());
    line("Landed-In", agent.landed_in.as_deref().unwrap_or_default());
    if let Some(failed) = &agent.failed_check {
        line("Failed-Check", &failed.check.name);
        line("Failed-Check-Id", &failed.check.id);
        line("Failed-Check-Command", failed.check.command.as_deref().unwrap_or_default());
        line("Failed-Head", &failed.head);
        line("Failed-Into", &failed.into);
        line("Failed-Why", &failed.why);
        line("Failed-Writer", &failed.writer);
    }
    if let Some(aside) = &agent.set_aside {
        line("Set-Aside", &aside.why);
        line("Set-Aside-Head", &aside.head);
        line("Set-Aside-Into", &aside.into);
    }
    if let Some(verdict) = &agent.verdict {
        line("Verdict", verdict.verdict.as_str());
        line("Verdict-Base", &verdict.base);
        line("Verdict-Head", &verdict.head);
        line("Verdict-Patch", &verdict.patch);
        line("Verdict-By", &verdict.by);
        line("Verdict-Writer", &verdict.writer);
        line("Judges", &agent.judges.join(" "));
    }
    line("Conflicts", &number(agent.conflicts));
    line("Lamport", &agent.lamport.to_string());
    line("By", by);
    line("Fold", &FOLD.to_string());
    line("Format", &FORMAT.to_string());
    out
}

fn moment(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn known(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn number(number: u64) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

/// The trailers in a commit message: its last paragraph, if that is ours.
pub fn paragraph(message: &str) -> Option<&str> {
    let message = message.trim_end_matches('\n');
    let start = message.rfind("\n\n").map_or(0, |at| at + 2);
    let last = &message[start..];
    last.starts_with("Orchestra-").then_some(last)
}

/// Whether `writer` vouches for these trailers under the rules of this program.
pub fn is_trusted(paragraph: &str, writer: &str) -> bool {
    let mut from_end = paragraph.lines().rev();
    let mut next = |key: &str| from_end.next().and_then(|line| line.strip_prefix(key));
    next("Orchestra-Format: ").and_then(|n| n.parse().ok()) == Some(FORMAT)
        && next("Orchestra-Fold: ").and_then(|n| n.parse().ok()) == Some(FOLD)
        && next("Orchestra-By: ") == Some(writer)
}

/// The writer who vouches for the trailers.
pub fn by(paragraph: &str) -> Option<&str> {
    paragraph.lines().rev().find_map(|line| line.strip_prefix("Orchestra-By: "))
}

/// Reads the two facts that stand first.
pub fn glance(paragraph: &str) -> Option<Glance> {
    let mut lines = paragraph.lines();
    let phase = Phase::parse(lines.next()?.strip_prefix("Orchestra-State: ")?)?;
    let at: Timestamp = lines.next()?.strip_prefix("Orchestra-Queued: ")?.parse().ok()?;
    Some(Glance { phase, queued_at: at.as_second() })
}

/// Reads the state back. `None` where a key stands twice, a known one is malformed, or the state is missing.
pub fn read(paragraph: &str) -> Option<Agent> {
    let mut agent = Agent::default();
    let mut seen: Vec<&str> = Vec::with_capacity(36);
    for line in paragraph.lines() {
        let (key, value) = line.split_once(": ")?;
        let key = key.strip_prefix("Orchestra-")?;
        if seen.contains(&key) {
            return None;
        }
        seen.push(key);
        take(&mut agent, key, value)?;
    }
    seen.contains(&"State").then_some(agent)
}

/// Unknown keys are passed over: a newer program may write more.
fn take(agent: &mut Agent, key: &str, value: &str) -> Option<()> {
    let text = || value.to_owned();
    match key {
        "State" => agent.phase = Phase::parse(value)?,
        "Queued" => agent.queued_at = value.parse().ok()?,
        "Title" => agent.title = text(),
        "Branch" => agent.branch = text(),
        "Base" => agent.base = text(),
        "Head" => agent.head = Some(text()),
        "Profile" => agent.profile = text(),
        "Model" => agent.model = Some(text()),
        "Run" => agent.run = text(),
        "Place" => agent.place = value.parse().ok()?,
        "Parent" => agent.parent = Some(text()),
        "Reviews" => agent.reviews = Some(text()),
        "Permission" => agent.permission = Some(text()),
        "Writer" => agent.writer = text(),
        "Label" => agent.label = Some(text()),
        "Told" => agent.told_at = value.parse().ok()?,
        "Attempt" => agent.attempt = value.parse().ok()?,
        "Reason" => agent.reason = Some(text()),
        "Session" => agent.session = Some(text()),
        "Question" => agent.question = Some(text()),
        "Choice" => agent.choice = value == "yes",
        "Started" => agent.started_at = Some(value.parse().ok()?),
        "Ended" => agent.ended_at = Some(value.parse().ok()?),
        "Exit" => agent.exit_code = Some(value.parse().ok()?),
        "Commits" => agent.commits = value.parse().ok()?,
        "Files" => agent.files_changed = value.parse().ok()?,
        "Insertions" => agent.insertions = value.parse().ok()?,
        "Deletions" => agent.deletions = value.parse().ok()?,
        "Left-Out" => agent.left_out = value.parse().ok()?,
        "Unfinished" => agent.unfinished = Some(text()),
        "Unsaved" => agent.unsaved = Some(text()),
        "Limit" => agent.limit = Some(Limit::read_trailer(value)?),
        "Cost-Micros" => agent.cost_micros = Some(value.parse().ok()?),
        "Input-Tokens" => agent.input_tokens = Some(value.parse().ok()?),
        "Output-Tokens" => agent.output_tokens = Some(value.parse().ok()?),
        "Turns" => agent.turns = value.parse().ok()?,
        "Denials" => agent.denials = value.parse().ok()?,
        "Landed" => agent.landed_head = Some(text()),
        "Landed-As" => agent.landed_as = Some(text()),
        "Landed-In" => agent.landed_in = Some(text()),
        "Failed-Check" => {
            agent.failed_check = Some(FailedCheck {
                check: Check { name: text(), id: String::new(), command: None },
                head: String::new(),
                into: String::new(),
                why: String::new(),
                writer: String::new(),
            });
        }
        // They stand after the name itself; so do those of what was set aside.
        "Failed-Check-Id" => agent.failed_check.as_mut()?.check.id = text(),
        "Failed-Check-Command" => agent.failed_check.as_mut()?.check.command = Some(text()),
        "Failed-Head" => agent.failed_check.as_mut()?.head = text(),
        "Failed-Into" => agent.failed_check.as_mut()?.into = text(),
        "Failed-Why" => agent.failed_check.as_mut()?.why = text(),
        "Failed-Writer" => agent.failed_check.as_mut()?.writer = text(),
        "Set-Aside" => {
            agent.set_aside = Some(SetAside { why: text(), head: String::new(), into: String::new() });
        }
        "Set-Aside-Head" => agent.set_aside.as_mut()?.head = text(),
        "Set-Aside-Into" => agent.set_aside.as_mut()?.into = text(),
        "Verdict" => {
            agent.verdict = Some(Standing {
                verdict: Verdict::parse(value)?,
                base: String::new(),
                head: String::new(),
                patch: String::new(),
                by: String::new(),
                writer: String::new(),
            });
        }
        // They stand after the word itself.
        "Verdict-Base" => agent.verdict.as_mut()?.base = text(),
        "Verdict-Head" => agent.verdict.as_mut()?.head = text(),
        "Verdict-Patch" => agent.verdict.as_mut()?.patch = text(),
        "Verdict-By" => agent.verdict.as_mut()?.by = text(),
        "Verdict-Writer" => agent.verdict.as_mut()?.writer = text(),
        "Judges" => agent.judges = value.split(' ').map(str::to_owned).collect(),
        "Conflicts" => agent.conflicts = value.parse().ok()?,
        "Lamport" => agent.lamport = value.parse().ok()?,
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::fold, *};

    proptest! {
        /// Reading one object is enough: the trailers of a fold are the fold.
        #[test]
        fn trailers_are_the_fold(events in fold::tests_support::events()) {
            let agent = fold::fold(&events).agent;
            let written = write(&agent, "w1");
            prop_assert!(is_trusted(&written, "w1") && !is_trusted(&written, "w2"));
            let message = format!("subject\n\n{{}}\n\n{written}");
            prop_assert_eq!(paragraph(&message), Some(written.trim_end()));
            prop_assert_eq!(
                glance(&written),
                Some(Glance { phase: agent.phase, queued_at: agent.queued_at.as_second() })
            );
            prop_assert_eq!(read(&written), Some(agent));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = paragraph(&text);
            let _ = glance(&text);
            let _ = read(&text);
        }
    }

    #[test]
    fn a_key_twice_is_distrusted() {
        let written = write(&Agent::default(), "w");
        assert!(read(&written).is_some());
        assert!(read(&format!("{written}Orchestra-State: done\n")).is_none());
        assert!(read("Orchestra-Title: x\n").is_none());
    }
}
