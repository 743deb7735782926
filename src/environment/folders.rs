//! Where our own files are: all under `MFAVAULT_HOME`, or where the XDG Base Directory Specification or the system says.

use std::path::{Path, PathBuf};

use super::EnvironmentError;

/// Our three folders; none of them need exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Settings: `config.toml`.
    pub config: PathBuf,
    /// What must not be lost: the encrypted file keystore, the index.
    pub data: PathBuf,
    /// What may be lost but not shared: locks, the spent-step ledger, the audit log.
    pub state: PathBuf,
}

impl Folders {
    /// Finds them. `path` gives a variable as a path, nothing if it is unset or empty.
    pub(super) fn of(path: &dyn Fn(&str) -> Option<PathBuf>, home: Option<&Path>) -> Result<Self, EnvironmentError> {
        if let Some(ours) = path("MFAVAULT_HOME") {
            let ours = std::path::absolute(super::expand_home(&ours, home)).map_err(|error| {
                EnvironmentError::Unparsable { variable: "MFAVAULT_HOME", reason: error.to_string() }
            })?;
            return Ok(Folders { data: ours.join("data"), state: ours.join("state"), config: ours });
        }
        let folder = |variable, by_system: fn(&Path) -> PathBuf| {
            // The specification: "If an implementation encounters a relative path ... ignore it."
            let by_user = path(variable).filter(|path| path.is_absolute());
            let base = by_user.or_else(|| home.map(by_system));
            base.map(|base| base.join("mfavault")).ok_or(EnvironmentError::NoHome { needed_for: "a folder of ours" })
        };
        Ok(Folders {
            config: folder("XDG_CONFIG_HOME", system::config)?,
            data: folder("XDG_DATA_HOME", system::data)?,
            state: folder("XDG_STATE_HOME", system::state)?,
        })
    }
}

#[cfg(not(any(target_os = "macos", windows)))]
mod system {
    use std::path::{Path, PathBuf};

    pub(super) fn config(home: &Path) -> PathBuf {
        home.join(".config")
    }

    pub(super) fn data(home: &Path) -> PathBuf {
        home.join(".local/share")
    }

    pub(super) fn state(home: &Path) -> PathBuf {
        home.join(".local/state")
    }
}

#[cfg(any(target_os = "macos", windows))]
mod system {
    use std::path::{Path, PathBuf};

    use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};

    pub(super) fn config(home: &Path) -> PathBuf {
        choose_native_strategy().map_or_else(|_| home.join(".config"), |native| native.config_dir())
    }

    pub(super) fn data(home: &Path) -> PathBuf {
        choose_native_strategy().map_or_else(|_| home.join(".local/share"), |native| native.data_dir())
    }

    /// Neither system has a folder for state; our name must not be that of `data`.
    pub(super) fn state(home: &Path) -> PathBuf {
        data(home).join("mfavault").join("state")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(pairs: &[(&str, &str)], home: Option<&str>) -> Result<Folders, EnvironmentError> {
        let path = |variable: &str| pairs.iter().find(|(name, _)| *name == variable).map(|(_, value)| value.into());
        Folders::of(&path, home.map(Path::new))
    }

    #[test]
    fn one_variable_puts_all_under_one_folder() {
        let all = folders(&[("MFAVAULT_HOME", "/m"), ("XDG_DATA_HOME", "/x")], None).expect("folders");
        assert_eq!(all, Folders { config: "/m".into(), data: "/m/data".into(), state: "/m/state".into() });
        let home = folders(&[("MFAVAULT_HOME", "~/m")], Some("/h")).expect("folders");
        assert_eq!(home.config, Path::new("/h/m"));
        assert!(folders(&[("MFAVAULT_HOME", "m")], None).expect("folders").data.is_absolute());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn relative_xdg_folders_are_ignored() {
        let xdg = [("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "../s")];
        let expected = Folders {
            config: "/c/mfavault".into(),
            data: "/h/.local/share/mfavault".into(),
            state: "/h/.local/state/mfavault".into(),
        };
        assert_eq!(folders(&xdg, Some("/h")), Ok(expected));
        assert!(matches!(folders(&xdg, None), Err(EnvironmentError::NoHome { .. })));
    }
}
