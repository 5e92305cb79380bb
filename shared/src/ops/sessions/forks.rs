//! Counts forks once: a fork repeats the messages of the session that it was made from, which must not be added twice.

use std::{
    collections::{BTreeMap, HashMap, hash_map::DefaultHasher},
    fs::File,
    hash::{Hash, Hasher},
    io,
};

use super::{
    catalogue::{Catalogue, SessionRow},
    read,
};
use crate::{
    agents,
    conversation::{ConversationFacts, DayUsage, SessionReader, lines, model_of},
    git::Repo,
};

/// Subtracts from the shares of forks what they repeat of others. Sessions without forks are not read again.
pub(super) fn count_once(repo: Option<&Repo>, catalogue: &mut Catalogue, rows: &mut [SessionRow]) {
    let mut families: HashMap<(String, String), Vec<&mut SessionRow>> = HashMap::new();
    for row in rows {
        if let Err(error) = keep_own_part(catalogue, row) {
            catalogue.add_failure(row, &error);
        }
        if let Some(root) = &row.facts.root {
            families.entry((row.program.clone(), root.clone())).or_default().push(row);
        }
    }
    for mut family in families.into_values().filter(|family| family.len() > 1) {
        // The session that is repeated began first.
        family.sort_by(|a, b| (&a.facts.started_at, a.written).cmp(&(&b.facts.started_at, b.written)));
        let mut known = KnownMessages::default();
        for row in family {
            let read = read::open_transcript(repo, catalogue, row).map_err(io::Error::other);
            let program = agents::session_reader(&row.program);
            match read.and_then(|file| program.map(|program| known.add(program, file)).transpose()) {
                Ok(Some(repeated)) => repeated.subtract_from(&mut row.facts.days),
                Ok(None) => {}
                Err(error) => catalogue.add_failure(row, &error),
            }
        }
    }
}

/// Replaces the shares of a fork that names its origin and repeats its file by those of its own part.
fn keep_own_part(catalogue: &Catalogue, row: &mut SessionRow) -> io::Result<()> {
    let Some((place, fork_of)) = row.place.as_ref().zip(row.facts.fork_of.as_deref()) else { return Ok(()) };
    let Some(program) = agents::session_reader(place.program) else { return Ok(()) };
    let Some(forked) = catalogue.path_of(program.name(), fork_of) else { return Ok(()) };
    if let Some(own) = program.own_part(&place.path, forked)? {
        (row.facts.days, row.facts.unanswered) = (own.days, own.unanswered);
    }
    Ok(())
}

/// The messages that a family of forks has had so far.
#[derive(Default)]
struct KnownMessages {
    /// Every message by its digest, and the index into `costs` with the costs at that time.
    lines: HashMap<u64, Option<usize>>,
    costs: Vec<BTreeMap<String, u64>>,
}

/// What a session repeats of others.
#[derive(Debug, Default)]
struct RepeatedPart {
    days: BTreeMap<String, DayUsage>,
    /// The costs at the end of the repeated part, by model.
    costs: BTreeMap<String, u64>,
}

impl KnownMessages {
    /// Reads one more session of the family, and returns what it repeats.
    fn add(&mut self, program: &dyn SessionReader, file: File) -> io::Result<RepeatedPart> {
        let (mut all, mut repeated, mut base) =
            (ConversationFacts::default(), ConversationFacts::default(), None);
        let (mut new, mut paid) = (Vec::new(), BTreeMap::new());
        lines::read(file, |line| {
            let Some(line) = line.bytes().filter(|line| program.is_counted(line)) else { return true };
            program.apply_line(&mut all, line);
            match program.mark(line).map(|mark| digest(&mark)) {
                Some(mark) if self.lines.contains_key(&mark) => {
                    program.apply_line(&mut repeated, line);
                    base = self.lines[&mark].or(base);
                }
                Some(mark) => new.push(mark),
                // The costs are recorded after the messages that caused them.
                None => self.note_costs(&all, &mut paid, &mut new),
            }
            true
        })?;
        self.lines.extend(new.into_iter().map(|mark| (mark, None)));
        let costs = base.and_then(|base| self.costs.get(base)).cloned().unwrap_or_default();
        Ok(RepeatedPart { days: repeated.days, costs })
    }

    /// Records the costs for the new messages, if they have risen.
    fn note_costs(&mut self, all: &ConversationFacts, paid: &mut BTreeMap<String, u64>, new: &mut Vec<u64>) {
        let costs = all.costs_by_model();
        if costs != *paid {
            self.lines.extend(new.drain(..).map(|mark| (mark, Some(self.costs.len()))));
            self.costs.push(costs.clone());
            *paid = costs;
        }
    }
}

impl RepeatedPart {
    /// Subtracts what is repeated from the shares.
    fn subtract_from(mut self, days: &mut BTreeMap<String, DayUsage>) {
        for (key, share) in days.iter_mut() {
            if let Some(repeated) = self.days.get(key) {
                share.messages = share.messages.saturating_sub(repeated.messages);
                share.input = share.input.saturating_sub(repeated.input);
                share.output = share.output.saturating_sub(repeated.output);
            }
            if let Some(paid) = self.costs.get_mut(model_of(key)) {
                let taken = share.cost.min(*paid);
                share.cost -= taken;
                *paid -= taken;
            }
        }
        let is_left = |share: &DayUsage| {
            [share.messages, share.input, share.output, share.cost].iter().any(|part| *part > 0)
        };
        days.retain(|_, share| is_left(share));
    }
}

fn digest(mark: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    mark.hash(&mut hasher);
    hasher.finish()
}
