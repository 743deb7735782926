//! The signals that end a process, while a question is open: they wait until the terminal is set back; and while there
//! are last words: these are said first.
//!
//! The handlers come with the first question or word. They cannot be taken away again (`signal_hook` leaves its own in
//! place): else they do what happens without one, and after [`EndSignals::release`] nothing.

use std::{
    cell::RefCell,
    fs, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use signal_hook::{
    SigId,
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
    iterator::{Handle, Signals},
    low_level::{emulate_default_handler, unregister},
};

use super::talk;

/// Of two that came, the first here takes effect.
const ENDING: [i32; 4] = [SIGTERM, SIGHUP, SIGQUIT, SIGINT];

/// For all questions of a prompt.
#[derive(Default)]
pub(super) struct EndSignals {
    registered: RefCell<Option<Registered>>,
}

struct Registered {
    state: Arc<State>,
    actions: Vec<SigId>,
    thread: Handle,
}

struct State {
    /// Whether a signal has its default effect now.
    idle: Arc<AtomicBool>,
    /// Which of [`ENDING`] came while they had none.
    came: [Arc<AtomicBool>; ENDING.len()],
    question: Mutex<Question>,
    last_words: Mutex<Option<String>>,
}

enum Question {
    None,
    /// A signal does not end it; with what sets the terminal back.
    Reading(Box<dyn FnMut() + Send>),
    /// A signal ends it, and whoever asked sets the terminal back.
    Interruptible,
}

/// The signals have no effect of their own as long as this is there. One that came takes effect when it is dropped.
pub(super) struct Held(Arc<State>);

impl EndSignals {
    /// Holds them back for a question that ends by itself when a signal comes.
    ///
    /// # Errors
    /// If the system refuses, then its error.
    pub(super) fn hold(&self) -> io::Result<Held> {
        self.hold_for(Question::Interruptible)
    }

    /// Holds them back for a question that goes on: when a signal comes, this sets the terminal back.
    ///
    /// # Errors
    /// As [`EndSignals::hold`].
    pub(super) fn hold_with(&self, set_back: impl FnMut() + Send + 'static) -> io::Result<Held> {
        self.hold_for(Question::Reading(Box::new(set_back)))
    }

    fn hold_for(&self, question: Question) -> io::Result<Held> {
        let mut registered = self.registered.borrow_mut();
        let state = match &*registered {
            Some(registered) => Arc::clone(&registered.state),
            None => Arc::clone(&registered.insert(Registered::new(&ENDING)?).state),
        };
        state.set_question(question);
        Ok(Held(state))
    }

    /// Has these words said before one of them ends the process; of one that was ignored from the start, nothing. Where
    /// the system refuses, nothing is said.
    pub(super) fn last_words(&self, words: Option<String>) {
        let mut registered = self.registered.borrow_mut();
        if registered.is_none() && words.is_some() {
            let heeded = ENDING.into_iter().filter(|signal| !is_ignored(*signal)).collect::<Vec<_>>();
            *registered = Registered::new(&heeded).ok();
        }
        if let Some(Registered { state, .. }) = &*registered {
            *lock(&state.last_words) = words;
            state.set_idle(&lock(&state.question));
        }
    }

    /// Leaves them to whoever handles them from now on.
    pub(super) fn release(&self) {
        if let Some(registered) = self.registered.take() {
            registered.thread.close();
            for action in registered.actions {
                unregister(action);
            }
        }
    }
}

impl Registered {
    fn new(ending: &[i32]) -> io::Result<Self> {
        let state = Arc::new(State {
            idle: Arc::new(AtomicBool::new(true)),
            came: Default::default(),
            question: Mutex::new(Question::None),
            last_words: Mutex::new(None),
        });
        let mut actions = Vec::new();
        for (signal, came) in ENDING.into_iter().zip(&state.came).filter(|(signal, _)| ending.contains(signal)) {
            actions.push(flag::register_conditional_default(signal, Arc::clone(&state.idle))?);
            actions.push(flag::register(signal, Arc::clone(came))?);
        }
        // After the others: when the thread hears of a signal, `came` knows it.
        let mut signals = Signals::new(ending)?;
        let handle = signals.handle();
        let watched = Arc::clone(&state);
        let watch = move || signals.forever().for_each(|_| watched.signalled());
        thread::Builder::new().name("terminal".into()).spawn(watch)?;
        Ok(Registered { state, actions, thread: handle })
    }
}

impl State {
    fn set_question(&self, question: Question) {
        let mut there = lock(&self.question);
        *there = question;
        self.set_idle(&there);
    }

    fn set_idle(&self, question: &Question) {
        let is_idle = matches!(question, Question::None) && lock(&self.last_words).is_none();
        self.idle.store(is_idle, Ordering::SeqCst);
    }

    fn signalled(&self) {
        let mut question = lock(&self.question);
        match &mut *question {
            Question::Interruptible => return,
            Question::Reading(set_back) => set_back(),
            // It came in the last moment of the question, or there are last words.
            Question::None => {}
        }
        self.take_effect();
    }

    fn take_effect(&self) {
        for (signal, came) in ENDING.into_iter().zip(&self.came) {
            if came.swap(false, Ordering::SeqCst) {
                // The next one ends it at once, whatever stderr does.
                self.idle.store(true, Ordering::SeqCst);
                if let Some(words) = lock(&self.last_words).take() {
                    talk::last_words(&words);
                }
                let _ = emulate_default_handler(signal);
            }
        }
    }
}

impl Held {
    /// Lets them go after a question where Ctrl-C was an answer like any other.
    pub(super) fn end(self) {
        let [.., interrupt] = &self.0.came;
        interrupt.store(false, Ordering::SeqCst);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.set_question(Question::None);
        self.0.take_effect();
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this process was started with the signal ignored, as by `nohup`. Only Linux tells.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
