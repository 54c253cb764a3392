//! The command line: where the server is, which token, and what to do without a screen.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use secrecy::SecretString;
use url::Url;
use wire::Role;

use crate::api::Api;
use crate::connect::{self, Settings, TOKEN_VARIABLE};
use crate::script;
use crate::theme::Theme;

/// The operator's terminal of a Whorl OpenID Provider.
///
/// Without a command it opens the console. The commands are for scripts: they print a table, or JSON with --json.
///
/// The operator token comes from --token-file, from WHORL_ADMIN_TOKEN, or is asked for; it is never an argument,
/// because others on the machine can read those. `whorl admin token` on the server makes one.
#[derive(Debug, Parser)]
#[command(name = "whorl-admin", version, max_term_width = 100)]
#[command(after_help = "Examples:
  whorl-admin --server https://id.example.org        open the console
  whorl-admin subjects list --search ada --json      for scripts
  whorl-admin invite ada --qr                        an invitation link and its QR code
  whorl-admin audit tail --follow --kind login       watch logins

The server, token_file and ca may stand in whorl/admin.toml in the configuration folder.")]
pub struct Cli {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Option<Task>,
}

#[derive(Debug, Args)]
struct Connection {
    /// Where the server is, as https://host[:port]; http only for this machine
    #[arg(long, env = "WHORL_ADMIN_SERVER", global = true, value_name = "URL")]
    server: Option<String>,
    /// A file that holds the operator token
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The certificates (PEM) of the authority that vouches for the server; no other is trusted then
    #[arg(long, env = "WHORL_ADMIN_CA", global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A configuration file other than the usual one
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What to do without a screen.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Say who the token belongs to
    Whoami(Output),
    /// Subjects: the people who sign in
    #[command(subcommand)]
    Subjects(SubjectTask),
    /// Make an invitation link for a subject
    Invite {
        /// The username, or the subject's id
        subject: String,
        /// Draw the link as a QR code too
        #[arg(long)]
        qr: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Clients: the relying parties
    #[command(subcommand)]
    Clients(ClientTask),
    /// The policy: what each acr asks for
    #[command(subcommand)]
    Policy(PolicyTask),
    /// The audit trail
    #[command(subcommand)]
    Audit(AuditTask),
    /// Operators and their tokens (owners only)
    #[command(subcommand)]
    Operators(OperatorTask),
    /// Say how the server is; ends with 1 unless everything is up
    Health(Output),
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// How to print.
#[derive(Clone, Copy, Debug, Args)]
pub struct Output {
    /// Print JSON, as the API answers it
    #[arg(long)]
    pub json: bool,
}

/// What to do with subjects.
#[derive(Debug, Subcommand)]
pub enum SubjectTask {
    /// List them
    List {
        /// Only those whose name or e-mail address has this in it
        #[arg(long)]
        search: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Show one
    Show {
        /// The username, or the subject's id
        subject: String,
        #[command(flatten)]
        output: Output,
    },
    /// Create one
    Create {
        /// What the subject types to identify
        username: String,
        /// What the subject is called; the username where it is not given
        #[arg(long)]
        name: Option<String>,
        /// Where the subject is written to
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Bar one from signing in
    Suspend {
        /// The username, or the subject's id
        subject: String,
    },
    /// Let a suspended one sign in again
    Activate {
        /// The username, or the subject's id
        subject: String,
    },
    /// End every session of one
    SignOut {
        /// The username, or the subject's id
        subject: String,
    },
    /// Erase one for good: its data key, templates, credentials and personal data (owners only)
    Erase {
        /// The username, or the subject's id
        subject: String,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
}

/// What to do with clients.
#[derive(Debug, Subcommand)]
pub enum ClientTask {
    /// List them
    List(Output),
    /// Show one
    Show {
        /// The client_id
        client: String,
        #[command(flatten)]
        output: Output,
    },
    /// Register one; its secret is printed once (owners only)
    Create {
        /// What people see on the consent page
        name: String,
        /// Where an authorization response may go; may be given several times
        #[arg(long, required = true, value_name = "URI")]
        redirect_uri: Vec<String>,
        /// Where a browser may go after logout; may be given several times
        #[arg(long, value_name = "URI")]
        post_logout_redirect_uri: Vec<String>,
        /// A scope it may ask for; may be given several times
        #[arg(long)]
        scope: Vec<String>,
        /// It cannot keep a secret: a browser or native application
        #[arg(long)]
        public: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Remove one (owners only)
    Remove {
        /// The client_id
        client: String,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
}

/// What to do with the policy.
#[derive(Debug, Subcommand)]
pub enum PolicyTask {
    /// Show what counts, and where it comes from
    Show {
        /// Show this change of the past instead
        #[arg(long, value_name = "NUMBER")]
        revision: Option<i64>,
        /// Print its TOML, to edit and apply
        #[arg(long, conflicts_with = "json")]
        text: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Say what is wrong with a policy; ends with 1 where something is (owners only)
    Check {
        /// TOML with the whole of [policy]
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Try a policy on the logins that are kept (owners only)
    Simulate {
        /// TOML with the whole of [policy]
        file: PathBuf,
        /// How many days back [default: 30]
        #[arg(long)]
        days: Option<u32>,
        #[command(flatten)]
        output: Output,
    },
    /// Put a policy in force, on every replica within seconds (owners only)
    Apply {
        /// TOML with the whole of [policy]
        file: PathBuf,
        /// Why, in a line
        #[arg(long)]
        note: Option<String>,
        /// Only where this revision still counts, which the file was made of [default: the one that counts now]
        #[arg(long, value_name = "NUMBER")]
        revision: Option<i64>,
        #[command(flatten)]
        output: Output,
    },
    /// List who changed it, and when
    History(Output),
    /// Go back to what a change of the past said (owners only)
    Restore {
        /// Its number, as the history has it
        revision: i64,
        /// Why, in a line
        #[arg(long)]
        note: Option<String>,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Go back to the configuration's policy (owners only)
    Reset {
        /// Do it without asking
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
}

/// What to do with the audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditTask {
    /// Print the last events
    Tail(Tail),
}

/// Which events to print.
#[derive(Debug, Args)]
pub struct Tail {
    /// How many
    #[arg(short = 'n', long, default_value_t = 20)]
    pub lines: u32,
    /// Go on printing what happens
    #[arg(short, long)]
    pub follow: bool,
    /// Only this kind (login.finished), or all of a noun (login)
    #[arg(long)]
    pub kind: Option<String>,
    /// Only of this subject: the username, or the id
    #[arg(long)]
    pub subject: Option<String>,
    /// How to print; as JSON it is one event a line
    #[command(flatten)]
    pub output: Output,
}

/// What to do with operators.
#[derive(Debug, Subcommand)]
pub enum OperatorTask {
    /// List them and their tokens
    List(Output),
    /// Create one, who has no token yet
    Create {
        /// The name
        name: String,
        /// The role
        #[arg(long, value_enum)]
        role: RoleName,
    },
    /// Issue a token and print it, once
    Token {
        /// The name
        name: String,
        /// For how many hours
        #[arg(long)]
        hours: Option<u64>,
    },
    /// Revoke a token
    Revoke {
        /// The name
        name: String,
        /// The token's id, as the list shows it
        token: String,
    },
    /// Remove one, with every token
    Remove {
        /// The name
        name: String,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
}

/// A role on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleName {
    /// Reads everything, changes nothing
    Viewer,
    /// Brings subjects in and looks after them
    Enroller,
    /// Everything
    Owner,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Enroller => Self::Enroller,
            RoleName::Owner => Self::Owner,
        }
    }
}

/// Does what the command line asks.
///
/// # Errors
/// Where the server cannot be reached or refuses, or the settings cannot be used.
pub fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Some(Task::Completions { shell }) = &cli.command {
        let mut command = Cli::command();
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut command, "whorl-admin", &mut script);
        io::stdout().write_all(&script)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (api, server) = connect(&cli.connection)?;
    match cli.command {
        Some(task) => script::run(&api, task),
        None if !io::stdout().is_terminal() => {
            anyhow::bail!("the console needs a terminal; scripts want a command, see --help")
        }
        None => {
            let theme = Theme::for_no_color(std::env::var_os("NO_COLOR").as_deref());
            crate::run::run(api, name_of(&server), theme).context("the terminal cannot be used")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn connect(connection: &Connection) -> anyhow::Result<(Api, Url)> {
    let settings = Settings::read(connection.config.as_deref())?;
    let server = connection
        .server
        .clone()
        .or(settings.server)
        .context("which server? give --server, or set WHORL_ADMIN_SERVER")?;
    let server = connect::server_address(&server)?;
    let ca = connection.ca.clone().or(settings.ca);
    let pem = match &ca {
        Some(path) => {
            Some(fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => None,
    };
    let token = token(connection, settings.token_file)?;
    let api = Api::new(&server, &token, pem.as_deref())?;
    Ok((api, server))
}

/// The token of the command line's file, of the environment, or of the configured file: the nearer one wins.
fn token(connection: &Connection, configured: Option<PathBuf>) -> anyhow::Result<SecretString> {
    let variable = std::env::var(TOKEN_VARIABLE).ok();
    let file = match (&connection.token_file, &variable) {
        (Some(path), _) => Some(path.clone()),
        (None, Some(_)) => None,
        (None, None) => configured,
    };
    Ok(connect::operator_token(file.as_deref(), variable)?)
}

/// The server's name as the console shows it: without the scheme and the slash behind.
fn name_of(server: &Url) -> String {
    let text = server.as_str().trim_end_matches('/');
    text.split_once("://")
        .map_or(text, |(_, rest)| rest)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_token_cannot_be_an_argument() {
        assert!(Cli::try_parse_from(["whorl-admin", "--token", "x"]).is_err());
    }

    #[test]
    fn the_servers_name_is_short() {
        for (url, name) in [
            ("https://id.example.org/", "id.example.org"),
            ("http://localhost:8080/idp/", "localhost:8080/idp"),
        ] {
            assert_eq!(name_of(&Url::parse(url).unwrap()), name);
        }
    }
}
