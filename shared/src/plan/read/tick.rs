//! Ticks the box of a task in the file that its plan was read from. Every other byte is kept.

use super::{Choice, Format, numbered, read};
use crate::{
    model::words::words,
    plan::{Task, TaskId},
};

words! {
    /// Why a task cannot be ticked, as the end of a sentence about its file.
    pub enum Untickable {
        /// Its box is ticked already.
        Ticked = "its box is ticked already",
        /// The file has no such task, or several.
        Gone = "the file does not have this task any more",
        /// Its line has no box.
        NoBox = "its line has no box",
        /// The file is no plan.
        NoPlan = "the file cannot be read as a plan any more",
    }
}

/// The boxes of tasks that are not done.
const OPEN: [&str; 3] = ["[ ]", "[~]", "[-]"];

/// Returns whether the tasks of a file of this format have boxes.
pub const fn has_boxes(format: Format) -> bool {
    matches!(format, Format::Checklist | Format::Headings | Format::SpecKit | Format::Kiro)
}

/// Returns a file with the box of a task ticked. The task is found by its title, wherever it is by now; of several with this title, the one
/// with its id. In Kiro's format, a task is ticked with the last of its required parts.
///
/// # Errors
/// Why it cannot be ticked.
pub fn tick(file: &str, id: &TaskId, title: &str) -> Result<String, Untickable> {
    let choice = Choice { optional: true, ..Choice::default() };
    let (format, plan) = read(file, &choice).map_err(|_| Untickable::NoPlan)?;
    let named: Vec<&Task> = plan.tasks.iter().filter(|task| task.title == title).collect();
    let task = match named.as_slice() {
        [task] => Some(*task),
        several => several.iter().find(|task| task.id == *id).copied(),
    };
    let task = task.ok_or(Untickable::Gone)?;
    if task.done {
        return Err(Untickable::Ticked);
    }
    if !has_boxes(format) {
        return Err(Untickable::NoBox);
    }
    let mut ticked = tick_line(file, task.line).ok_or(Untickable::NoBox)?;
    if format == Format::Kiro {
        while let Some(line) = numbered::closed(&ticked, task.line) {
            let Some(more) = tick_line(&ticked, line) else { break };
            ticked = more;
        }
    }
    Ok(ticked)
}

/// Returns a file with the box at the beginning of a line ticked; `None` if there is no open one.
fn tick_line(file: &str, line: usize) -> Option<String> {
    let begin: usize = file.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let said = file.get(begin..)?.lines().next()?;
    let at = said.find('[')?;
    let is_mark = |c: char| c.is_whitespace() || c.is_ascii_digit() || "-*+#.)\u{feff}".contains(c);
    let is_open = OPEN.iter().any(|mark| said[at..].starts_with(mark));
    (is_open && said[..at].chars().all(is_mark)).then(|| {
        let inside = begin + at + 1;
        format!("{}x{}", &file[..inside], &file[inside + 1..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticked(file: &str, id: &str, title: &str) -> Result<String, Untickable> {
        tick(file, &TaskId::parse(id).unwrap(), title)
    }

    #[test]
    fn the_box_of_a_task_is_ticked_in_every_format_that_has_one() {
        for (file, id, title, before, after) in [
            ("# P\n\n* [ ] Add auth\n* [ ] Use it\n", "use", "Use it", "* [ ] Use", "* [x] Use"),
            ("- [ ] `api` Use it   (after: a)\n- [x] `a` A\n", "api", "Use it", "- [ ] `api`", "- [x] `api`"),
            ("- [~] Begun [ ] so\n- b\n", "begun", "Begun [ ] so", "- [~]", "- [x]"),
            ("\u{feff}1. [ ] One\r\n2. [ ] Two\r\n", "one", "One", "1. [ ]", "1. [x]"),
            ("## [ ] Add auth\nText.\n\n## Use it\nMore.\n", "add-auth", "Add auth", "## [ ]", "## [x]"),
            ("- [ ] T001 [P] Do it\n- [ ] T002 Then\n", "t001", "Do it", "- [ ] T001", "- [x] T001"),
            ("- [ ] 1. One\n- [ ]* 2. Two\n", "2", "Two", "- [ ]* 2", "- [x]* 2"),
        ] {
            assert_eq!(ticked(file, id, title), Ok(file.replacen(before, after, 1)), "{file}");
        }
    }

    #[test]
    fn a_task_of_kiro_is_ticked_with_the_last_of_its_required_parts() {
        let file = "- [ ] 1. Store\n  - [x] 1.1 Schema\n    - more\n  - [ ] 1.2 Queries\n- [ ]* 1.3 Tests\n- [ ] 2. Show\n";
        let expected = file.replace("[ ] 1. ", "[x] 1. ").replace("[ ] 1.2", "[x] 1.2");
        assert_eq!(ticked(file, "1.2", "Queries"), Ok(expected));
        let open = file.replace("[x] 1.1", "[ ] 1.1");
        assert_eq!(ticked(&open, "1.2", "Queries"), Ok(open.replace("[ ] 1.2", "[x] 1.2")));
        let deep = "- [ ] 1 A\n  - [ ] 1.1 B\n    - [ ] 1.1.1 C\n";
        assert_eq!(ticked(deep, "1.1.1", "C"), Ok(deep.replace("[ ]", "[x]")));
    }

    #[test]
    fn a_task_is_found_where_it_is_now_and_nothing_else_is_ticked() {
        let moved = "# More\n\n- [ ] `new` New\n- [ ] `a` One\n- [ ] `b` Two\n";
        assert_eq!(ticked(moved, "b", "Two"), Ok(moved.replace("[ ] `b`", "[x] `b`")));
        let twice = "- [ ] `a` One\n- [ ] `b` One\n";
        assert_eq!(ticked(twice, "b", "One"), Ok("- [ ] `a` One\n- [x] `b` One\n".to_owned()));
        for (file, why) in [
            (twice, Untickable::Gone),
            ("- [x] `c` One\n", Untickable::Ticked),
            ("- [ ] `c` Another\n", Untickable::Gone),
            ("", Untickable::NoPlan),
            ("- [ ] x\n- `c` One\n", Untickable::NoBox),
            ("One\nTwo\n", Untickable::NoBox),
            (r#"{"tasks": [{"id": 1, "title": "One"}]}"#, Untickable::NoBox),
        ] {
            assert_eq!(ticked(file, "c", "One"), Err(why), "{file}");
        }
    }
}
