//! The command line of `credential_process`: ours is written and recognised here, and nowhere else.
//!
//! botocore splits it by itself, other SDKs hand it to a shell (AWS SDKs and Tools Reference Guide, "Process credential
//! provider"), so that both must read the same.

use super::ProfileName;

const ARGUMENT: &str = "credential-process";
/// Our options whose value is a word of its own.
const TAKES_A_VALUE: [&str; 10] = [
    "-d",
    "--duration",
    "-r",
    "--region",
    "--min-ttl",
    "--mfa-code",
    "--policy",
    "--policy-arn",
    "--keystore",
    "--color",
];

/// How an SDK asks a program of ours for the credentials of a profile.
pub fn command_line(program: &str, profile: &ProfileName) -> String {
    // A profile that begins with a dash is no option.
    let dashes = if profile.as_str().starts_with('-') { "-- " } else { "" };
    format!("{} {ARGUMENT} {dashes}{}", quote(program), quote(profile.as_str()))
}

/// The program that a command line starts.
pub fn program(command_line: &str) -> Option<String> {
    next_word(command_line).map(|(program, _)| program)
}

/// Whether a command line asks this program, whatever its folder: others (such as Granted) have a `credential-process`
/// too.
pub fn is_ours(command_line: &str) -> bool {
    let Some((program, rest)) = next_word(command_line) else { return false };
    let file_name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_program = file_name == "mfavault" || file_name.eq_ignore_ascii_case("mfavault.exe");
    is_program && next_word(rest).is_some_and(|(argument, _)| argument == ARGUMENT)
}

/// Whether a command line asks this program for the credentials of this very profile.
pub fn is_ours_for(command_line: &str, profile: &ProfileName) -> bool {
    let mut words = std::iter::successors(next_word(command_line), |(_, rest)| next_word(rest)).map(|(word, _)| word);
    let mut asked = None;
    // Without the program and its command.
    words.by_ref().take(2).for_each(drop);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" => asked = words.next(),
            option if TAKES_A_VALUE.contains(&option) => drop(words.next()),
            option if option.starts_with('-') => {}
            _ => asked = Some(word),
        }
        if asked.is_some() {
            break;
        }
    }
    is_ours(command_line) && asked.as_deref().unwrap_or("default") == profile.as_str()
}

fn quote(argument: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@/+=,:".contains(&byte);
    match !argument.is_empty() && argument.bytes().all(plain) {
        true => argument.to_owned(),
        // Windows knows no single quotes.
        false if cfg!(windows) => format!("\"{}\"", argument.replace('"', "\\\"")),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    }
}

/// The first word without its quotes, and what is behind it; none if there is none, or a quote stays open.
fn next_word(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let (mut word, mut open) = (String::new(), None);
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match (open, character) {
            (Some(quote), _) if character == quote => open = None,
            (None, '\'' | '"') => open = Some(character),
            (None, _) if character.is_whitespace() => return Some((word, &text[at..])),
            // Other backslashes are those of a Windows path.
            (None | Some('"'), '\\') if matches!(next, Some('\'' | '"' | ' ')) => {
                word.extend(characters.next().map(|(_, escaped)| escaped));
            }
            _ => word.push(character),
        }
    }
    (!text.is_empty() && open.is_none()).then_some((word, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_recognised() {
        for program in ["mfavault", "/usr/bin/mfavault", "/home/o'brien x/mfavault", r"C:\Program Files\m\mfavault.exe"]
        {
            for profile in ["main", "a b", "it's", "-x", "$(id)"] {
                let line = command_line(program, &profile.parse().expect("a name"));
                assert!(is_ours(&line), "{line}");
            }
        }
    }

    #[test]
    fn a_command_line_of_ours_is_for_one_profile() {
        let is_for = |line: &str, profile: &str| is_ours_for(line, &profile.parse().expect("a name"));
        for (line, profile) in [
            ("mfavault credential-process main", "main"),
            ("mfavault credential-process -d 1h --no-input --min-ttl=20m 'a b'", "a b"),
            ("mfavault credential-process -- -x", "-x"),
            ("mfavault credential-process -r eu-west-1", "default"),
        ] {
            assert!(is_for(line, profile), "{line}");
            assert!(!is_for(line, "other"), "{line}");
        }
        assert!(!is_for("granted credential-process main", "main"));
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_what_was_meant() {
        let line = |program: &str, profile: &str| command_line(program, &profile.parse().expect("a name"));
        assert_eq!(line("/opt/mfavault", "main"), "/opt/mfavault credential-process main");
        assert_eq!(line("/o'b/mfavault", "a b"), r"'/o'\''b/mfavault' credential-process 'a b'");
        assert_eq!(line("mfavault", "-x"), "mfavault credential-process -- -x");
    }

    #[test]
    fn it_is_recognised_however_it_is_written() {
        for line in [
            "mfavault credential-process",
            "  mfavault\tcredential-process main --min-ttl 1h # ours",
            r#""/my tools/mfavault" 'credential-process' main"#,
            r"/my\ tools/mfavault credential-process main",
            r"C:\tools\MFAVault.EXE credential-process main",
            r#""\\server\x\mfavault.exe" credential-process"#,
        ] {
            assert!(is_ours(line), "{line}");
        }
    }

    #[test]
    fn another_tool_is_not_ours() {
        for line in [
            "",
            "mfavault",
            "mfavault export main",
            "mfavault --keystore file credential-process main",
            "granted credential-process --profile main",
            "/opt/mfavault/granted credential-process main",
            "not-mfavault credential-process main",
            "sh -c 'mfavault credential-process main'",
            "'mfavault credential-process main",
            "mfavault.sh credential-process main",
            "mfavault credential-processes",
        ] {
            assert!(!is_ours(line), "{line}");
        }
    }
}
