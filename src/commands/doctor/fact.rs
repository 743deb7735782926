//! What `doctor` can find, as facts.

use std::{path::PathBuf, time::Duration};

use crate::{
    commands::Error,
    mfa::SerialNumber,
    profile::{Place, ProfileName},
    vault::{AuditFault, VaultError},
};

/// A part of the world that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// The keystore and its records.
    Keystore,
    /// Our folders and files.
    Files,
    /// The AWS config, and what else the AWS CLI and SDKs read.
    Config,
    /// This machine's clock.
    Clock,
    /// The access keys, as AWS sees them.
    Keys,
    /// The MFA devices, as AWS sees them.
    Devices,
    /// The log of what was done.
    Log,
}

impl Area {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Area; 7] =
        [Area::Keystore, Area::Files, Area::Config, Area::Clock, Area::Keys, Area::Devices, Area::Log];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Area::Keystore => "keystore",
            Area::Files => "files",
            Area::Config => "config",
            Area::Clock => "clock",
            Area::Keys => "keys",
            Area::Devices => "devices",
            Area::Log => "log",
        }
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// All is well.
    Good,
    /// Worth knowing; nothing is wrong.
    Note,
    /// Something is wrong.
    Wrong,
}

/// One fact about one area.
#[derive(Debug)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// What was found.
    pub fact: Fact,
    /// Whether it was put right.
    pub mended: bool,
}

impl Finding {
    /// Makes findings of facts about an area, which nobody mended.
    pub fn of(area: Area) -> impl Fn(Fact) -> Finding {
        move |fact| Finding { area, fact, mended: false }
    }

    /// How much it matters now.
    pub fn weight(&self) -> Weight {
        if self.mended { Weight::Note } else { self.fact.weight() }
    }
}

/// What was found.
#[derive(Debug)]
pub enum Fact {
    /// Looked at, and found well.
    NothingWrong,
    /// Not looked at, because AWS was not asked.
    NotAsked,
    /// Could not be looked at, for a cause that another area tells.
    NotLookedAt,
    /// Which keystore holds what, and why it is that one.
    Keystore {
        /// Its name.
        name: String,
        /// What it is for, its state, and who chose it.
        state: String,
        /// Why it cannot be used, if it cannot.
        unusable: Option<Error>,
    },
    /// It stopped what was being done, and would stop other commands.
    Fails(Error),
    /// The same with one profile.
    FailsFor {
        /// Which one.
        profile: ProfileName,
        /// Why.
        error: Error,
    },
    /// The index cannot be read.
    IndexDamaged(VaultError),
    /// A key or device in the keystore that the index does not name, so that nobody finds it.
    Unnamed {
        /// Such as `access key`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Remembered sessions that the index does not name.
    Strays {
        /// How many.
        count: usize,
    },
    /// A keystore is locked, and nobody opened it: its records were not looked at.
    NotOpened(Error),
    /// The index names a record that the keystore does not have.
    Ghost {
        /// Such as `access key`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The keystore has none of the records that the index names.
    HasNone {
        /// Its name.
        keystore: &'static str,
        /// How many the index names.
        count: usize,
    },
    /// A device that was begun and neither finished nor undone.
    UnfinishedEnrolment {
        /// With which profile.
        profile: ProfileName,
        /// Which device.
        serial_number: SerialNumber,
    },
    /// What would be unfinished, if nobody were at it.
    UnderWay {
        /// Such as `enrolment`.
        what: &'static str,
        /// With which profile.
        profile: ProfileName,
    },
    /// A move of all records to another keystore that was begun and not finished.
    UnfinishedMove {
        /// From which one.
        from: String,
        /// To which one.
        to: String,
        /// Whether it is of the seeds alone.
        seeds_only: bool,
    },
    /// An access key that is being replaced, and is not yet.
    UnfinishedRotation {
        /// With which profile.
        profile: ProfileName,
        /// The masked ID of the key that goes.
        masked_old: String,
        /// Whether that one is inactive, and only its deletion is left.
        only_deletion: bool,
    },
    /// The file of the file keystore is damaged or gone.
    KeystoreDamaged {
        /// What is wrong with it.
        reason: &'static str,
        /// Whether the generation before it is whole, as far as can be told.
        can_go_back: bool,
    },
    /// Damaged files of the file keystore that were set aside.
    SetAside {
        /// Which.
        paths: Vec<PathBuf>,
    },
    /// The log is not as it was written.
    LogTampered(AuditFault),
    /// The log has become large.
    LogLarge {
        /// How large.
        bytes: u64,
    },
    /// The log before this one was not as it was written when it was closed.
    LogClosedBroken {
        /// Its file, if there was one.
        file: Option<String>,
        /// What was wrong with it.
        fault: String,
    },
    /// A log that was closed is another one than it was then.
    LogClosedChanged {
        /// Its file.
        path: PathBuf,
    },
    /// Others may look into a file or folder.
    LooseMode {
        /// Which one.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others may read the file that the environment names for the passphrase.
    PassphraseReadable {
        /// Which one.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A killed process left an unfinished file.
    LeftOver {
        /// Which one.
        path: PathBuf,
    },
    /// Lock files of sessions that nobody waits for any more.
    IdleLocks {
        /// Where.
        folder: PathBuf,
        /// Their names.
        names: Vec<String>,
    },
    /// A key by which the AWS CLI and SDKs get credentials before they would ask us.
    BeatsProcess {
        /// Of which profile.
        profile: ProfileName,
        /// Which key.
        key: &'static str,
        /// Where.
        place: String,
    },
    /// The program that `credential_process` starts is not there.
    ProcessGone {
        /// Of which profile.
        profile: ProfileName,
        /// Where.
        place: String,
        /// Which program.
        program: String,
    },
    /// A heading that AWS's tools pass over, with all that stands below it.
    OddHeading {
        /// Where.
        place: String,
        /// As written.
        heading: String,
        /// What was most likely meant.
        meant: String,
    },
    /// A user's ARN where a device's belongs.
    UserArnAsSerial {
        /// Where.
        place: Box<Place>,
        /// The device of that profile that is here, if there is one.
        serial_number: Option<SerialNumber>,
    },
    /// An access key in plain text.
    KeyInClear {
        /// Of which profile, as `import credentials-file` calls it.
        profile: ProfileName,
        /// Where.
        place: String,
        /// Whether the vault has this one, too, or another one of the profile; none if it has none.
        is_held: Option<bool>,
    },
    /// Session credentials in plain text.
    SessionInClear {
        /// Of which profile.
        profile: ProfileName,
        /// Where.
        place: String,
    },
    /// Sessions in plain text, which the AWS CLI keeps.
    CliCache {
        /// Where.
        folder: PathBuf,
        /// How many files.
        count: usize,
    },
    /// Credentials in the environment, which come before those of profiles.
    KeysInEnvironment,
    /// How far this machine's clock is from AWS's.
    Clock {
        /// Seconds that AWS is ahead; negative if it is behind.
        seconds: i64,
    },
    /// Nobody could ask AWS what time it is.
    ClockUnknown,
    /// An access key that should be replaced.
    OldKey {
        /// Whose.
        profile: ProfileName,
        /// How old, at least.
        age: Duration,
    },
    /// A device held here that AWS does not have, or does not demand of its user.
    NotAtAws {
        /// Its local name.
        name: String,
        /// Its serial number.
        serial_number: SerialNumber,
        /// Of whom.
        profile: Option<ProfileName>,
        /// Whether AWS has it, unassigned.
        unassigned: bool,
    },
    /// A device that AWS demands, whose seed is not here.
    NotHere {
        /// Its serial number.
        serial_number: SerialNumber,
        /// Whose.
        profile: Option<ProfileName>,
    },
    /// A device at AWS that nobody has, and whose seed is not here.
    Orphan {
        /// Its serial number.
        serial_number: SerialNumber,
    },
    /// Devices that no backup has.
    NotBackedUp {
        /// Their local names.
        names: Vec<String>,
    },
}

/// Each takes a name in a folder, and no room.
const MANY_LOCKS: usize = 100;
/// More than this is not the way the answer took; codes are made for AWS's time then.
const NOTABLE_SECONDS: u64 = 10;
/// More than this, and signatures do not hold.
const LARGEST_SECONDS: u64 = 300;

impl Fact {
    /// How much it matters.
    pub fn weight(&self) -> Weight {
        match self {
            Fact::NothingWrong | Fact::NotAsked | Fact::Keystore { unusable: None, .. } => Weight::Good,
            Fact::Clock { seconds } if seconds.unsigned_abs() > LARGEST_SECONDS => Weight::Wrong,
            Fact::Clock { seconds } if seconds.unsigned_abs() >= NOTABLE_SECONDS => Weight::Note,
            Fact::Clock { .. } => Weight::Good,
            // They are of no account before they are many.
            Fact::IdleLocks { names, .. } if names.len() < MANY_LOCKS => Weight::Good,
            Fact::IdleLocks { .. }
            | Fact::KeysInEnvironment
            | Fact::PassphraseReadable { .. }
            | Fact::ClockUnknown
            | Fact::OldKey { .. }
            | Fact::NotHere { .. }
            | Fact::UnderWay { .. }
            | Fact::SetAside { .. }
            | Fact::Strays { .. }
            | Fact::NotOpened(_)
            | Fact::Orphan { .. }
            | Fact::NotLookedAt
            | Fact::LogLarge { .. }
            | Fact::LogClosedBroken { .. }
            | Fact::NotBackedUp { .. } => Weight::Note,
            Fact::Keystore { .. }
            | Fact::Fails(_)
            | Fact::FailsFor { .. }
            | Fact::Ghost { .. }
            | Fact::IndexDamaged(_)
            | Fact::Unnamed { .. }
            | Fact::HasNone { .. }
            | Fact::UnfinishedEnrolment { .. }
            | Fact::UnfinishedRotation { .. }
            | Fact::UnfinishedMove { .. }
            | Fact::KeystoreDamaged { .. }
            | Fact::LogTampered(_)
            | Fact::LogClosedChanged { .. }
            | Fact::LooseMode { .. }
            | Fact::LeftOver { .. }
            | Fact::BeatsProcess { .. }
            | Fact::ProcessGone { .. }
            | Fact::OddHeading { .. }
            | Fact::UserArnAsSerial { .. }
            | Fact::KeyInClear { .. }
            | Fact::SessionInClear { .. }
            | Fact::CliCache { .. }
            | Fact::NotAtAws { .. } => Weight::Wrong,
        }
    }

    /// Whether `doctor --fix` puts it right.
    pub fn can_be_mended(&self) -> bool {
        match self {
            // Whoever could write there may have planted something: that is for a person to look at.
            Fact::LooseMode { mode, .. } => mode & 0o022 == 0,
            Fact::Ghost { .. }
            | Fact::IndexDamaged(_)
            | Fact::Unnamed { .. }
            | Fact::Strays { .. }
            | Fact::LeftOver { .. }
            | Fact::IdleLocks { .. } => true,
            _ => false,
        }
    }
}
