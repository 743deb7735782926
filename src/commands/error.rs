//! Why a command did not do what it was asked: the errors of everything below, and the commands' own facts.

use std::path::PathBuf;

use thiserror::Error;

use crate::{
    arn::Arn,
    atomic_file::FileError,
    aws::{AwsError, endpoints::InvalidEndpoint},
    aws_vault::AwsVaultError,
    backup_file::BackupFileError,
    clipboard::ClipboardError,
    commands::{backup::SharesError, mfa::enable::Begun, report::ReportError, rotate::RotateError},
    credentials::ExportError,
    environment::EnvironmentError,
    mfa::{
        InvalidSeed, InvalidSerialNumber, SerialNumber, interchange::InterchangeError, qr::QrError,
        uri::InvalidOtpauthUri,
    },
    process::{LaunchError, ProcessError},
    profile::{EditError, ProfileError, ProfileName},
    prompt::PromptError,
    session::{ConsentError, ObtainError, PlanError},
    settings::SettingsError,
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
    Consent(ConsentError),
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
    Settings(#[from] SettingsError),
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
    #[error("{} cannot be used", path.display())]
    Picture { path: PathBuf, source: QrError },
    #[error(transparent)]
    Interchange(#[from] InterchangeError),
    #[error("there is no device in it that could be imported")]
    NothingToImport,
    #[error("there are {count} devices in it, and the {option} is given for one")]
    ForOneDevice { option: &'static str, count: usize },
    #[error("other seeds are here for {}", names.join(", "))]
    ImportConflict { names: Vec<String> },
    #[error("the backup {} cannot be used", path.display())]
    Backup { path: PathBuf, source: BackupFileError },
    #[error(transparent)]
    Shares(#[from] SharesError),
    #[error("{} is encrypted with age, but is no backup of mfavault: {reason}", path.display())]
    NotABackup { path: PathBuf, reason: String },
    #[error("the backup {} does not read back as it was written", path.display())]
    BackupNotReadBack { path: PathBuf },
    #[error("there is nothing to back up: the vault holds no device")]
    NothingToBackUp,
    #[error("the {kind} `{name}` is in the index, but not in the keystore")]
    RecordGone { kind: &'static str, name: String },
    #[error("there is no device here that could be written")]
    NothingToExport,
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
    #[error("another MFA device is called `{name}` here")]
    NameTaken { name: String },
    #[error("the device {serial_number} is here already, as `{name}`")]
    SerialNumberHeld { serial_number: SerialNumber, name: String },
    #[error("the device has no name, and none can be worked out from a label or serial number")]
    NameNeeded,
    #[error("`{name}` cannot name a record: {reason}")]
    RecordName { name: String, reason: &'static str },
    #[error("the device `{name}` cannot be {serial_number}: {reason}")]
    NotForAws { name: String, serial_number: SerialNumber, reason: String },
    #[error("the device `{name}` counts its codes, and there are none of two time steps")]
    CounterBased { name: String },
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
    #[error("there is no access key in it that could be imported")]
    NoKeysToImport,
    #[error("other access keys are here for {}", list_of_profiles(profiles))]
    KeyConflict { profiles: Vec<ProfileName> },
    #[error(transparent)]
    AwsVault(#[from] AwsVaultError),
    #[error("aws-vault's backend `{name}` cannot be read here")]
    AwsVaultBackend { name: String },
    #[error("the entry `{name}` of the password store cannot be removed")]
    PasswordStore { name: String, source: ProcessError },
    #[error(transparent)]
    Rotate(#[from] RotateError),
    #[error("AWS does not know this access key pair")]
    KeyRefused { source: AwsError },
    #[error("the keys belong to {arn}, not to an IAM user, and only users have virtual MFA devices of their own")]
    NotAUser { arn: Arn },
    #[error("the keys are the root user's, whose MFA devices can be enabled in the console only")]
    RootUser { arn: Arn },
    #[error("the profile `{profile}` is a role's, and only users have virtual MFA devices of their own")]
    NotOfAUser { profile: ProfileName },
    #[error("the sessions of the profile `{profile}` are not made with its own key")]
    NoSessionOfKey { profile: ProfileName },
    #[error(
        "AWS wants MFA of the user {user_name} for this, and the API takes none of what there is: {}",
        list_of(serial_numbers)
    )]
    OnlyPasskeys { user_name: String, serial_numbers: Vec<SerialNumber> },
    #[error("the user {user_name} has as many MFA devices as AWS allows: {}", list_of(serial_numbers))]
    DeviceLimit { profile: ProfileName, user_name: String, is_own: bool, serial_numbers: Vec<SerialNumber> },
    #[error("`{name}` cannot name an MFA device: {reason}")]
    DeviceName { name: String, reason: &'static str },
    #[error("`{name}` and all names like it are taken at AWS")]
    NamesTaken { name: String },
    #[error("the MFA device {} is begun, not finished", begun.serial_number)]
    EnrolmentUnfinished { begun: Box<Begun>, source: Box<Error> },
    #[error("another MFA device is begun with `{}`, and not finished: {}", begun.profile, begun.serial_number)]
    EnrolmentBegun { begun: Box<Begun>, name: String },
    #[error("AWS has no device {serial_number}, whose seed is here as `{name}`")]
    NotAtAws { name: String, serial_number: SerialNumber },
    #[error("{serial_number} is in use already, and not by {user_name}")]
    DeviceInUse { serial_number: SerialNumber, user_name: String },
    #[error("{} is there already, and is not the QR code of this device", path.display())]
    PictureExists { path: PathBuf },
    #[error("there is no folder {}", path.display())]
    NoFolder { path: PathBuf },
    #[error("AWS does not take codes of {serial_number} yet")]
    NotProved { serial_number: SerialNumber, source: AwsError },
    #[error(transparent)]
    SerialNumber(#[from] InvalidSerialNumber),
    #[error("no profile is known for {serial_number}, whose keys could ask AWS about it")]
    ProfileNeeded { serial_number: SerialNumber },
    #[error("{serial_number} is in another account than the keys of `{profile}`, which are of {account_id}")]
    OtherAccount { serial_number: SerialNumber, profile: ProfileName, account_id: String },
    #[error("{serial_number} is no MFA device of the user {user_name}{}", of_owner(owner.as_deref()))]
    NotOfUser { serial_number: SerialNumber, user_name: String, owner: Option<String> },
    #[error("AWS does not demand {serial_number} of the user {user_name}")]
    NotEnabled { serial_number: SerialNumber, user_name: String },
    #[error("the seed of {serial_number} is not here")]
    SeedNotHere { serial_number: SerialNumber },
    #[error("{serial_number} is no virtual MFA device, and AWS deletes only those")]
    NotVirtual { serial_number: SerialNumber },
    #[error("{serial_number} is being replaced, and the new device may not work yet")]
    BeingReplaced { name: String, serial_number: SerialNumber },
    #[error("{serial_number} is deactivated, and could not be deleted: AWS keeps it, and demands it of nobody")]
    NotDeleted { serial_number: SerialNumber, source: AwsError },
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
    #[error("the passphrase was changed, but the system's keystore still remembers the old one")]
    PassphraseRememberedStill { source: Box<VaultError> },
    #[error("this is for the encrypted file, and the keystore in use is `{keystore}`")]
    NothingToUnlock { keystore: &'static str },
    #[error("the QR code is {needed} columns wide, and the terminal {columns}")]
    QrTooWide { needed: usize, columns: usize },
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
    #[error("there is no partition `{name}`")]
    NoPartition { name: String },
    #[error("AWS did not make the credential report within a minute")]
    ReportLate,
    #[error("what AWS gave cannot be read as a credential report")]
    Report(#[from] ReportError),
    #[error("the rehearsal failed: {reason}")]
    Rehearsal { reason: String },
    #[error("cannot {action}")]
    Io { action: &'static str, source: std::io::Error },
}

fn list_of(serial_numbers: &[SerialNumber]) -> String {
    serial_numbers.iter().map(SerialNumber::as_str).collect::<Vec<_>>().join(", ")
}

fn list_of_profiles(profiles: &[ProfileName]) -> String {
    profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(", ")
}

fn of_owner(owner: Option<&str>) -> String {
    owner.map_or_else(String::new, |owner| format!(", but of {owner}"))
}

impl From<ConsentError> for Error {
    fn from(error: ConsentError) -> Self {
        match error {
            ConsentError::Vault(error) => Error::Vault(error),
            ConsentError::Prompt(error) => Error::Prompt(error),
            error => Error::Consent(error),
        }
    }
}
