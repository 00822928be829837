//! `klinecast-server keys new`: makes an API key.

use clap::{Arg, ArgMatches, Command};

use super::Role;
use super::people::{PeopleError, new_key};

/// The command, for the server's command line.
#[must_use]
pub fn command() -> Command {
    let new = Command::new("new")
        .about("Makes an API key: prints it once, and the lines for the access file (access.keys_file)")
        .arg(Arg::new("name").long("name").value_name("NAME").required(true).help("whose key it is"))
        .arg(
            Arg::new("role")
                .long("role")
                .value_name("ROLE")
                .default_value("reader")
                .value_parser(|text: &str| text.parse::<Role>())
                .help("reader, operator or admin"),
        )
        .arg(
            Arg::new("expires")
                .long("expires")
                .value_name("TIME")
                .help("when it ends, for example 2027-01-31T00:00:00Z; never if nothing is said"),
        );
    Command::new("keys")
        .about("API keys")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(new)
}

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum KeysCommandError {
    /// The name or the expiry is none.
    #[error(transparent)]
    Line(#[from] PeopleError),
    /// The command line has no such command.
    #[error("there is no such command; use klinecast-server keys new")]
    Unknown,
}

/// What the command prints: the key for whom it is made, on standard output with the lines; nothing is kept.
///
/// # Errors
/// A name or an expiry that is none.
pub fn run(matches: &ArgMatches) -> Result<String, KeysCommandError> {
    let Some(("new", matches)) = matches.subcommand() else { return Err(KeysCommandError::Unknown) };
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let role = matches.get_one::<Role>("role").copied().unwrap_or(Role::Reader);
    let made = new_key(text("name").unwrap_or_default(), role, text("expires"))?;
    Ok(format!(
        "# The key, shown only now. Give it to its user, who sends it as: Authorization: Bearer KEY\n\
         # {}\n\
         # What the access file needs (access.keys_file); the server takes it up by itself.\n{}",
        made.key, made.lines
    ))
}

#[cfg(test)]
mod tests {
    use super::super::people::{FoundKey, KEY_PREFIX, People};
    use super::*;

    #[test]
    fn what_is_printed_is_an_access_file_and_has_the_key_once() {
        command().debug_assert();
        let matches = command().get_matches_from(["keys", "new", "--name", "ada", "--role", "operator"]);
        let printed = run(&matches).unwrap_or_default();
        let key = printed.lines().find_map(|line| line.strip_prefix("# klk_")).unwrap_or_default();
        assert_eq!((key.len(), printed.matches(key).count()), (64, 1), "{printed}");
        let found =
            People::read(&printed).map(|people| people.find_key(format!("{KEY_PREFIX}{key}").as_bytes(), 0));
        assert!(matches!(found, Ok(FoundKey::Valid(identity)) if identity.role == Some(Role::Operator)));
        assert!(command().try_get_matches_from(["keys", "new", "--name", "ada", "--role", "root"]).is_err());
        let nameless = command().get_matches_from(["keys", "new", "--name", ""]);
        assert!(run(&nameless).is_err());
    }
}
