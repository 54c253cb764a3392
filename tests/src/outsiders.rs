//! Relying parties that nobody here wrote: npm's `openid-client` and `oauth4webapi`, PyPI's Authlib, Debian's
//! `libapache2-mod-auth-openidc`, as `tests/setup` installs them.

use std::{fs, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use crate::{
    browser::driver,
    keeper::{Keeper, free_port},
    missing::{Missing, SETUP, cache_folder, here, on_path},
};

/// Runs a script of `tests/clients` in Node, with the packages of its lock file.
pub struct Node {
    program: PathBuf,
    packages: PathBuf,
}

impl Node {
    /// Finds Node and the packages.
    pub fn here() -> Result<Self, Missing> {
        let packages = cache_folder().join("clients/npm");
        if !packages.join("node_modules/openid-client").is_dir() {
            return Err(Missing::new("npm's relying parties are missing", SETUP));
        }
        // The browser's driver brings a Node that is new enough; Debian's may not be.
        let program = driver()
            .map(|driver| driver.join("node"))
            .or_else(|| on_path(&["node"]))
            .ok_or_else(|| Missing::new("Node is missing", SETUP))?;
        Ok(Self { program, packages })
    }

    /// Runs a script with `input`, and answers its last line.
    ///
    /// # Errors
    /// When the script throws; with all that it wrote.
    pub async fn run(&self, script: &str, input: &Value) -> anyhow::Result<Value> {
        let mut command = Command::new(&self.program);
        command
            .arg(here().join("clients").join(script))
            .env("WHORL_CLIENTS", &self.packages);
        run(command, script, input).await
    }
}

/// Runs a script or a program of the Python environment.
pub struct Python {
    folder: PathBuf,
}

impl Python {
    /// Finds it.
    pub fn here() -> Result<Self, Missing> {
        let folder = cache_folder().join("clients/venv/bin");
        if folder.join("schemathesis").is_file() {
            Ok(Self { folder })
        } else {
            Err(Missing::new("PyPI's relying parties are missing", SETUP))
        }
    }

    /// Runs a script of `tests/clients` with `input`, and answers its last line.
    ///
    /// # Errors
    /// When the script fails; with all that it wrote.
    pub async fn run(&self, script: &str, input: &Value) -> anyhow::Result<Value> {
        let mut command = Command::new(self.folder.join("python"));
        command.arg(here().join("clients").join(script));
        run(command, script, input).await
    }

    /// A program of the environment.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

async fn run(mut command: Command, script: &str, input: &Value) -> anyhow::Result<Value> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| script.to_owned())?;
    let mut pipe = child
        .stdin
        .take()
        .context("invariant: standard input is piped")?;
    pipe.write_all(input.to_string().as_bytes()).await?;
    drop(pipe);
    let output = timeout(PATIENCE, child.wait_with_output())
        .await
        .with_context(|| format!("{script} took longer than {} s", PATIENCE.as_secs()))??;
    let (answer, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(
        output.status.success(),
        "{script}: {}\n{answer}\n{said}",
        output.status
    );
    let last = answer
        .lines()
        .last()
        .with_context(|| format!("{script} said nothing"))?;
    serde_json::from_str(last).with_context(|| format!("{script} answered {last}"))
}

/// Apache with mod_auth_openidc before one page.
pub struct Apache {
    /// Where it listens.
    pub port: u16,
    folder: TempDir,
    // Held, so that Apache runs.
    #[allow(dead_code)]
    keeper: Option<Keeper>,
}

/// What mod_auth_openidc is told.
pub struct Protected<'a> {
    pub issuer: &'a str,
    pub client: Client<'a>,
}

/// How mod_auth_openidc comes to be a client.
pub enum Client<'a> {
    /// Its identifier and its secret.
    Known(&'a str, &'a str),
    /// It registers itself where this document, the provider's own, says.
    Registers(&'a str),
}

impl Apache {
    /// Reserves a port, for the client's registration.
    pub fn here() -> Result<Self, Missing> {
        let modules = PathBuf::from(MODULES);
        let there = on_path(&["apache2"])
            .or_else(|| Some(PathBuf::from("/usr/sbin/apache2")).filter(|path| path.is_file()));
        if there.is_none() || !modules.join("mod_auth_openidc.so").is_file() {
            return Err(Missing::new(
                "Apache with mod_auth_openidc is missing",
                SETUP,
            ));
        }
        let port = free_port().map_err(|error| Missing::new(format!("{error}"), "free a port"))?;
        let folder = tempfile::tempdir()
            .map_err(|error| Missing::new(format!("{error}"), "make room for a folder"))?;
        Ok(Self {
            port,
            folder,
            keeper: None,
        })
    }

    /// Where the provider sends its answers.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        format!("http://localhost:{}/secure/callback", self.port)
    }

    /// Serves, until it is dropped.
    ///
    /// # Errors
    /// When Apache does not take its configuration.
    pub fn serve(&mut self, told: &Protected<'_>) -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = self.folder.path();
        // Its children are not root.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        let page = folder.join("htdocs/secure");
        fs::create_dir_all(&page)?;
        fs::write(page.join("index.html"), "<p>Let in</p>")?;
        let (port, place, callback) = (self.port, folder.display(), self.redirect_uri());
        let modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "dir", "auth_openidc"]
            .iter()
            .map(|name| {
                format!("<IfModule !{name}_module>\nLoadModule {name}_module {MODULES}/mod_{name}.so\n</IfModule>\n")
            })
            .collect::<String>();
        let issuer = told.issuer;
        let client = match told.client {
            Client::Known(id, secret) => format!(
                "OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration\nOIDCClientID {id}\nOIDCClientSecret \"{secret}\"\n"
            ),
            Client::Registers(document) => {
                let metadata = folder.join(METADATA);
                fs::create_dir_all(&metadata)?;
                // What it registers, it keeps there itself.
                fs::set_permissions(&metadata, fs::Permissions::from_mode(0o777))?;
                fs::write(metadata.join(named(issuer, "provider")), document)?;
                format!("OIDCMetadataDir {}\n", metadata.display())
            }
        };
        let config = format!(
            "ServerRoot {place}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {place}/pid\n\
             ErrorLog {place}/errors\nLogLevel warn auth_openidc:info\nMutex file:{place}\n{modules}\
             <IfModule unixd_module>\nUser www-data\nGroup www-data\n</IfModule>\n\
             DocumentRoot {place}/htdocs\nDirectoryIndex index.html\n\
             {client}OIDCRedirectURI {callback}\n\
             OIDCCryptoPassphrase a-passphrase-of-a-test\nOIDCScope \"openid profile email\"\nOIDCPKCEMethod S256\n\
             OIDCRemoteUserClaim preferred_username\n\
             <Location /secure>\nAuthType openid-connect\nRequire claim preferred_username:alice\n</Location>\n\
             <Location /others>\nAuthType openid-connect\nRequire claim preferred_username:somebody-else\n</Location>\n"
        );
        fs::create_dir_all(folder.join("htdocs/others"))?;
        fs::write(
            folder.join("htdocs/others/index.html"),
            "<p>Not for alice</p>",
        )?;
        fs::write(folder.join("httpd.conf"), config)?;
        // Debian builds some modules in.
        let script = r#"
            apache=$(command -v apache2 || echo /usr/sbin/apache2)
            "$apache" -DFOREGROUND -f "$1/httpd.conf" >"$1/out" 2>&1 &
            pid=$!
            for _ in $(seq 200); do
              if ! kill -0 $pid 2>/dev/null; then cat "$1/out" "$1/errors" >&2; exit 1; fi
              if (exec 3<>/dev/tcp/127.0.0.1/$2) 2>/dev/null; then break; fi
              sleep 0.1
            done
            echo ready
            cat >/dev/null
            kill $pid
            wait $pid
        "#;
        let arguments = [folder.display().to_string(), port.to_string()];
        self.keeper = Some(Keeper::start(script, &arguments)?);
        Ok(())
    }

    /// What mod_auth_openidc was answered when it registered at this issuer.
    #[must_use]
    pub fn registration(&self, issuer: &str) -> Option<Value> {
        let file = self.folder.path().join(METADATA);
        let text = fs::read_to_string(file.join(named(issuer, "client"))).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// What Apache has to say of its failures.
    #[must_use]
    pub fn errors(&self) -> String {
        fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default()
    }
}

/// The name of a file about an issuer, as the module has it.
fn named(issuer: &str, kind: &str) -> String {
    let host = issuer.trim_start_matches("http://").replace(':', "%3A");
    format!("{host}.{kind}")
}

const METADATA: &str = "metadata";
const MODULES: &str = "/usr/lib/apache2/modules";
/// Longer than all the logins of a script take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);
