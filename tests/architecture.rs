//! The laws of the house that a compiler does not hold: floors, file heads, who prints, that no test is forgotten,
//! that the threat model names tests that there are, and that every setting is described.
//!
//! Rust is read here as text: comments, strings and test code are blanked first, then paths are followed to the crate's
//! root. `src/lib.rs` says what stands on which floor.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which floor each module of the root stands on: 0 is the top.
type Floors = BTreeMap<String, usize>;

#[test]
fn a_module_uses_lower_floors_only() {
    let floors = floors(&read(&repository().join("src/lib.rs")));
    assert!(floors.len() > 10, "the groups of src/lib.rs were not read: {floors:?}");
    let mut offences = Vec::new();
    for (file, code) in sources() {
        let Some(module) = top_module(&file) else { continue };
        let own = *floors.get(&module).unwrap_or_else(|| panic!("{}: `{module}` is on no floor", file.display()));
        for used in root_names(&code, depth(&file)) {
            match floors.get(&used) {
                _ if used == module => {}
                None => offences.push(format!("{}: `crate::{used}` is on no floor", file.display())),
                Some(floor) if *floor == own => {
                    offences.push(format!("{}: `{module}` uses its sibling `{used}`", file.display()));
                }
                Some(floor) if *floor < own => {
                    offences.push(format!("{}: `{module}` uses `{used}` of a higher floor", file.display()));
                }
                Some(_) => {}
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn only_the_command_line_prints_and_knows_clap() {
    let banned = ["println", "eprintln", "print", "eprint", "clap"];
    let mut offences = Vec::new();
    for (file, code) in sources() {
        if top_module(&file).is_none_or(|module| module == "cli") {
            continue;
        }
        for (position, word) in words(&code) {
            let follows = code[position + word.len()..].trim_start();
            let used = if word == "clap" { follows.starts_with("::") } else { follows.starts_with('!') };
            if used && banned.contains(&word) {
                offences.push(format!("{}: `{word}`", file.display()));
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut files = rust_files(&repository().join("src"));
    files.extend(rust_files(&repository().join("tests")));
    let silent: Vec<_> = files.iter().filter(|file| !read(file).starts_with("//! ")).collect();
    assert!(silent.is_empty(), "these do not begin with `//!`: {silent:?}");
}

#[test]
fn no_test_file_is_forgotten() {
    let folder = repository().join("tests");
    let mut reached = BTreeSet::new();
    reach(&folder.join("main.rs"), &mut reached);
    let tests = rust_files(&folder).into_iter().filter(|file| !file.starts_with(folder.join("sdk/rust")));
    let forgotten: Vec<_> = tests.filter(|file| !reached.contains(file)).collect();
    assert!(forgotten.is_empty(), "tests/main.rs does not lead to these: {forgotten:?}");
}

#[test]
fn test_code_in_src_is_compiled_for_tests_only() {
    let offences: Vec<_> = sources()
        .into_iter()
        .filter(|(_, code)| {
            words(code).any(|(position, word)| word == "mod" && code[position + 3..].trim_start().starts_with("tests"))
        })
        .map(|(file, _)| file)
        .collect();
    assert!(offences.is_empty(), "`mod tests` without #[cfg(test)] in {offences:?}");
}

#[test]
fn paths_are_followed_whatever_their_form() {
    let code = blanked(
        r##"
        //! crate::comment
        use crate::{aws::{Aws, self}, vault, super_name::X};
        /* crate::block /* nested */ crate::block */
        const TEXT: &str = "crate::text \" crate::text"; const RAW: &str = r#"crate::raw "quoted" "#;
        fn f<'a>(x: &'a crate::secret::Secret, quote: char) { matches!(quote, '"' | '\''); }
        use super::{super::mfa::Seed, sibling};
        mod inner { use super::super::super::clock; use super::own; }
        #[cfg(test)]
        mod tests { use crate::hidden; fn f() { let x = "}"; } }
        #[cfg(test)]
        use crate::{hidden_too};
        fn g() { super :: super :: profile::f(); crate::arn!() }
        "##,
    );
    let names: Vec<String> = root_names(&code, 2).into_iter().collect();
    assert_eq!(names, ["arn", "aws", "clock", "mfa", "profile", "secret", "super_name", "vault"]);
}

#[test]
fn what_the_threat_model_names_is_there() {
    let text = read(&repository().join("docs/threat-model.md"));
    let code: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| rust_files(&repository().join(folder)))
        .map(|file| read(&file))
        .collect();
    let mut checked = 0;
    let mut missing = Vec::new();
    // Every second piece stands between backticks.
    for quoted in text.split('`').skip(1).step_by(2) {
        let is_path = ["src/", "tests/", "docs/", ".github/"].iter().any(|folder| quoted.starts_with(folder));
        let is_test =
            quoted.matches('_').count() > 2 && quoted.chars().all(|c| c.is_lowercase() || "_0123456789".contains(c));
        if (is_path && !repository().join(quoted).exists()) || (is_test && !code.contains(&format!("fn {quoted}("))) {
            missing.push(quoted);
        }
        checked += usize::from(is_path || is_test);
    }
    assert!(checked > 50, "the rows of the threat model were not read: {checked}");
    assert!(missing.is_empty(), "docs/threat-model.md names what is not there: {missing:#?}");
}

#[test]
fn every_setting_is_described() {
    let code = read(&repository().join("src/settings/text.rs"));
    let (_, keys) = code.split_once("const KEYS: ").expect("the keys of config.toml");
    let keys = &keys[..keys.find("];").expect("their end")];
    let keys: Vec<_> = keys.split('"').skip(1).step_by(2).collect();
    assert!(keys.len() > 5, "the keys of config.toml were not read: {keys:?}");
    let text = read(&repository().join("docs/settings.md"));
    for key in keys {
        let is_row = |line: &str| line.starts_with(&format!("| `{key}` |"));
        assert_eq!(text.lines().filter(|line| is_row(line)).count(), 1, "docs/settings.md has no row of `{key}`");
        let is_example = |line: &str| line.starts_with(&format!("{key} = "));
        assert!(text.lines().any(is_example), "docs/settings.md has no example of `{key}`");
    }
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The files of `src` below it, without comments, strings and test code; files that are test code throughout are left out.
fn sources() -> Vec<(PathBuf, String)> {
    let source = repository().join("src");
    let relative = |file: &PathBuf| file.strip_prefix(&source).unwrap().to_owned();
    rust_files(&source)
        .iter()
        .map(|file| (relative(file), file))
        .filter(|(name, _)| !name.iter().any(|part| part == "tests" || part == "tests.rs"))
        .map(|(name, file)| (name, blanked(&read(file))))
        .collect()
}

/// `cli` for `cli/args.rs`; nothing for the roots `lib.rs` and `main.rs`.
fn top_module(file: &Path) -> Option<String> {
    let name = Path::new(file.iter().next()?).file_stem()?.to_str()?;
    (!["lib", "main"].contains(&name)).then(|| name.to_owned())
}

/// How many modules lie between the root and the inside of this file: 1 for `cli/mod.rs` and `clock.rs`.
fn depth(file: &Path) -> usize {
    file.iter().count() - usize::from(file.ends_with("mod.rs"))
}

fn floors(lib: &str) -> Floors {
    let mut floors = Floors::new();
    let mut floor = 0;
    for line in lib.lines() {
        if line.starts_with("// ---- floor: ") {
            floor += 1;
        } else if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            assert!(floor > 0, "`{name}` stands above the first floor of src/lib.rs");
            floors.insert(name.to_owned(), floor - 1);
        }
    }
    floors
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let word = |piece: &str| piece.find(|character| !is_word(character)).unwrap_or(piece.len());
    let mut position = 0;
    std::iter::from_fn(move || {
        position += code[position..].find(is_word)?;
        let begin = position;
        position += word(&code[begin..]);
        Some((begin, &code[begin..position]))
    })
}

/// Names of the crate's root that the code refers to, by `crate::` or by enough `super::`.
fn root_names(code: &str, depth: usize) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // For each open brace, whether it is a module's.
    let mut braces = Vec::new();
    let mut opens_module = false;
    let mut rest = code;
    while let Some(character) = rest.chars().next() {
        let length = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length.max(character.len_utf8()));
        let inside = depth + braces.iter().filter(|module| **module).count();
        rest = after;
        match word {
            "mod" => opens_module = true,
            ";" => opens_module = false,
            "{" => braces.push(std::mem::take(&mut opens_module)),
            "}" => drop(braces.pop()),
            "crate" => rest = follow(after, 0, &mut names),
            "super" => rest = follow(after, inside - 1, &mut names),
            _ => {}
        }
    }
    names
}

/// Goes along a path or a tree of paths from the module at this depth, and gives what comes after it.
fn follow<'c>(code: &'c str, depth: usize, names: &mut BTreeSet<String>) -> &'c str {
    let Some(rest) = code.trim_start().strip_prefix("::") else { return code };
    branch(rest.trim_start(), depth, names)
}

fn branch<'c>(code: &'c str, depth: usize, names: &mut BTreeSet<String>) -> &'c str {
    if let Some(mut rest) = code.strip_prefix('{') {
        while !rest.trim_start().starts_with('}') {
            rest = branch(rest.trim_start(), depth, names).trim_start();
            // What a branch holds below the name that counts.
            let end = end_of_branch(rest);
            rest = rest[end..].trim_start_matches(',');
        }
        return rest.trim_start().strip_prefix('}').unwrap_or(rest);
    }
    let length = code.find(|character| !is_word(character)).unwrap_or(code.len());
    let (word, rest) = code.split_at(length);
    match word {
        "super" => follow(rest, depth - 1, names),
        "self" => follow(rest, depth, names),
        "" => rest.strip_prefix('*').map_or(rest, |rest| {
            assert!(depth > 0, "a glob of the crate's root hides what is used");
            rest
        }),
        name if depth == 0 => {
            names.insert(name.to_owned());
            rest
        }
        _ => rest,
    }
}

/// Where the comma or brace stands that ends a branch.
fn end_of_branch(code: &str) -> usize {
    let mut open = 0_usize;
    for (position, character) in code.char_indices() {
        match character {
            '{' => open += 1,
            ',' | '}' if open == 0 => return position,
            '}' => open -= 1,
            _ => {}
        }
    }
    panic!("a tree of paths does not end: {code}");
}

/// The code with comments, texts and what stands under `#[cfg(test)]` replaced by blanks.
fn blanked(code: &str) -> String {
    let mut code = without_texts(code);
    while let Some(begin) = code.find("#[cfg(test)]") {
        let end = begin + end_of_item(&code[begin..]);
        code.replace_range(begin..end, &" ".repeat(end - begin));
    }
    code
}

/// Where the item ends that begins with an attribute here.
fn end_of_item(code: &str) -> usize {
    let mut open = 0_usize;
    let is_use = words(code).any(|(position, word)| {
        let before_body = !code[..position].contains('{') && !code[..position].contains(';');
        word == "use" && before_body
    });
    for (position, character) in code.char_indices() {
        match character {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 && (character == ';' || (character == '}' && !is_use)) {
            return position + 1;
        }
    }
    code.len()
}

fn without_texts(code: &str) -> String {
    let mut blanked = String::with_capacity(code.len());
    let mut rest = code;
    let mut before = ' ';
    while let Some(character) = rest.chars().next() {
        let text = match character {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => quoted(rest, 0),
            'r' | 'b' | 'c' if !is_word(before) => prefixed(rest),
            '\'' => char_literal(rest),
            _ => 0,
        };
        let length = text.max(character.len_utf8());
        match text {
            0 => blanked.push(character),
            _ => blanked.extend(rest[..length].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' })),
        }
        before = rest[..length].chars().next_back().unwrap_or(' ');
        rest = &rest[length..];
    }
    blanked
}

/// The length of a literal that starts with letters, such as `br#"…"#`; 0 if this is a name.
fn prefixed(code: &str) -> usize {
    let letters = code.len() - code.trim_start_matches(['r', 'b', 'c']).len();
    let hashes = code[letters..].len() - code[letters..].trim_start_matches('#').len();
    let literal = &code[letters + hashes..];
    let is_raw = code[..letters].contains('r');
    match (is_raw, literal.starts_with('"')) {
        (true, true) => {
            let end = format!("\"{}", "#".repeat(hashes));
            letters + hashes + 1 + literal[1..].find(&end).expect("a raw text ends") + end.len()
        }
        (false, true) if hashes == 0 => quoted(code, letters),
        _ => 0,
    }
}

fn quoted(code: &str, begin: usize) -> usize {
    let mut escaped = false;
    for (position, character) in code[begin + 1..].char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return begin + position + 2,
            _ => {}
        }
    }
    panic!("a text does not end: {}", &code[..code.len().min(60)]);
}

/// The length of `'x'` or `'\u{…}'`; 0 for a lifetime.
fn char_literal(code: &str) -> usize {
    let mut characters = code.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((escaped, _))) => {
            let after = escaped + 1;
            after + code[after..].find('\'').expect("a character ends") + 1
        }
        (Some(_), Some((end, '\''))) => end + 1,
        _ => 0,
    }
}

fn block_comment(code: &str) -> usize {
    let mut open = 0_usize;
    let mut position = 0;
    while position < code.len() {
        let rest = &code[position..];
        if rest.starts_with("/*") {
            open += 1;
            position += 2;
        } else if rest.starts_with("*/") {
            open -= 1;
            position += 2;
            if open == 0 {
                return position;
            }
        } else {
            position += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    panic!("a comment does not end");
}

/// Follows `mod name;` from a file.
fn reach(file: &Path, reached: &mut BTreeSet<PathBuf>) {
    if !reached.insert(file.to_owned()) {
        return;
    }
    let code = without_texts(&read(file));
    let folder = match file.file_name().and_then(|name| name.to_str()) {
        Some("main.rs" | "mod.rs") => file.parent().unwrap().to_owned(),
        _ => file.with_extension(""),
    };
    for (position, word) in words(&code) {
        let after = code[position + word.len()..].trim_start();
        let name: String = after.chars().take_while(|character| is_word(*character)).collect();
        if word != "mod" || !after[name.len()..].trim_start().starts_with(';') {
            continue;
        }
        let candidates = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
        if let Some(found) = candidates.iter().find(|path| path.exists()) {
            reach(found, reached);
        }
    }
}
