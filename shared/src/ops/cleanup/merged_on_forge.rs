//! Work that a forge merged in another form than git can recognize, such as one commit together with what others pushed: the forge's word
//! about exactly this head, which this clone recorded when it looked. It needs no network.

use crate::{
    Result,
    git::{Oid, Repo},
    model::{
        Agent, AgentId, Fact, IdOrText,
        published::{Published, PullRequestState},
        text,
    },
    store::chain::Chain,
};

/// Returns the sentence that says as which pull request a commit was merged, if it was and this clone itself saw that. A commit that the
/// merged head lacked is not merged by it. What other clones recorded does not count: they can write anything.
///
/// # Errors
/// The events or the history cannot be read.
pub(super) fn sentence(
    repo: &Repo,
    id: &AgentId,
    agent: &Agent,
    own: Option<&str>,
    tip: Oid,
) -> Result<Option<String>> {
    let Some(published) = agent.published.as_ref().filter(|one| one.state == PullRequestState::Merged) else {
        return Ok(None);
    };
    let Some(merged) = published.merged_head.as_ref().and_then(IdOrText::commit) else { return Ok(None) };
    let has_it = merged == tip || (repo.has_commit(merged) && repo.contains(merged, tip)?);
    if !has_it {
        return Ok(None);
    }
    let says_so = |one: &Published| {
        one.state == published.state
            && one.number == published.number
            && one.merged_head == published.merged_head
    };
    let chain = Chain::<Agent>::of(repo, id)?;
    let is_seen_here = chain.events.iter().any(|event| {
        Some(event.writer.as_str()) == own
            && matches!(&event.fact, Some(Fact::Published(one)) if says_so(one))
    });
    let (number, into) = (published.number, text::safe(&published.into));
    let (repo, host) = (text::safe(&published.repo), text::safe(&published.host));
    Ok(is_seen_here.then(|| format!("pull request {number} of {repo} on {host} merged it into {into}")))
}
