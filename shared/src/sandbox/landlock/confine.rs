//! The process that takes from itself what a sandbox forbids, and becomes the agent's program. What is taken here cannot be had again,
//! neither by the program nor by those that it starts.

use std::{collections::BTreeMap, ffi::OsString, io, os::fd::BorrowedFd, path::Path};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, make_bitflags,
    path_beneath_rules,
};
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};
use rustix::thread::{CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::PathRules;
use crate::{
    Code, Error, Kind, Result, error::ErrorContext, model::AgentId, process,
    worktree::private_git_dir::PrivateGitDir, world::Environment,
};

/// The oldest interface whose rules are enough: it refuses to empty a file that cannot be written.
const NEEDED: ABI = ABI::V3;
/// The newest one that is used; of a kernel with an older one, what it has.
const NEWEST: ABI = ABI::V7;
/// Devices that programs write.
const WRITTEN_DEVICES: [&str; 4] = ["/dev/full", "/dev/null", "/dev/tty", "/dev/zero"];
/// Devices that programs read.
const READ_DEVICES: [&str; 2] = ["/dev/random", "/dev/urandom"];
/// What may be done with a file that a program has open when it starts: its output, or the terminal of a person.
const OF_OPEN: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate | IoctlDev});
/// The bit of the numbers by which programs with 32-bit pointers make system calls on this architecture.
#[cfg(target_arch = "x86_64")]
const OTHER_NUMBERS: &[i64] = &[0, 0x4000_0000];
#[cfg(not(target_arch = "x86_64"))]
const OTHER_NUMBERS: &[i64] = &[0];

/// Returns why this machine cannot make such a sandbox, in words for people.
pub(in crate::sandbox) fn obstacle() -> Option<&'static str> {
    if architecture().is_none() {
        return Some("it does not know this processor");
    }
    let has = |abi: ABI| empty(abi).is_ok();
    match (has(ABI::V1), has(NEEDED)) {
        (_, true) => None,
        (true, false) => {
            Some("the kernel is too old: it has rules for files, but not for emptying them (Linux 6.2)")
        }
        (false, false) => {
            Some("the kernel does not have it, or the container around this process forbids it")
        }
    }
}

/// Returns whether the kernel can also keep an agent from sending signals to other processes (Linux 6.12).
pub(in crate::sandbox) fn holds_signals() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .scope(Scope::Signal)
        .and_then(Ruleset::create)
        .is_ok()
}

/// Makes rules that hold nobody yet; fails if the kernel does not know all that an interface has for files.
fn empty(abi: ABI) -> Result<RulesetCreated, RulesetError> {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    ruleset.handle_access(AccessFs::from_all(abi))?.create()
}

/// Takes from this process what the sandbox of an agent forbids, and replaces it by a command.
///
/// # Errors
/// A part of it cannot be taken (3), or the command cannot be started. On success it does not return.
pub fn confine(
    environment: &Environment,
    common_dir: &Path,
    id: &AgentId,
    rules: &PathRules,
    command: &[OsString],
) -> Result<()> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| Error::usage("no command for the sandbox".to_owned()))?;
    let cannot = || "cannot make the sandbox by landlock".to_owned();
    let filter = filter().context(Kind::Internal, cannot)?;
    let held = restrict(rules).context(Code::SandboxUnavailable, cannot)?;
    if held == RulesetStatus::NotEnforced {
        return Err(Error::new(Code::SandboxUnavailable, cannot()));
    }
    drop_rights().context(Code::SandboxUnavailable, cannot)?;
    seccompiler::apply_filter(&filter).context(Code::SandboxUnavailable, cannot)?;
    let mut replaced = process::command(environment, program);
    // Not by way of the file in its worktree, which it could replace, and which the user's git reads as well.
    replaced.args(arguments).env("GIT_DIR", PrivateGitDir::of(common_dir, id).git_dir());
    Err(process::exec(&mut replaced))
        .context(Code::ProgramFailed, || format!("cannot run '{}'", program.display()))
}

/// Restricts files, and signals where the kernel can.
fn restrict(rules: &PathRules) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::from_read(NEWEST);
    let open = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()].map(of_open);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(&rules.read, read))?
        .add_rules(path_beneath_rules(READ_DEVICES, read))?
        .add_rules(path_beneath_rules(&rules.write, AccessFs::from_all(NEWEST)))?
        .add_rules(path_beneath_rules(WRITTEN_DEVICES, OF_OPEN))?;
    for rule in open.into_iter().flatten() {
        ruleset = ruleset.add_rule(rule)?;
    }
    ruleset.restrict_self().map(|status| status.ruleset)
}

/// Lets programs open again what they have open, as with `/dev/stderr`: a file from which they read only to read it. Pipes and sockets
/// have no rules and need none.
fn of_open(fd: BorrowedFd<'static>) -> Option<PathBeneath<BorrowedFd<'static>>> {
    let kind = FileType::from_raw_mode(fstat(fd).ok()?.st_mode);
    let reads = fcntl_getfl(fd).ok()? & OFlags::RWMODE == OFlags::RDONLY;
    match kind {
        FileType::RegularFile if reads => Some(PathBeneath::new(fd, AccessFs::ReadFile)),
        FileType::RegularFile | FileType::CharacterDevice => Some(PathBeneath::new(fd, OF_OPEN)),
        _ => None,
    }
}

/// Takes the rights of root from this process: with them, root could change the kernel.
fn drop_rights() -> io::Result<()> {
    for right in CapabilitySet::all().iter() {
        // Without the right to do that there is none to take; what counts is that the next call succeeds.
        let _ = remove_capability_from_bounding_set(right);
    }
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}

/// Returns the filter that refuses sockets of this machine that are files or have names: a program that connects to the socket of a
/// session or of a daemon can let that act for it. The ring of system calls could make such sockets, too.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let unix = u64::try_from(libc::AF_UNIX).unwrap_or_default();
    let mut rules = BTreeMap::new();
    for bit in OTHER_NUMBERS {
        let domain = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, unix)?;
        rules.insert(libc::SYS_socket | bit, vec![SeccompRule::new(vec![domain])?]);
        rules.insert(libc::SYS_io_uring_setup | bit, Vec::new());
    }
    let refused = SeccompAction::Errno(libc::EACCES.unsigned_abs());
    let architecture = architecture()
        .ok_or_else(|| seccompiler::BackendError::InvalidTargetArch(std::env::consts::ARCH.to_owned()))?;
    SeccompFilter::new(rules, SeccompAction::Allow, refused, architecture)?.try_into()
}

fn architecture() -> Option<TargetArch> {
    TargetArch::try_from(std::env::consts::ARCH).ok()
}
