//! `plan`: reads a list of tasks in one of the formats that people have, finds its flaws, orders its tasks, and writes it as a
//! Markdown list. With `--agent`, an agent makes the plan of prose.

mod by_agent;

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::by_agent::{ByAgent, MAX_TIME, run_by_agent};
use crate::{
    Code, Error, Kind, Result,
    context::Context,
    error::ErrorContext as _,
    model::{AgentId, quote},
    plan::{
        self, Flaw, LeftOutPart, Plan, Task, TaskId,
        read::{Choice, Format},
    },
};

/// What to read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The content of the file.
    pub text: String,
    /// The list of a file with several, such as a tag of Task Master.
    pub tag: Option<String>,
    /// Whether to take tasks that the file calls optional.
    pub optional: bool,
}

/// A plan, as it was understood.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "PlanReport")]
pub struct Report {
    /// The format of the file.
    pub format: Format,
    /// The title of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The branch that the work is for, if the plan names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// The check that its author proposes; it does not run because a plan says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The profile of the agents that review all work before it lands, if its author wants that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
    /// The tasks, in the order of the file.
    pub tasks: Vec<Task>,
    /// The ids of the open tasks by levels: those of one level can be worked on side by side once the levels before are done.
    pub levels: Vec<Vec<TaskId>>,
    /// What the file has besides.
    pub left_out: Vec<LeftOutPart>,
    /// What is wrong in the plan; it cannot be carried out unless this is empty.
    pub flaws: Vec<Flaw>,
    /// The plan as a Markdown list. A file that is one already has only the ids of its tasks added.
    pub markdown: String,
    /// The agents that made the plan of prose, if any did; the last one's answer is the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planners: Vec<AgentId>,
}

/// Reads a plan.
///
/// # Errors
/// It cannot be read as any of the formats, has no task or too many of them, or no such list (2).
pub fn run(context: &Context, request: &Request) -> Result<Report> {
    context.check()?;
    let choice = Choice { tag: request.tag.clone(), optional: request.optional };
    let (format, plan) = plan::read::read(&request.text, &choice)?;
    let levels = plan::levels(&plan);
    let levels = levels.iter().map(|level| level.iter().map(|task| task.id.clone()).collect()).collect();
    let flaws = plan::flaws(&plan);
    let markdown = match format {
        Format::Checklist => plan::read::with_ids(&request.text, &plan),
        _ => plan::markdown(&plan),
    };
    let Plan { title, into, check, review, tasks, left_out, .. } = plan;
    let planners = Vec::new();
    Ok(Report { format, title, into, check, review, tasks, levels, left_out, flaws, markdown, planners })
}

/// Checks that a plan can be written to a file, before an agent is paid for making it.
///
/// # Errors
/// The file is there, and `replace` is not set (3).
pub fn check_free(path: &Path, replace: bool) -> Result<()> {
    if replace || fs::symlink_metadata(path).is_err() { Ok(()) } else { Err(taken(path)) }
}

fn taken(path: &Path) -> Error {
    Error::new(Code::PathTaken, format!("'{}' exists", path.display()))
        .hint("--force replaces it")
        .hint(format!("name another file: -o {}", quote::word("FILE")))
}

/// Writes a plan to a file, whole or not at all. A file that is there is replaced only if `replace` is set, and keeps its mode.
///
/// # Errors
/// The file is there, or cannot be written (3).
pub fn write(path: &Path, markdown: &str, replace: bool) -> Result<()> {
    let shown = path.display();
    let cannot = || format!("cannot write '{shown}'");
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let before = match fs::metadata(path) {
        Ok(_) if !replace => {
            return Err(taken(path));
        }
        Ok(found) => Some(found.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).context(Kind::Refused, cannot),
    };
    let Some(permissions) = before else {
        let new = fs::OpenOptions::new().write(true).create_new(true).open(path);
        let written = new.and_then(|mut file| file.write_all(markdown.as_bytes()));
        return written.context(Kind::Refused, cannot);
    };
    // A link stays one: the file that it leads to is replaced.
    let target = fs::canonicalize(path).context(Kind::Refused, cannot)?;
    let folder = target.parent().unwrap_or(folder);
    let mut file = tempfile::NamedTempFile::new_in(folder).context(Kind::Refused, cannot)?;
    file.write_all(markdown.as_bytes()).context(Kind::Refused, cannot)?;
    file.as_file().set_permissions(permissions).context(Kind::Refused, cannot)?;
    file.persist(&target).map(drop).context(Kind::Refused, cannot)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::world::Environment;

    fn read(text: &str) -> Report {
        let context = Context::of(&Environment::of_this_process());
        run(&context, &Request { text: text.to_owned(), ..Request::default() }).unwrap()
    }

    #[test]
    fn a_list_keeps_its_text_and_gets_ids() {
        let report = read("# Plan\n\n* [ ] Add auth\n* [ ] Use it (after: add-auth)\n\nNotes.\n");
        assert_eq!(
            report.markdown,
            "# Plan\n\n* [ ] `add-auth` Add auth\n* [ ] `use` Use it (after: add-auth)\n\nNotes.\n"
        );
        let ids = |level: &Vec<TaskId>| level.iter().map(TaskId::to_string).collect::<Vec<_>>();
        assert_eq!(report.levels.iter().map(ids).collect::<Vec<_>>(), [["add-auth"], ["use"]]);
        assert!(report.flaws.is_empty());
    }

    #[test]
    fn nothing_is_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("plan.md"), folder.path().join("link.md"));
        write(&path, "one", false).unwrap();
        assert_eq!(write(&path, "two", false).unwrap_err().code, Code::PathTaken);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        write(&link, "three", true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(write(&folder.path().join("none/plan.md"), "x", false).is_err());
    }
}
