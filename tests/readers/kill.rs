//! What a real process acknowledged is there after `kill -9`.

use super::http::{add_published, beacon_text};
use crate::support::unique_number;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wellwisher::clock::{Clock, Random};
use wellwisher::db::Db;
use wellwisher::readers::Counter;
use wellwisher::readers::filter::Bucket;
use wellwisher::readers::key::KeyPlace;

/// The process is killed when so many views were acknowledged.
const ENOUGH: u64 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_view_survives_kill_9() {
    let directory = crate::support::scratch().join(format!("killed-{}-{}", std::process::id(), unique_number()));
    std::fs::create_dir_all(&directory).unwrap();
    let url = format!("sqlite://{}", directory.join("wellwisher.db").display());
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    let article = add_published(&db, "water").await;
    db.close().await.unwrap();

    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut process = serve(&directory, &url, address);
    let (sent, acknowledged) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let readers: Vec<_> =
        (0..16).map(|_| tokio::spawn(read_until_it_dies(address, Arc::clone(&sent), Arc::clone(&acknowledged)))).collect();
    for _ in 0..600 {
        if acknowledged.load(Ordering::SeqCst) >= ENOUGH {
            break;
        }
        assert!(process.try_wait().unwrap().is_none(), "serve ended by itself");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    process.kill().unwrap();
    process.wait().unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
    let (sent, acknowledged) = (sent.load(Ordering::SeqCst), acknowledged.load(Ordering::SeqCst));
    assert!(acknowledged >= ENOUGH, "{acknowledged} of {sent}");

    let keys = KeyPlace::of(&url, &directory.join("keys")).unwrap();
    let counter = Counter::open(Db::open(&url).await.unwrap(), Clock::System, Random::default(), keys).await.unwrap();
    let kept = u64::try_from(counter.views(article)).unwrap();
    assert!((acknowledged..=sent).contains(&kept), "{kept} kept, {acknowledged} acknowledged, {sent} sent");
    let of_the_site = counter.open_days().into_iter().flat_map(|(_, tallies)| tallies.into_values()).map(|tally| tally.counts);
    assert!(of_the_site.into_iter().all(|counts| counts.add_up() && counts.of(Bucket::Counted) == counts.received));
    let _ = std::fs::remove_dir_all(&directory);
}

fn serve(directory: &std::path::Path, url: &str, address: SocketAddr) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wellwisher"));
    command.arg("serve").current_dir(directory).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("DATA_DIR", directory).env("DATABASE_URL", url).env("LISTEN", address.to_string());
    command.env("READER_KEY_DIR", directory.join("keys")).spawn().unwrap()
}

/// One reader after another on one connection, until the process is gone.
async fn read_until_it_dies(address: SocketAddr, sent: Arc<AtomicU64>, acknowledged: Arc<AtomicU64>) {
    let mut connection = loop {
        match TcpStream::connect(address).await {
            Ok(connection) => break connection,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let mut answer = [0; 2_048];
    loop {
        let number = sent.fetch_add(1, Ordering::SeqCst);
        if connection.write_all(beacon_text("water", number).as_bytes()).await.is_err() {
            return;
        }
        match connection.read(&mut answer).await {
            Ok(read) if answer[..read].starts_with(b"HTTP/1.1 204") => acknowledged.fetch_add(1, Ordering::SeqCst),
            Ok(read) if read > 0 => panic!("{}", String::from_utf8_lossy(&answer[..read])),
            _ => return,
        };
    }
}
