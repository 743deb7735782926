//! How often each profile was used, so that choosing one begins with the likeliest. A line a use, appended: whoever is
//! in a hurry pays for one write and does not wait for the disk, and what is lost is lost.

use std::collections::HashMap;

use super::VaultError;
use crate::{
    atomic_file::{PrivateFolder, previous_name},
    profile::ProfileName,
};

const FILE: &str = "uses";
/// Some thousand uses; the file before is counted as well.
const LIMIT_BYTES: u64 = 64 * 1024;

pub(super) fn note(folder: &PrivateFolder, profile: &ProfileName) -> Result<(), VaultError> {
    Ok(folder.append(FILE, format!("{profile}\n").as_bytes(), LIMIT_BYTES)?)
}

pub(super) fn counted(folder: &PrivateFolder) -> Result<HashMap<ProfileName, usize>, VaultError> {
    let mut uses = HashMap::new();
    for name in [FILE, &previous_name(FILE)] {
        let content = folder.read(name)?.unwrap_or_default();
        for profile in String::from_utf8_lossy(&content).lines().filter_map(|line| line.parse().ok()) {
            *uses.entry(profile).or_default() += 1;
        }
    }
    Ok(uses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_counted_and_the_file_stays_small() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = PrivateFolder::open(&place.path().join("state")).expect("private");
        let name = |text: &str| text.parse::<ProfileName>().expect("a name");
        for profile in ["prod", "a b", "prod"] {
            note(&folder, &name(profile)).expect("noted");
        }
        assert_eq!(counted(&folder).expect("counts"), HashMap::from([(name("prod"), 2), (name("a b"), 1)]));
        let long = name(&"x".repeat(256));
        for _ in 0..600 {
            note(&folder, &long).expect("noted");
        }
        let sizes = [FILE, "uses.previous"].map(|file| folder.read(file).expect("read").expect("there").len() as u64);
        assert!(sizes.iter().all(|size| *size < LIMIT_BYTES + 300), "{sizes:?}");
        let uses = counted(&folder).expect("counts");
        assert!(uses[&long] >= 255, "{uses:?}");
    }

    #[test]
    fn what_is_no_name_is_passed_over() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = PrivateFolder::open(&place.path().join("state")).expect("private");
        folder.write(FILE, b"prod\n\n\xff[x]\n\x1b[2J\npro").expect("written");
        let names: Vec<_> = counted(&folder).expect("counts").into_keys().map(|name| name.to_string()).collect();
        assert!(names.len() == 2 && names.contains(&"prod".to_owned()), "{names:?}");
    }
}
