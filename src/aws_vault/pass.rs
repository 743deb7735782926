//! The part of the password store: one encrypted file an item, below a folder that is the prefix. What is in them only the
//! program `pass` tells, whose command lines are made here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{AwsVaultError, MOST_ITEMS};
use crate::visible::shell_word;

/// Deeper than anybody nests.
const DEEPEST: usize = 16;

/// The names of the items below a folder of the store; none where there is no such folder.
///
/// # Errors
/// If a folder cannot be read, then `Folder`; if there are too many, then `TooMany`.
pub fn entries(store: &Path, prefix: &str) -> Result<Vec<String>, AwsVaultError> {
    let root = store.join(prefix.trim_start_matches('/'));
    let mut names = Vec::new();
    let mut folders = vec![(root.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let failed = |source| AwsVaultError::Folder { path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            // Links are not followed: they may lead around in a circle.
            if entry.file_type().map_err(failed)?.is_dir() && depth < DEEPEST {
                folders.push((path, depth + 1));
            } else {
                names.extend(name_of(&path, &root));
            }
        }
        if names.len() + folders.len() > 10 * MOST_ITEMS {
            return Err(AwsVaultError::TooMany { place: store.display().to_string() });
        }
    }
    names.sort();
    Ok(names)
}

fn name_of(path: &Path, root: &Path) -> Option<String> {
    let below = path.strip_prefix(root).ok()?.to_str()?;
    Some(below.strip_suffix(".gpg")?.to_owned())
}

/// The command line that prints an item.
pub fn show_command(program: &Path, prefix: &str, name: &str) -> String {
    format!("{} show -- {}", shell_word(program.display()), shell_word(below(prefix, name)))
}

/// The command line that removes an item.
pub fn remove_command(program: &Path, prefix: &str, name: &str) -> String {
    format!("{} rm -f -- {}", shell_word(program.display()), shell_word(below(prefix, name)))
}

fn below(prefix: &str, name: &str) -> String {
    PathBuf::from(prefix.trim_matches('/')).join(name).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_below_the_prefix_only() {
        let store = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(store.path().join("aws/team")).expect("made");
        for file in ["private.gpg", "aws/prod.gpg", "aws/team/dev.gpg", "aws/.gpg-id", "aws/notes.txt"] {
            fs::write(store.path().join(file), "").expect("written");
        }
        assert_eq!(entries(store.path(), "aws").expect("read"), ["prod", "team/dev"]);
        assert_eq!(entries(store.path(), "none").expect("read"), Vec::<String>::new());
        assert_eq!(entries(store.path(), "").expect("read"), ["aws/prod", "aws/team/dev", "private"]);
    }

    #[test]
    fn a_name_is_one_word_of_the_command_line_and_no_option() {
        let program = Path::new("/usr/bin/pass");
        assert_eq!(show_command(program, "aws/", "team/prod"), "/usr/bin/pass show -- aws/team/prod");
        assert_eq!(show_command(program, "", "$(id); -c"), "/usr/bin/pass show -- '$(id); -c'");
        assert_eq!(remove_command(program, "a b", "it's"), r"/usr/bin/pass rm -f -- 'a b/it'\''s'");
    }
}
