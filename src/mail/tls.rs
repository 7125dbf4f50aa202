//! TLS from the first byte (`smtps://`) over our own TCP stream.
//!
//! lettre opens such a connection itself or takes a stream that is already encrypted; only the latter lets us set `TCP_NODELAY`.

use lettre::transport::smtp::{
    Error as SmtpError,
    client::{AsyncTokioStream, TlsParameters},
};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

// lettre calls the type "not meant to be public", yet offers no other way to its TLS set-up; pinned by Cargo.lock.
#[allow(deprecated)]
use lettre::transport::smtp::client::AsyncNetworkStream;

/// An encrypted stream.
#[allow(deprecated)]
#[derive(Debug)]
pub struct TlsOverTcp {
    stream: AsyncNetworkStream,
    peer: SocketAddr,
}

#[allow(deprecated)]
impl TlsOverTcp {
    /// Encrypts a fresh connection.
    pub async fn connect(tcp: TcpStream, tls: TlsParameters) -> Result<Self, SmtpError> {
        // The address serves lettre's debugging only.
        let peer = tcp.peer_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        let mut stream = AsyncNetworkStream::use_existing_tokio1(Box::new(tcp));
        stream.upgrade_tls(tls).await?;
        Ok(Self { stream, peer })
    }
}

impl AsyncTokioStream for TlsOverTcp {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for TlsOverTcp {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = Pin::new(&mut self.stream);
        let count = ready!(futures_util::io::AsyncRead::poll_read(stream, cx, buf.initialize_unfilled()))?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TlsOverTcp {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        futures_util::io::AsyncWrite::poll_write(Pin::new(&mut self.stream), cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        futures_util::io::AsyncWrite::poll_flush(Pin::new(&mut self.stream), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        futures_util::io::AsyncWrite::poll_close(Pin::new(&mut self.stream), cx)
    }
}
