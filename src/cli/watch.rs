//! `code --watch`: the codes of all devices, or of one, live, for a person who looks. `table` lays them out.

mod table;

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use self::table::{Codes, Row, Table};
use super::report::{Colour, INTERRUPTED};
use crate::{
    aws::ClockOffset,
    commands::{Context, Error},
    mfa::{TimeStep, VirtualMfaDevice},
    prompt::{Key, Screen},
    session::{Authenticator, ShownCode, clock_offset},
    vault::DeviceRecord,
    visible::visible,
};

/// What asks for the codes, in questions and in the audit log.
const COMMAND: &str = "mfavault code --watch";

/// Shows the codes with the time they have left, until somebody quits. Nothing is spent: who takes a code from the
/// screen does not say so. Hidden are those of devices that ask first, until they were asked for, and of those that
/// count their codes: each look would be one.
pub(super) fn run(context: &Context<'_>, name: Option<&str>, colour: Colour) -> Result<ExitCode, Error> {
    if cfg!(unix) && context.environment.term.as_deref().is_none_or(|terminal| terminal == "dumb") {
        return Err(Error::WatchNeedsTerminal);
    }
    let names = match name {
        Some(name) => vec![context.device_name(name)?],
        None => context.vault.index()?.devices.into_keys().collect(),
    };
    let devices = names.iter().map(|name| Ok(Watched { record: context.device(name)?, given: None }));
    let devices = devices.collect::<Result<Vec<_>, Error>>()?;
    if devices.is_empty() {
        return Err(Error::NothingToWatch);
    }
    let offset = clock_offset(context.vault, context.aws)?;
    let mut watch = Watch { devices, offset, chosen: 0, shows_next: false, message: None, colour };
    let mut screen = context.prompt.screen()?.ok_or(Error::WatchNeedsTerminal)?;
    let authenticator = Authenticator { vault: context.vault, clock: context.clock, prompt: context.prompt };
    for watched in watch.devices.iter().filter(|watched| watched.is_shown()) {
        authenticator.watched(&watched.record, COMMAND)?;
    }
    loop {
        let looked = watch.look(context, &mut screen);
        drop(screen);
        match looked? {
            Looked::Enough => return Ok(ExitCode::SUCCESS),
            Looked::Interrupted => return Ok(ExitCode::from(INTERRUPTED)),
            Looked::AsksFor(place) => watch.ask_for(context, place),
        }
        // Taken anew after a question, which is asked where questions always are.
        screen = context.prompt.screen()?.ok_or(Error::WatchNeedsTerminal)?;
    }
}

struct Watch {
    devices: Vec<Watched>,
    /// Codes go by AWS's clock.
    offset: ClockOffset,
    /// The place of the device that Enter asks for.
    chosen: usize,
    shows_next: bool,
    /// What came of asking.
    message: Option<String>,
    colour: Colour,
}

struct Watched {
    record: DeviceRecord,
    /// The code that was asked for, of a device that asks first.
    given: Option<ShownCode>,
}

impl Watched {
    /// Whether its codes are there for everybody who looks.
    fn is_shown(&self) -> bool {
        self.record.consent.is_none() && self.record.device.counter.is_none()
    }

    fn asks(&self) -> bool {
        self.record.consent.is_some() && self.record.device.counter.is_none()
    }
}

/// Why somebody does not look any more.
enum Looked {
    Enough,
    Interrupted,
    AsksFor(usize),
}

impl Watch {
    fn look(&mut self, context: &Context<'_>, screen: &mut Screen) -> Result<Looked, Error> {
        let failed = |source| Error::Io { action: "use the terminal", source };
        loop {
            let now = context.clock.now();
            for watched in &mut self.devices {
                watched.given.take_if(|given| given.valid_until.is_none_or(|until| until <= now));
            }
            screen.draw(self.table(now).lines(screen.size())).map_err(failed)?;
            // Drawn again when a second of the clock that counts begins, and when a key is pressed.
            let into_second = self.offset.apply(now).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let patience = Duration::from_secs(1) - Duration::from_nanos(into_second.subsec_nanos().into());
            for key in screen.keys(patience).map_err(failed)? {
                if let Some(looked) = self.press(key) {
                    return Ok(looked);
                }
            }
        }
    }

    fn press(&mut self, key: Key) -> Option<Looked> {
        self.message = None;
        match key {
            Key::Char('q') | Key::Escape => return Some(Looked::Enough),
            Key::Interrupt => return Some(Looked::Interrupted),
            Key::Char('n') => self.shows_next = !self.shows_next,
            Key::Up => self.chosen = self.chosen.saturating_sub(1),
            Key::Down => self.chosen = (self.chosen + 1).min(self.devices.len() - 1),
            Key::Enter => return self.asks_for(self.chosen),
            Key::Char(digit @ '1'..='9') => {
                let place = usize::from(digit as u8 - b'1');
                if place < self.devices.len() {
                    self.chosen = place;
                    return self.asks_for(place);
                }
            }
            Key::Char(_) => {}
        }
        None
    }

    fn asks_for(&self, place: usize) -> Option<Looked> {
        let watched = &self.devices[place];
        (watched.asks() && watched.given.is_none()).then_some(Looked::AsksFor(place))
    }

    fn ask_for(&mut self, context: &Context<'_>, place: usize) {
        let authenticator = Authenticator { vault: context.vault, clock: context.clock, prompt: context.prompt };
        let watched = &mut self.devices[place];
        match authenticator.shown_code(&watched.record, self.offset, COMMAND) {
            Ok(shown) => watched.given = Some(shown),
            Err(error) => self.message = Some(visible(&Error::from(error).to_string())),
        }
    }

    fn table(&self, now: SystemTime) -> Table {
        let rows = self.devices.iter().enumerate().map(|(place, watched)| self.row(place, watched, now));
        let offset = self.offset.seconds;
        let clock = (offset != 0).then(|| {
            format!("by AWS's clock, {} s {} this one", offset.abs(), if offset < 0 { "behind" } else { "ahead of" })
        });
        Table {
            rows: rows.collect(),
            chosen: self.chosen,
            asks: self.devices.iter().any(Watched::asks),
            shows_next: self.shows_next,
            notes: self.message.clone().into_iter().chain(clock).collect(),
            coloured: self.colour.is_wanted(),
        }
    }

    fn row(&self, place: usize, watched: &Watched, now: SystemTime) -> Row {
        let device = &watched.record.device;
        let step = TimeStep::at(self.offset.apply(now), device.settings);
        let left = |until: SystemTime| until.duration_since(now).unwrap_or_default();
        let left_seconds = |until| left(until).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
        let until = self.offset.unapply(step.end(device.settings));
        let codes = match (device.counter, watched.record.consent, &watched.given) {
            (Some(_), ..) => Codes::Hidden { hint: format!("`mfavault code {}`", visible(&device.name)) },
            (None, Some(_), Some(given)) => Codes::Shown {
                code: given.code.clone(),
                next: None,
                left_seconds: left_seconds(given.valid_until.unwrap_or(until)),
            },
            (None, Some(_), None) => {
                let hint = if place < 9 { format!("press {}", place + 1) } else { "choose it, press Enter".to_owned() };
                Codes::Hidden { hint }
            }
            (None, None, _) => Codes::Shown {
                code: device.code(step),
                next: self.shows_next.then(|| device.code(step.next())),
                left_seconds: left_seconds(until),
            },
        };
        Row {
            name: visible(&device.name),
            account: account(device),
            digits: device.settings.digits().into(),
            period_seconds: device.settings.period_seconds(),
            codes,
        }
    }
}

/// `GitHub: alice`, as authenticator apps have it; nothing where it would be the name once more.
fn account(device: &VirtualMfaDevice) -> String {
    let account = Some(&device.account).filter(|account| **account != device.name && !account.is_empty());
    let parts: Vec<&str> = device.issuer.iter().chain(account).map(String::as_str).collect();
    visible(&parts.join(": "))
}
