//! Ports of an agent's own: a block of ten that no other live agent of this user on this machine has. The block is a locked file, so
//! that the kernel frees it however the supervisor ends.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    time::Duration,
};

use rustix::fs::{Access, access};

use crate::{lock::Lock, model::AgentId, slots, world::Environment};

/// How many ports a block has.
pub const BLOCK: u16 = 10;
/// The first port of the first block: below are the ports of well-known programs, above those that the system hands out.
const FIRST: u16 = 20_000;
/// The number of blocks; the last one ends below the ports that Linux hands out by itself.
const BLOCKS: u16 = 1200;
/// How many blocks are tried.
const MAX_TRIED: u16 = 200;

/// A block of ports, held until it is dropped.
#[derive(Debug)]
pub struct PortBlock {
    /// The first port.
    pub first: u16,
    _lock: Lock,
}

impl PortBlock {
    /// Takes a block whose ports are free now: `before` if the agent had one, else the first free one in an order that depends on the
    /// agent alone. `None` if the user has no folder for locks, or no block of those tried is free.
    pub fn take(environment: &Environment, id: &AgentId, before: Option<u16>) -> Option<Self> {
        let folder = slots::folder_of_ports(environment)?;
        candidates(id, before).find_map(|first| Self::try_take(&folder.join(first.to_string()), first))
    }

    fn try_take(path: &Path, first: u16) -> Option<Self> {
        let lock = Lock::take(path, Duration::ZERO).ok()??;
        (first..first + BLOCK).all(is_free).then_some(Self { first, _lock: lock })
    }
}

/// Returns why agents get no ports of their own, if their locks cannot be written. Nothing is made.
pub fn why_none(environment: &Environment) -> Option<String> {
    let Some(folder) = slots::folder_of_ports(environment) else {
        return Some("neither the folder XDG_RUNTIME_DIR nor the home folder exists".to_owned());
    };
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let may_write = there.is_dir() && access(there, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    (!may_write).then(|| format!("'{}' cannot be written", there.display()))
}

/// Returns the first ports of the blocks to try.
fn candidates(id: &AgentId, before: Option<u16>) -> impl Iterator<Item = u16> {
    let hash = id.as_str().bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let start = u16::try_from(hash % u32::from(BLOCKS)).unwrap_or_default();
    let blocks = (0..MAX_TRIED).map(move |step| FIRST + (start + step) % BLOCKS * BLOCK);
    let is_block = |first: &u16| *first >= FIRST && (*first - FIRST).is_multiple_of(BLOCK);
    before.filter(is_block).filter(|first| *first < FIRST + BLOCKS * BLOCK).into_iter().chain(blocks)
}

/// Returns whether nobody listens on a port of this machine.
fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> AgentId {
        AgentId::parse("add-tests-q0q88").unwrap()
    }

    #[test]
    fn an_agent_has_the_same_candidates_each_time_and_keeps_its_block() {
        let all: Vec<u16> = candidates(&id(), None).collect();
        assert_eq!(all, candidates(&id(), None).collect::<Vec<_>>());
        assert_eq!(all.len(), usize::from(MAX_TRIED));
        assert!(all.iter().all(|first| first % BLOCK == 0 && (20_000..32_000).contains(first)), "{all:?}");
        for (before, expected) in [
            (Some(20_010), 20_010),
            (Some(31_990), 31_990),
            (Some(32_000), all[0]),
            (Some(20_011), all[0]),
            (Some(80), all[0]),
        ] {
            assert_eq!(candidates(&id(), before).next(), Some(expected), "{before:?}");
        }
    }

    #[test]
    fn it_is_said_why_there_are_none() {
        let home = tempfile::tempdir().unwrap();
        let of = |path: &Path| why_none(&Environment::new([("HOME".into(), path.into())], path));
        assert_eq!(of(home.path()), None);
        let missing = home.path().join("missing");
        assert!(of(&missing).is_some_and(|why| why.contains("nor the home folder exists")));
        std::fs::write(home.path().join(".local"), "").unwrap();
        assert!(of(home.path()).is_some_and(|why| why.ends_with(".local' cannot be written")));
    }

    #[test]
    fn two_holders_never_have_the_same_block() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::new([("XDG_RUNTIME_DIR".into(), home.path().into())], home.path());
        let one = PortBlock::take(&environment, &id(), None).unwrap();
        let other = PortBlock::take(&environment, &id(), Some(one.first)).unwrap();
        assert_ne!(one.first, other.first);
        let first = one.first;
        drop(one);
        assert_eq!(PortBlock::take(&environment, &id(), Some(first)).unwrap().first, first);
    }
}
