//! The file of nft that the rules are loaded from at boot.

use super::{Accept, listing::Chain, text};
use crate::{FileChange, plan::draft::Draft};

/// The files that nftables.service loads.
const FILES: [&str; 2] = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];

/// The same rule in the file that the chain is loaded from at boot.
pub(super) fn kept(
    draft: &Draft<'_>,
    chain: &Chain,
    accept: &Accept,
) -> Option<FileChange> {
    FILES.into_iter().find_map(|path| {
        let before = draft.text(path)?;
        let after = text::with(&before, std::slice::from_ref(chain), accept)?;
        let path = path.to_owned();
        Some(FileChange { path, before: Some(before), after: Some(after) })
    })
}
