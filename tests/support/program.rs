//! The built program as a user runs it: started in a folder, read, stopped, and never left behind.

use super::WEBHOOK_SECRET;
use std::{
    io::Read,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// The longest that anything is waited for: far more than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The settings of a process beside the test's own Wellwisher: its database, and a Stripe at `api_base`.
pub fn beside<'a>(url: &'a str, api_base: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("DATABASE_URL", url),
        ("SECRET_KEY", "a secret for tests, of more than 32 characters"),
        ("STRIPE_SECRET_KEY", "sk_test_wellwisher"),
        ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("STRIPE_API_BASE", api_base),
        ("LOG", "warn"),
    ]
}

/// The program under way; killed when the test lets go of it.
pub struct Program {
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// The program after its end.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote for programs.
    pub out: String,
    /// What it wrote for people.
    pub err: String,
}

impl Program {
    /// Starts the program in `folder`, with no settings but those in `environment`, on a free port.
    pub fn start(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wellwisher"));
        command.current_dir(folder).args(arguments).env_clear();
        command.env("LISTEN", "127.0.0.1:0").env("READER_KEY_DIR", folder.join("reader-keys"));
        command.envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (out, err) = (Arc::default(), Arc::default());
        let readers = vec![
            read_along(child.stdout.take().expect("piped"), Arc::clone(&out)),
            read_along(child.stderr.take().expect("piped"), Arc::clone(&err)),
        ];
        Self { child, out, err, readers }
    }

    /// Runs a command to its end.
    pub async fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        Self::start(folder, arguments, environment).ended().await
    }

    /// What it has written to stdout so far.
    pub fn out(&self) -> String {
        self.out.lock().unwrap().clone()
    }

    /// What it has written to stderr so far.
    pub fn err(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    /// The address of the site, once it is served.
    pub async fn address(&mut self) -> String {
        self.wait_for("Serving http://", "/\n").await
    }

    /// The first text on stdout from `begin` to the next `end`; without the word before the address.
    pub async fn wait_for(&mut self, begin: &str, end: &str) -> String {
        let start = Instant::now();
        loop {
            let out = self.out();
            if let Some((_, rest)) = out.split_once(begin)
                && let Some((found, _)) = rest.split_once(end)
            {
                let from = begin.find("http://").map_or("", |at| &begin[at..]);
                return format!("{from}{found}");
            }
            let gone = self.child.try_wait().expect("the child is ours");
            let waiting = gone.is_none() && start.elapsed() < PATIENCE;
            assert!(waiting, "`{begin}` was not said ({gone:?}).\nstdout:\n{out}\nstderr:\n{}", self.err());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asks it to stop, as an operator's service manager does.
    pub fn ask_to_stop(&self) {
        let told = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(told.expect("kill is there").success());
    }

    /// Asks it to stop, and waits for it.
    pub async fn stop(self) -> Ended {
        self.ask_to_stop();
        self.ended().await
    }

    /// Ends it at once, as a loss of power would: nothing of it runs after this.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("the child is ours");
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> Ended {
        let start = Instant::now();
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end.\nstdout:\n{}\nstderr:\n{}", self.out(), self.err());
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("reading along does not fail");
        }
        Ended { code: status.code(), out: self.out(), err: self.err() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_along(mut from: impl Read + Send + 'static, to: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        let mut held = Vec::new();
        while let Ok(count) = from.read(&mut bytes) {
            if count == 0 {
                return;
            }
            held.extend_from_slice(&bytes[..count]);
            // A character may be cut in two: what is not whole yet waits for the next piece.
            let whole = match std::str::from_utf8(&held) {
                Ok(_) => held.len(),
                Err(error) => error.valid_up_to(),
            };
            to.lock().unwrap().push_str(&String::from_utf8_lossy(&held[..whole]));
            held.drain(..whole);
        }
    })
}

/// An empty folder that goes with its test.
pub struct Folder(pub std::path::PathBuf);

impl Folder {
    /// A new one.
    pub fn new() -> Self {
        let name = format!("program-{}-{}", std::process::id(), super::unique_number());
        let path = super::scratch().join(name);
        std::fs::create_dir_all(&path).expect("the target directory is writable");
        Self(path)
    }

    /// The names in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("it is there");
        let mut names: Vec<String> = entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl std::ops::Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
