//! Why a command did not do what it was asked: the errors of everything below, and the commands' own facts.

use std::path::PathBuf;

use thiserror::Error;

use crate::{
    arn::Arn,
    atomic_file::FileError,
    aws::{AwsError, endpoints::InvalidEndpoint},
    backup_file::BackupFileError,
    clipboard::ClipboardError,
    credentials::ExportError,
    environment::EnvironmentError,
    mfa::{InvalidSeed, SerialNumber, qr::QrError, uri::InvalidOtpauthUri},
    process::LaunchError,
    profile::{EditError, ProfileError, ProfileName},
    prompt::PromptError,
    session::{ObtainError, PlanError},
    shared_config::SharedConfigError,
    vault::VaultError,
};

/// An error of a command. What to do about it is for `cli` to say.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "each variant's message says what it is; fields are what it names")]
pub enum Error {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Obtain(#[from] ObtainError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    SharedConfig(#[from] SharedConfigError),
    #[error("the AWS config cannot be changed")]
    Edit(#[from] EditError),
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("this is not a seed")]
    Seed(#[from] InvalidSeed),
    #[error("this otpauth URI cannot be used")]
    Uri(#[from] InvalidOtpauthUri),
    #[error("the QR code cannot be used")]
    Qr(#[from] QrError),
    #[error("the picture has {count} QR codes, and one device is imported at a time")]
    SeveralQrCodes { count: usize },
    #[error("the backup {} cannot be used", path.display())]
    Backup { path: PathBuf, source: BackupFileError },
    #[error("{} is encrypted with age, but is no backup of mfavault: {reason}", path.display())]
    NotABackup { path: PathBuf, reason: String },
    #[error("the backup {} does not read back as it was written", path.display())]
    BackupNotReadBack { path: PathBuf },
    #[error("there is nothing to back up: the vault holds no device")]
    NothingToBackUp,
    #[error("the {kind} `{name}` is in the index, but not in the keystore")]
    RecordGone { kind: &'static str, name: String },
    #[error("the backup and the vault differ in {}", names.join(", "))]
    RestoreConflict { names: Vec<String> },
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    #[error("nothing was changed: not confirmed")]
    Declined,
    #[error("there is no MFA device `{name}` here, and none of a profile of that name")]
    NoDevice { name: String },
    #[error("the profile `{profile}` has no MFA device here")]
    NoDeviceOfProfile { profile: ProfileName },
    #[error("the profile `{profile}` has several MFA devices here: {}", names.join(", "))]
    SeveralDevices { profile: ProfileName, names: Vec<String> },
    #[error("the MFA device `{name}` is here already, with another seed, other settings or another serial number")]
    DeviceExists { name: String },
    #[error("the device {serial_number} is here already, as `{name}`")]
    SerialNumberHeld { serial_number: SerialNumber, name: String },
    #[error("the device has no name, and none can be worked out from a label or serial number")]
    NameNeeded,
    #[error("`{name}` cannot name a record: {reason}")]
    RecordName { name: String, reason: &'static str },
    #[error("the device `{name}` cannot be {serial_number}: {reason}")]
    NotForAws { name: String, serial_number: SerialNumber, reason: String },
    #[error("the device `{name}` has no serial number")]
    NoSerialNumber { name: String },
    #[error("the file name {} ends neither in .png nor in .svg", path.display())]
    PictureFormat { path: PathBuf },
    #[error("the vault has no access key of the profile `{profile}`")]
    NoKey { profile: ProfileName },
    #[error("the profile `{profile}` has another access key here, {masked}")]
    KeyExists { profile: ProfileName, masked: String },
    #[error("{origin}: {reason}")]
    KeyInput { origin: String, reason: String },
    #[error("AWS does not know this access key pair")]
    KeyRefused { source: AwsError },
    #[error("the keys belong to {arn}, not to an IAM user, and only users have virtual MFA devices of their own")]
    NotAUser { arn: Arn },
    #[error("the user {user_name} has an MFA device already: {serial_number}")]
    UserHasDevice { user_name: String, serial_number: SerialNumber },
    #[error("`{name}` cannot name an MFA device: AWS takes letters, digits and _+=,.@-")]
    DeviceName { name: String },
    #[error("`{name}` and all names like it are taken at AWS")]
    NamesTaken { name: String },
    #[error("the MFA device of `{profile}` is begun, not finished")]
    EnrolmentUnfinished { profile: ProfileName, source: Box<Error> },
    #[error("AWS has no device {serial_number}, whose seed is here as `{name}`")]
    NotAtAws { name: String, serial_number: SerialNumber },
    #[error("{} is there already, and is not the QR code of this device", path.display())]
    PictureExists { path: PathBuf },
    #[error("AWS does not take codes of the new device yet")]
    NotProved,
    #[error("the profile `{profile}` is not in {}", file.display())]
    NotInConfig { profile: ProfileName, file: PathBuf },
    #[error("the profile `{profile}` has no credential_process of ours")]
    NotSetUp { profile: ProfileName },
    #[error(
        "the profile `{profile}` has static keys at {place}, which the AWS CLI and SDKs take before credential_process"
    )]
    StaticKeys { profile: ProfileName, place: String, in_config: bool },
    #[error(
        "the profile `{profile}` has a {key} at {place}, which the AWS CLI and SDKs take before what is in the config"
    )]
    TakenFirst { profile: ProfileName, key: &'static str, place: String, config: PathBuf },
    #[error("the credentials of `{profile}` have no known end to come, which SDKs want of a server's")]
    NothingToServe { profile: ProfileName },
    #[error("the keystore `{keystore}` needs no unlocking here")]
    NothingToUnlock { keystore: &'static str },
    #[error("standard output is not a terminal, and a QR code there would put the seed into a file or a log")]
    NotATerminal,
    #[error(transparent)]
    Clipboard(#[from] ClipboardError),
    #[error("--watch needs a terminal")]
    WatchNeedsTerminal,
    #[error("there is no device to watch")]
    NothingToWatch,
    #[error("{} is not UTF-8 text", path.display())]
    NotText { path: PathBuf },
    #[error("{} is no policy document: {reason}", path.display())]
    Policy { path: PathBuf, reason: String },
    #[error("`{place}` is no place in this console: {reason}")]
    Destination { place: String, reason: String },
    #[error("the credentials of `{profile}` are long-term ones, and the console signs in only sessions")]
    LongTermAtConsole { profile: ProfileName },
    #[error("no browser can be opened here")]
    NoBrowser { profile: ProfileName },
    #[error("no browser came for the address within 30 s")]
    BrowserStaysAway { profile: ProfileName },
    #[error("the rehearsal failed: {reason}")]
    Rehearsal { reason: String },
    #[error("cannot {action}")]
    Io { action: &'static str, source: std::io::Error },
}
