//! PostgreSQL: one cluster a test run, one database a test.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context, ensure};

use crate::{
    keeper::{Keeper, free_port},
    missing::{Missing, SETUP, on_path},
};

/// A running cluster, trusting every connection from this machine.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    port: u16,
    migrated: Mutex<Option<String>>,
    databases: AtomicU32,
    _keeper: Keeper,
}

impl Cluster {
    /// The cluster that all tests of this process share; started by the first that asks.
    pub fn shared() -> Result<&'static Self, Missing> {
        static SHARED: OnceLock<Result<Cluster, Missing>> = OnceLock::new();
        let started = SHARED.get_or_init(|| {
            let programs = programs()?;
            Self::start(programs).map_err(|e| {
                Missing::new(
                    format!("PostgreSQL does not start: {e:#}"),
                    "look at its log above",
                )
            })
        });
        started.as_ref().map_err(Clone::clone)
    }

    fn start(programs: PathBuf) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?.keep();
        let port = free_port()?;
        let arguments: [OsString; 3] = [
            programs.clone().into(),
            folder.into(),
            port.to_string().into(),
        ];
        let keeper = Keeper::start(SCRIPT, &arguments)?;
        Ok(Self {
            programs,
            port,
            migrated: Mutex::new(None),
            databases: AtomicU32::new(0),
            _keeper: keeper,
        })
    }

    /// The loopback port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of one of its databases, for a server that reaches the cluster at `port`.
    #[must_use]
    pub fn url(&self, database: &str, port: u16) -> String {
        format!("postgres://{OWNER}@127.0.0.1:{port}/{database}")
    }

    /// A new database, empty.
    pub fn empty_database(&self) -> anyhow::Result<String> {
        self.create(None)
    }

    /// A new database with the schema in it: `migrate` is given the URL of an empty one once, and later ones are copied.
    pub fn migrated_database(
        &self,
        migrate: impl FnOnce(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<String> {
        let mut template = self.migrated.lock().unwrap_or_else(|e| e.into_inner());
        if template.is_none() {
            let name = self.empty_database()?;
            migrate(&self.url(&name, self.port))?;
            *template = Some(name);
        }
        // Under the lock: a database that is being copied admits no one.
        self.create(template.as_deref())
    }

    /// Runs SQL on a database, and answers rows as lines, columns parted by `|`.
    pub fn sql(&self, database: &str, statement: &str) -> anyhow::Result<String> {
        let port = self.port.to_string();
        let output = Command::new(self.programs.join("psql"))
            .args(["-h", "127.0.0.1", "-p", &port, "-U", OWNER, "-d", database])
            .args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .output()?;
        ensure!(
            output.status.success(),
            "{statement}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }

    fn create(&self, template: Option<&str>) -> anyhow::Result<String> {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let template = template.unwrap_or("template0");
        self.sql(
            "postgres",
            &format!("CREATE DATABASE {name} TEMPLATE {template}"),
        )
        .context("a new database")?;
        Ok(name)
    }
}

/// The folder of `initdb` and `postgres`: off PATH on Debian, the newest version first.
fn programs() -> Result<PathBuf, Missing> {
    let mut folders: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            let version: u32 = folder.file_name()?.to_str()?.parse().ok()?;
            Some((version, folder.join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").is_file())
        .collect();
    folders.sort();
    let on_debian = folders.pop().map(|(_, folder)| folder);
    on_debian
        .or_else(|| on_path(&["initdb"])?.parent().map(Path::to_owned))
        .ok_or_else(|| Missing::new("PostgreSQL is missing", SETUP))
}

/// The superuser of the test cluster.
const OWNER: &str = "whorl";

/// `$1` programs, `$2` folder, `$3` port. PostgreSQL refuses to run as root: then the user of Debian's package runs it.
const SCRIPT: &str = r#"
programs=$1 folder=$2 port=$3
as=()
if [ "$(id -u)" = 0 ]; then
  for user in postgres nobody; do id -u "$user" >/dev/null 2>&1 && break; done
  chown "$user" "$folder"
  as=(setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups)
fi
cd /
"${as[@]}" "$programs/initdb" -D "$folder/data" -U whorl --auth=trust --no-sync -E UTF8 --locale=C >"$folder/log" 2>&1 \
  || { cat "$folder/log" >&2; rm -rf "$folder"; exit 1; }
"${as[@]}" "$programs/postgres" -D "$folder/data" -c listen_addresses=127.0.0.1 -c port="$port" \
  -c unix_socket_directories="$folder" -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
  -c max_connections=300 >"$folder/log" 2>&1 &
server=$!
until "$programs/pg_isready" -q -h 127.0.0.1 -p "$port"; do
  kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; rm -rf "$folder"; exit 1; }
  sleep 0.05
done
echo ready
cat >/dev/null
kill -QUIT "$server"
wait "$server" || true
rm -rf "$folder"
"#;
