//! Our folders and files: owners, modes, whether more can be written, what killed runs left, locks that nobody needs.

use std::path::Path;

use super::{Area, Fact, Finding};
use crate::{
    atomic_file::{FileError, PrivateFolder, survey, try_to_write},
    commands::{Context, Error},
    environment::Folders,
};

/// Locks of which there is one for each session that ever was; all others are few, and stay.
const SESSION_LOCK: &str = "session-";

/// Looks at the folders from outside. To be called before anything opens them, because that tightens them.
pub fn look(folders: &Folders) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut seen: Vec<&Path> = Vec::new();
    for folder in [&folders.config, &folders.data, &folders.state] {
        if seen.contains(&folder.as_path()) {
            continue;
        }
        seen.push(folder);
        match survey(folder) {
            Ok(survey) => {
                facts.extend(survey.foreign.into_iter().map(|error| Fact::Fails(Error::File(error))));
                facts.extend(survey.loose.into_iter().map(|(path, mode)| Fact::LooseMode { path, mode }));
                facts.extend(survey.temporary.into_iter().map(|path| Fact::LeftOver { path }));
                let names: Vec<String> =
                    survey.locks.into_iter().filter(|name| name.starts_with(SESSION_LOCK)).collect();
                facts.extend((!names.is_empty()).then(|| Fact::IdleLocks { folder: folder.clone(), names }));
            }
            Err(error) => facts.push(Fact::Fails(Error::File(error))),
        }
    }
    // If both are on one disk, that is one fault.
    let refused = [&folders.data, &folders.state].into_iter().find_map(|folder| try_to_write(folder).err());
    facts.extend(refused.map(|error| Fact::Fails(Error::File(error))));
    facts
}

/// Puts right what was found, if that is wanted and can be done.
pub(super) fn mend(context: &Context<'_>, fact: Fact, fix: bool) -> Finding {
    let finding = Finding::of(Area::Files)(fact);
    if !fix || !finding.fact.can_be_mended() {
        return finding;
    }
    match mended(context, &finding.fact) {
        Ok(mended) => Finding { mended, ..finding },
        Err(error) => Finding::of(Area::Files)(Fact::Fails(Error::File(error))),
    }
}

fn mended(context: &Context<'_>, fact: &Fact) -> Result<bool, FileError> {
    let folders = &context.environment.folders;
    let inside = |path: &Path| path.parent().map(PrivateFolder::open).transpose();
    match fact {
        // Opening it tightens it.
        Fact::LooseMode { path, .. } if [&folders.config, &folders.data, &folders.state].contains(&path) => {
            PrivateFolder::open(path).map(|_| true)
        }
        Fact::LooseMode { path, .. } => match (inside(path)?, path.file_name().and_then(|name| name.to_str())) {
            (Some(folder), Some(name)) => folder.tighten(name).map(|()| true),
            _ => Ok(false),
        },
        Fact::LeftOver { path } => match inside(path)? {
            Some(folder) => folder.remove_left_over(path).map(|()| true),
            None => Ok(false),
        },
        Fact::IdleLocks { folder, names } => {
            let folder = PrivateFolder::open(folder)?;
            let mut all = true;
            for name in names {
                all &= folder.remove_idle_lock(name)?;
            }
            Ok(all)
        }
        _ => Ok(false),
    }
}
