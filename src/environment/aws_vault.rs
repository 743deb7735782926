//! The variables of aws-vault that say where its keys are.

use std::path::{Path, PathBuf};

use super::{EnvironmentError, Variables, expand_home};
use crate::secret::SecretText;

/// Where aws-vault keeps its keys, as its own variables say.
#[derive(Clone)]
pub struct AwsVaultVariables {
    /// `AWS_VAULT_BACKEND`.
    pub backend: Option<String>,
    /// `AWS_VAULT_FILE_DIR`, else `~/.awsvault/keys`.
    pub file_dir: Option<PathBuf>,
    /// `AWS_VAULT_FILE_PASSPHRASE`.
    pub file_passphrase: Option<SecretText>,
    /// `AWS_VAULT_SECRET_SERVICE_COLLECTION_NAME`, else `awsvault`.
    pub collection: String,
    /// `AWS_VAULT_PASS_CMD`, else `pass`.
    pub pass_program: String,
    /// `AWS_VAULT_PASS_PASSWORD_STORE_DIR`, else `PASSWORD_STORE_DIR`, else `~/.password-store`.
    pub pass_dir: Option<PathBuf>,
    /// `AWS_VAULT_PASS_PREFIX`.
    pub pass_prefix: Option<String>,
}

impl AwsVaultVariables {
    pub(super) fn of(variables: &Variables<'_>, home: Option<&Path>) -> Result<Self, EnvironmentError> {
        let folder = |names: &[&str], below_home: &str| {
            let given = names.iter().find_map(|name| variables.path(name)).map(|path| expand_home(&path, home));
            given.or_else(|| home.map(|home| home.join(below_home)))
        };
        Ok(AwsVaultVariables {
            backend: variables.text("AWS_VAULT_BACKEND")?,
            file_dir: folder(&["AWS_VAULT_FILE_DIR"], ".awsvault/keys"),
            file_passphrase: variables.secret("AWS_VAULT_FILE_PASSPHRASE")?,
            collection: variables
                .text("AWS_VAULT_SECRET_SERVICE_COLLECTION_NAME")?
                .unwrap_or_else(|| "awsvault".to_owned()),
            pass_program: variables.text("AWS_VAULT_PASS_CMD")?.unwrap_or_else(|| "pass".to_owned()),
            pass_dir: folder(&["AWS_VAULT_PASS_PASSWORD_STORE_DIR", "PASSWORD_STORE_DIR"], ".password-store"),
            pass_prefix: variables.text("AWS_VAULT_PASS_PREFIX")?,
        })
    }
}
