//! Reading refs and changing them by compare-and-swap, durably.

use std::{collections::BTreeSet, fs::File, path::Path};

use gix::refs::{
    Target,
    transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog},
};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{Oid, Repo},
};

/// One change of one ref, made only if the ref is still what it was.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Full name.
    pub name: String,
    /// What it must be now; `None`: it must not exist.
    pub old: Option<Oid>,
    /// What it shall be; `None`: it is removed.
    pub new: Option<Oid>,
}

impl Repo {
    /// The object that a ref names, if the ref exists.
    ///
    /// # Errors
    /// The ref is broken.
    pub fn find_ref(&self, name: &str) -> Result<Option<Oid>> {
        let broken = || format!("ref '{name}' is broken");
        match self.gix.try_find_reference(name).context(Kind::Internal, broken)? {
            None => Ok(None),
            Some(mut found) => Ok(Some(found.peel_to_id().context(Kind::Internal, broken)?.detach().into())),
        }
    }

    /// All refs below `prefix` (which ends in `/`) with what they name, in the order of their names.
    /// Broken ones are passed over; `doctor` is for them.
    ///
    /// # Errors
    /// The refs cannot be read at all.
    pub fn refs_below(&self, prefix: &str) -> Result<Vec<(String, Oid)>> {
        let unreadable = || format!("cannot read the refs below '{prefix}'");
        let platform = self.gix.refs.iter().context(Kind::Internal, unreadable)?;
        let relative: &gix::path::RelativePath =
            prefix.try_into().context(Kind::Internal, || format!("'{prefix}' is no ref prefix"))?;
        let mut refs = Vec::new();
        for found in platform.prefixed(relative).context(Kind::Internal, unreadable)? {
            let Ok(found) = found else { continue };
            if let (Ok(name), Some(id)) = (std::str::from_utf8(found.name.as_bstr()), found.target.try_id()) {
                refs.push((name.to_owned(), id.to_owned().into()));
            }
        }
        Ok(refs)
    }

    /// Makes all edits or none; when it returns, they survive a power cut.
    ///
    /// # Errors
    /// A ref is no longer what it was (4), is locked by another program (4), or cannot be written.
    pub fn edit_refs(&self, edits: &[Edit], why: &str) -> Result<()> {
        let changes: Vec<RefEdit> = edits.iter().map(|edit| change(edit, why)).collect::<Result<_>>()?;
        match self.gix.edit_references(changes) {
            Ok(_) => self.sync_refs(edits),
            Err(error) => Err(self.why_refused(edits, error)),
        }
    }

    /// Neither git nor gix writes refs through to the disk by itself.
    fn sync_refs(&self, edits: &[Edit]) -> Result<()> {
        let common = self.gix.common_dir();
        let mut paths = BTreeSet::new();
        for edit in edits.iter().filter(|edit| edit.new.is_some()) {
            let path = common.join(&edit.name);
            paths.extend(path.parent().map(Path::to_owned));
            paths.insert(path);
        }
        for path in paths {
            match File::open(&path).and_then(|file| file.sync_all()) {
                // A pack-refs may have taken the loose file away meanwhile; then it is in packed-refs.
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::new(
                        Kind::External,
                        format!("cannot write '{}' through", path.display()),
                    )
                    .because(e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn why_refused(&self, edits: &[Edit], error: gix::Error) -> Error {
        for edit in edits {
            if self.find_ref(&edit.name).ok().flatten() != edit.old {
                return Error::new(
                    Kind::Conflict,
                    format!("ref '{}' was changed by another program", edit.name),
                )
                .hint("try again");
            }
        }
        let names: Vec<&str> = edits.iter().map(|edit| edit.name.as_str()).collect();
        let common = self.gix.common_dir();
        for name in &names {
            let lock = common.join(format!("{name}.lock"));
            if lock.exists() {
                return Error::new(Kind::Conflict, format!("ref '{name}' is locked by another program"))
                    .because(error)
                    .hint(format!("if no git runs here, remove '{}'", lock.display()));
            }
        }
        Error::new(Kind::External, format!("cannot write ref '{}'", names.first().unwrap_or(&"")))
            .because(error)
    }
}

fn change(edit: &Edit, why: &str) -> Result<RefEdit> {
    let expected = match edit.old {
        Some(old) => PreviousValue::MustExistAndMatch(Target::Object(old.gix())),
        None => PreviousValue::MustNotExist,
    };
    let change = match edit.new {
        Some(new) => Change::Update {
            log: LogChange { mode: RefLog::AndReference, force_create_reflog: false, message: why.into() },
            expected,
            new: Target::Object(new.gix()),
        },
        None => Change::Delete { expected, log: RefLog::AndReference },
    };
    let name = edit
        .name
        .as_str()
        .try_into()
        .context(Kind::Internal, || format!("'{}' is no ref name", edit.name))?;
    Ok(RefEdit { change, name, deref: false })
}

/// Tells cheaply, without opening a repository, whether a ref may have changed since the last look.
/// A supervisor asks this every second.
#[derive(Debug, Default)]
pub struct RefWatch {
    last: Option<Vec<u8>>,
}

impl RefWatch {
    /// Whether the ref's loose file is other than at the last call. A packed ref always counts as changed.
    pub fn changed(&mut self, common_dir: &Path, name: &str) -> bool {
        match std::fs::read(common_dir.join(name)) {
            Ok(now) if self.last.as_ref() == Some(&now) => false,
            Ok(now) => {
                self.last = Some(now);
                true
            }
            Err(_) => {
                self.last = None;
                true
            }
        }
    }
}
