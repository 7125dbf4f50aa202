//! A mail server that misbehaves on request: `smtp_sink.py` on a free port, with what it saw.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use serde_json::Value;

/// A running sink; it ends with its test.
pub struct SmtpSink {
    /// On 127.0.0.1.
    pub port: u16,
    child: Child,
    _lifeline: ChildStdin,
    events: Arc<Mutex<Vec<Value>>>,
}

impl SmtpSink {
    /// Starts a sink. `None`, said once on stderr, where Python with aiosmtpd is not installed; with `CI=true` that is a failure.
    pub async fn start(arguments: &[&str]) -> Option<Self> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        tokio::task::spawn_blocking(move || start(&arguments)).await.expect("the sink starts")
    }

    /// Where letters go: `smtp://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// What the sink told so far of one kind: `letter`, `connect`, `disconnect`, `ehlo`, `rcpt`, `rset`, `auth`.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        self.events.lock().unwrap().iter().filter(|event| event["event"] == kind).cloned().collect()
    }

    /// How many letters it told of so far.
    pub fn letters_told(&self) -> usize {
        self.events.lock().unwrap().iter().filter(|event| event["event"] == "letter").count()
    }

    /// The letters it kept, in the order they came. What it keeps reaches us through a pipe, a moment after its answer: so the letters of
    /// a moment in which no more of them arrive.
    pub fn letters(&self) -> Vec<Value> {
        let mut known = self.events("letter");
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let letters = self.events("letter");
            if letters.len() == known.len() {
                return letters;
            }
            known = letters;
        }
    }

    /// Waits until the sink has told `count` events of a kind.
    pub async fn wait_for(&self, kind: &str, count: usize) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let events = self.events(kind);
            if events.len() >= count {
                return events;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "the sink told {} of {count} {kind} events", events.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(arguments: &[String]) -> Option<SmtpSink> {
    let python = python()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/smtp_sink.py");
    let mut child = Command::new(python)
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("Python starts");
    let lifeline = child.stdin.take().expect("piped");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let ready: Value = serde_json::from_str(&lines.next().expect("the sink says that it is ready").expect("readable")).expect("JSON");
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = events.clone();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            told.lock().unwrap().push(serde_json::from_str(&line).expect("JSON"));
        }
    });
    Some(SmtpSink { port: ready["port"].as_u64().expect("a port") as u16, child, _lifeline: lifeline, events })
}

/// A Python that has aiosmtpd: the one that `WELLWISHER_PYTHON` names, else `python3`.
fn python() -> Option<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let python = std::env::var_os("WELLWISHER_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
        let tried = Command::new(&python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        if tried.is_ok_and(|status| status.success()) {
            return Some(python);
        }
        let advice =
            "aiosmtpd was not found: `python3 -m venv v && v/bin/pip install aiosmtpd==1.4.6`, then set WELLWISHER_PYTHON=v/bin/python";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{advice}.");
        let _ = writeln!(std::io::stderr(), "{advice}. Until then the tests against a mail server are SKIPPED.");
        None
    });
    found.clone()
}
