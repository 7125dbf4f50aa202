//! The whole way through a real browser, script off and on, against `wellwisher demo` (see `browser/journey.mjs`).

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The demo must be ready within this time, on a machine that does nothing else.
const READY_SECONDS_MAX: u64 = 10;
/// Tests of other slices share the machine, and this program is not optimised.
const PATIENCE: u32 = 6;

/// A running `wellwisher demo`; it ends with the test.
struct Demo {
    program: Child,
    base_url: String,
    directory: PathBuf,
}

impl Demo {
    fn start() -> Self {
        Self::framed_by("")
    }

    /// A demo whose embeds these sites may show.
    fn framed_by(origins: &str) -> Self {
        let directory =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("demo-{}-{}", std::process::id(), crate::support::unique_number()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(directory.join("mail")).expect("the target directory is writable");
        let address = free_address();
        let log = std::fs::File::create(directory.join("log")).expect("the target directory is writable");
        let program = Command::new(env!("CARGO_BIN_EXE_wellwisher"))
            .arg("demo")
            .env_clear()
            .env("LISTEN", address.to_string())
            .env("DATA_DIR", directory.join("data"))
            .env("MAIL_DIR", directory.join("mail"))
            .env("EMBED_ORIGINS", origins)
            // No `.env` of the developer's is read here.
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("the program was built with the tests");
        let mut demo = Self { program, base_url: format!("http://{address}"), directory };
        demo.wait_until_ready();
        demo
    }

    /// It takes connections while it still makes its sample: what it says is waited for.
    fn wait_until_ready(&mut self) {
        let started = Instant::now();
        while !self.log().contains(" is ready after ") {
            let ended = self.program.try_wait().expect("the child can be asked");
            assert!(ended.is_none(), "the demo ended: {}", self.log());
            assert!(started.elapsed() < Duration::from_secs(READY_SECONDS_MAX) * PATIENCE, "the demo is not ready: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// The browser that is installed. `None`, said on stderr, where a tool is missing; with `CI=true` that is a failure.
fn find_browser() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let usual = ["chromium", "chromium-browser", "google-chrome"].map(|name| Path::new("/usr/bin").join(name));
    let browser = named.into_iter().chain(usual).find(|path| path.is_file());
    let node =
        Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    let tools = scripts().join("node_modules/playwright-core").is_dir();
    if let (Some(browser), true, true) = (browser, node, tools) {
        return Some(browser);
    }
    let advice = "the browser test needs Chromium, Node.js, and `npm install --prefix tests/browser`";
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{advice}.");
    // Not `eprintln!`, which the test harness swallows.
    let _ = writeln!(std::io::stderr(), "{advice}. Until then it is SKIPPED.");
    None
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

/// Where the pictures go: `target/screenshots`.
fn screenshots() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target/tmp has a parent").join("screenshots")
}

fn travel(demo: &Demo, browser: &Path, script: &str, named_site: &str) {
    let ran = Command::new("node")
        .arg(scripts().join(script))
        .env("BASE_URL", &demo.base_url)
        .env("MAIL_DIR", demo.directory.join("mail"))
        .env("SCREENSHOTS", screenshots())
        .env("CHROMIUM", browser)
        .env("NAMED_SITE", named_site)
        .output()
        .expect("node starts");
    let said = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    assert!(ran.status.success(), "{said}\nThe program said:\n{}", demo.log());
    println!("{said}");
}

#[test]
fn a_supporter_goes_from_an_article_to_a_receipt_and_finance_sees_the_gift_once() {
    let Some(browser) = find_browser() else { return };
    let demo = Demo::start();
    travel(&demo, &browser, "journey.mjs", "");
}

#[test]
fn pages_are_accessible_in_both_directions_of_writing_and_ask_nothing_of_others() {
    let Some(browser) = find_browser() else { return };
    let demo = Demo::start();
    travel(&demo, &browser, "pages.mjs", "");
}

#[test]
fn another_site_shows_a_campaign_in_a_frame_when_it_is_named_and_only_then() {
    let Some(browser) = find_browser() else { return };
    let named_site = format!("http://{}", free_address());
    let demo = Demo::framed_by(&named_site);
    travel(&demo, &browser, "embed.mjs", &named_site);
}
