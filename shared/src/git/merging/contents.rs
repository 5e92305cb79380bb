//! Merging files and trees with gix, in memory.

use gix::{
    merge::{
        blob::{Resolution, ResourceKind, builtin_driver::text::Labels, platform::merge::Options},
        plumbing,
    },
    objs::Write,
};

use super::{Clash, changes::Content};
use crate::{
    Kind, Result,
    error::Context,
    git::{Oid, Repo},
    model::conflict::Kinds,
};

/// How a conflict begins in a merged text.
const MARKER: &[u8] = b"<<<<<<<";

/// The tools of one thread, made once: making them reads the index.
pub(super) struct Merger {
    blobs: gix::merge::blob::Platform,
    diffs: gix::diff::blob::Platform,
    state: gix::diff::tree::State,
    tree_options: gix::merge::plumbing::tree::Options,
    blob_options: Options,
    out: Vec<u8>,
}

impl Merger {
    pub(super) fn new(repo: &Repo) -> Result<Self> {
        let cannot = || "cannot prepare merging".to_owned();
        Ok(Self {
            blobs: repo.gix.merge_resource_cache(Default::default()).context(Kind::Internal, cannot)?,
            diffs: repo.gix.diff_resource_cache_for_tree_diff().context(Kind::Internal, cannot)?,
            state: gix::diff::tree::State::default(),
            tree_options: repo.gix.tree_merge_options().context(Kind::Internal, cannot)?.into(),
            blob_options: repo.gix.blob_merge_options().context(Kind::Internal, cannot)?,
            out: Vec::new(),
        })
    }

    /// Merges the contents of files.
    pub(super) fn contents(&mut self, repo: &Repo, files: &[Content]) -> Result<Option<Clash>> {
        let mut clash: Option<Clash> = None;
        for file in files {
            let hunks = self.content(repo, file)?;
            if hunks > 0 {
                clash.get_or_insert(Clash::NONE).add(hunks, Kinds::CONTENT);
            }
        }
        Ok(clash)
    }

    /// How many places of one file conflict.
    fn content(&mut self, repo: &Repo, file: &Content) -> Result<u32> {
        if file.ours == file.theirs {
            return Ok(0);
        }
        let path: &gix::bstr::BStr = file.path.as_slice().into();
        let cannot = || format!("cannot merge '{path}'");
        for (id, kind) in [
            (file.base, ResourceKind::CommonAncestorOrBase),
            (file.ours, ResourceKind::CurrentOrOurs),
            (file.theirs, ResourceKind::OtherOrTheirs),
        ] {
            self.blobs
                .set_resource(id, file.kind, path, kind, &repo.gix.objects)
                .context(Kind::Internal, cannot)?;
        }
        let prepared =
            self.blobs.prepare_merge(&repo.gix.objects, self.blob_options).context(Kind::Internal, cannot)?;
        self.out.clear();
        let labels = Labels { ancestor: None, current: None, other: None };
        let (_, resolution) =
            prepared.merge(&mut self.out, labels, &Default::default()).context(Kind::Internal, cannot)?;
        Ok(if resolution == Resolution::Conflict { markers(&self.out) } else { 0 })
    }

    /// Merges whole trees.
    pub(super) fn trees(
        &mut self,
        repo: &mut Repo,
        base: Oid,
        ours: Oid,
        theirs: Oid,
    ) -> Result<Option<Clash>> {
        let merged = plumbing::tree(
            &base.gix(),
            &ours.gix(),
            &theirs.gix(),
            Labels { ancestor: None, current: None, other: None },
            &repo.gix.objects,
            |content| repo.gix.objects.write_buf(gix::objs::Kind::Blob, content),
            &mut self.state,
            &mut self.diffs,
            &mut self.blobs,
            self.tree_options.clone(),
        )
        .context(Kind::Internal, || "cannot merge trees".into())?;
        self.diffs.clear_resource_cache_keep_allocation();
        let mut clash: Option<Clash> = None;
        for conflict in merged.conflicts.iter().filter(|conflict| conflict.is_unresolved(Default::default()))
        {
            let text =
                conflict.content_merge().and_then(|merge| repo.gix.find_blob(merge.merged_blob_id).ok());
            let hunks = text.map_or(1, |text| markers(&text.data));
            clash.get_or_insert(Clash::NONE).add(hunks, kind_of(conflict));
        }
        // What was merged on trial is wanted no more.
        drop(merged);
        repo.gix.objects.take_object_memory();
        repo.gix.objects.enable_object_memory();
        Ok(clash)
    }
}

fn kind_of(conflict: &gix::merge::tree::Conflict) -> Kinds {
    use gix::merge::tree::ResolutionFailure as Failure;
    match &conflict.resolution {
        // Where the contents clash: of a file that both had, or that both added.
        Ok(_) => match (&conflict.ours, &conflict.theirs) {
            (gix::diff::tree_with_rewrites::Change::Addition { .. }, _) => Kinds::ADD_ADD,
            _ => Kinds::CONTENT,
        },
        Err(Failure::OursModifiedTheirsDeleted | Failure::OursDeletedTheirsRenamed) => Kinds::MODIFY_DELETE,
        Err(
            Failure::OursRenamedTheirsRenamedToSameLocation
            | Failure::OursRenamedTheirsRenamedDifferently { .. },
        ) => Kinds::RENAME,
        Err(
            Failure::OursModifiedTheirsDirectoryThenOursRenamed { .. }
            | Failure::OursDirectoryTheirsNonDirectoryTheirsRenamed { .. }
            | Failure::OursAddedTheirsAddedTypeMismatch { .. }
            | Failure::OursModifiedTheirsRenamedTypeMismatch,
        ) => Kinds::TYPE,
        Err(Failure::SubmoduleMerge | Failure::SubmoduleAddAdd) => Kinds::SUBMODULE,
        Err(Failure::Unknown) => Kinds::OTHER,
    }
}

/// Conflicts in a merged text; one for what is no text.
fn markers(text: &[u8]) -> u32 {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| line.starts_with(MARKER));
    u32::try_from(lines.count()).unwrap_or(u32::MAX).max(1)
}
