//! Edge: the person's web browser. An address is opened without a shell, and nobody waits for the browser to end.
//!
//! `BROWSER` is a wish and wins (its form is that of xdg-open and Python's `webbrowser`); otherwise it is the desktop's
//! own way. Every process of the machine can read the address among the arguments: it must not be a secret.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::{Command, Stdio},
};

/// Stands for the address among the arguments.
const PLACE: &str = "%s";

/// A program that opens addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Browser {
    /// Finds the browser: what `wish`, the value of `BROWSER`, names first; without a wish, the desktop's way, which on
    /// Linux takes a display. `find_program` gives the file of a command's name; one that is not absolute, and so
    /// depends on the current folder, is none.
    pub fn find(
        wish: Option<&OsStr>,
        has_display: bool,
        find_program: &dyn Fn(&OsStr) -> Option<PathBuf>,
    ) -> Option<Self> {
        let found = |name: &str, arguments: Vec<String>| {
            let program = find_program(OsStr::new(name)).filter(|program| program.is_absolute())?;
            Some(Browser { program, arguments })
        };
        if let Some(wish) = wish {
            let separator = if cfg!(windows) { ';' } else { ':' };
            let mut words = wish.to_str()?.split(separator).next()?.split(' ').filter(|word| !word.is_empty());
            let program = words.next()?;
            return found(program, words.map(str::to_owned).collect());
        }
        if cfg!(windows) {
            found(r"C:\Windows\System32\rundll32.exe", vec!["url.dll,FileProtocolHandler".to_owned()])
        } else if cfg!(target_os = "macos") {
            found("/usr/bin/open", Vec::new())
        } else if has_display {
            ["xdg-open", "wslview"].into_iter().find_map(|name| found(name, Vec::new()))
        } else {
            None
        }
    }

    /// Opens an address, which must be `https`, or `http` on this very machine; says whether the program was started.
    /// `environment` is all that it gets. It outlives this process, and shares neither its terminal's signals nor any
    /// of its files.
    pub fn open(&self, url: &str, environment: &[(OsString, OsString)]) -> bool {
        if !may_be_opened(url) {
            return false;
        }
        let mut command = Command::new(&self.program);
        command.args(self.arguments_for(url)).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        detach(&mut command);
        let Ok(mut child) = command.spawn() else { return false };
        // Somebody has to take its status, or it stays behind as a zombie.
        std::thread::Builder::new().name("browser".to_owned()).spawn(move || child.wait()).ok();
        true
    }

    fn arguments_for(&self, url: &str) -> Vec<String> {
        let mut arguments: Vec<String> = self.arguments.iter().map(|argument| argument.replace(PLACE, url)).collect();
        if arguments == self.arguments {
            arguments.push(url.to_owned());
        }
        arguments
    }
}

/// Whether an address is one for a browser: no file, no script, nothing that goes in clear text over a network.
fn may_be_opened(url: &str) -> bool {
    let characters = url.bytes().all(|byte| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte));
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let is_known = match scheme {
        "https" => !host.is_empty() && !host.contains('@'),
        "http" => matches!(host, "127.0.0.1" | "[::1]" | "localhost"),
        _ => false,
    };
    characters && is_known
}

#[cfg(unix)]
fn detach(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // Marked: a browser that stays must not hold a pipe open that a script gave to us.
    close_fds::set_fds_cloexec(3, &[]);
    command.process_group(0);
}

#[cfg(windows)]
fn detach(command: &mut Command) {
    use std::os::windows::process::CommandExt;
    const DETACHED_PROCESS: u32 = 0x0000_0008;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "https://example.com/x?y=%73#z";

    /// What is started for the address, program first; the system has these programs.
    fn started(wish: Option<&str>, has_display: bool, installed: &[&str]) -> Option<Vec<String>> {
        let find = |name: &OsStr| {
            let path = PathBuf::from("/bin").join(name);
            installed.contains(&path.to_str()?).then_some(path)
        };
        let browser = Browser::find(wish.map(OsStr::new), has_display, &find)?;
        let program = browser.program.to_str()?.to_owned();
        Some([program].into_iter().chain(browser.arguments_for(ADDRESS)).collect())
    }

    #[test]
    fn the_wish_is_a_list_of_commands_and_the_first_one_counts() {
        let installed = ["/bin/firefox", "/bin/w3m", "/bin/xdg-open"];
        for (wish, expected) in [
            ("firefox", Some(vec!["/bin/firefox", ADDRESS])),
            ("firefox:w3m", Some(vec!["/bin/firefox", ADDRESS])),
            ("firefox  --new-tab ", Some(vec!["/bin/firefox", "--new-tab", ADDRESS])),
            (
                "firefox --url=%s %s --",
                Some(vec!["/bin/firefox", "--url=https://example.com/x?y=%73#z", ADDRESS, "--"]),
            ),
            ("lynx:w3m", None),
            (" ", None),
            (":w3m", None),
            ("/bin/w3m $(id);id", Some(vec!["/bin/w3m", "$(id);id", ADDRESS])),
        ] {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(started(Some(wish), true, &installed), expected, "{wish:?}");
            assert_eq!(started(Some(wish), false, &installed), expected, "{wish:?} without a display");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_a_wish_it_is_the_desktops_way_if_there_is_a_desktop() {
        let both = ["/bin/wslview", "/bin/xdg-open"];
        assert_eq!(started(None, true, &both), Some(vec!["/bin/xdg-open".to_owned(), ADDRESS.to_owned()]));
        assert_eq!(started(None, true, &both[..1]), Some(vec!["/bin/wslview".to_owned(), ADDRESS.to_owned()]));
        assert_eq!(started(None, true, &[]), None);
        assert_eq!(started(None, false, &both), None);
    }

    #[test]
    fn a_program_of_the_current_folder_is_none() {
        let as_it_is = |name: &OsStr| Some(PathBuf::from(name));
        for wish in ["./firefox", "bin/firefox", "../firefox %s"] {
            assert_eq!(Browser::find(Some(OsStr::new(wish)), true, &as_it_is), None, "{wish}");
        }
    }

    #[test]
    fn only_web_addresses_are_opened_and_clear_text_only_on_this_machine() {
        for url in [
            ADDRESS,
            "https://example.com:8443",
            "http://127.0.0.1:4711/abc",
            "http://localhost/",
            "http://[::1]:80/start/#/device?user_code=ABCD-EFGH",
        ] {
            assert!(may_be_opened(url), "{url}");
        }
        for url in [
            "",
            "example.com",
            "-version",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https:///x",
            "https://",
            "https://user@example.com/",
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "http://localhost:80@example.com/",
            "https://example.com/a b",
            "https://example.com/\n",
            "https://example.com/\u{e9}",
            "https://example.com\\@evil.example/",
            "https://example.com/\"&calc",
        ] {
            assert!(!may_be_opened(url), "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_is_gone_is_no_success() {
        let browser = Browser { program: "/nonexistent/browser".into(), arguments: Vec::new() };
        assert!(!browser.open(ADDRESS, &[]));
    }
}
