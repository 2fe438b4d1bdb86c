//! ZMTP, the wire protocol of ZeroMQ: what a PUB and a ROUTER socket say to their peers.
//!
//! Greeting, NULL handshake, frames, subscriptions, heartbeats. Version 3.0 is announced, which every
//! libzmq since 4.0 speaks; the commands of 3.1 are understood. No mechanism but NULL: who may
//! connect is the network's matter. Sources: ZeroMQ RFC 23 (ZMTP 3.0), RFC 37 (ZMTP 3.1).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Largest frame taken from a peer: subscriptions, replay requests and metadata are small.
const MAX_FRAME_BYTES: u64 = 4096;
/// Frames of one message taken from a peer.
const MAX_FRAMES: usize = 8;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// What a peer has sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A topic's prefix is wanted, or not any more.
    Subscribe(Vec<u8>),
    Cancel(Vec<u8>),
    /// A heartbeat; to be answered with its context.
    Ping(Vec<u8>),
    /// A message's frames. To a PUB socket of version 3.0 one frame is a subscription: 1 or 0, topic.
    Message(Vec<Vec<u8>>),
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Greets and shakes hands as a socket of `socket_type`.
pub(super) async fn shake_hands<S>(socket: &mut S, socket_type: &str) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut greeting = [0; 64];
    (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
    greeting[12..16].copy_from_slice(b"NULL");
    socket.write_all(&greeting).await?;
    let mut theirs = [0; 64];
    socket.read_exact(&mut theirs).await?;
    if theirs[0] != 0xff || theirs[9] & 1 == 0 || theirs[10] < 3 {
        return Err(invalid("the peer does not speak ZMTP 3"));
    }
    if &theirs[12..17] != b"NULL\0" {
        return Err(invalid("the peer wants a security mechanism"));
    }
    let mut ready = b"\x05READY\x0bSocket-Type".to_vec();
    ready.extend_from_slice(&(socket_type.len() as u32).to_be_bytes());
    ready.extend_from_slice(socket_type.as_bytes());
    let mut bytes = Vec::new();
    frame(&mut bytes, COMMAND, &ready);
    socket.write_all(&bytes).await?;
    let (flags, body) = read_frame(socket).await?;
    if flags & COMMAND == 0 || !body.starts_with(b"\x05READY") {
        return Err(invalid("the peer was not ready"));
    }
    Ok(())
}

/// A message of several frames, as bytes.
pub(super) fn message(frames: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frames.iter().map(|body| body.len() + 9).sum());
    for (index, body) in frames.iter().enumerate() {
        let more = if index + 1 < frames.len() { MORE } else { 0 };
        frame(&mut bytes, more, body);
    }
    bytes
}

/// The answer to a heartbeat.
pub(super) fn pong(context: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame(&mut bytes, COMMAND, &[b"\x04PONG", context].concat());
    bytes
}

fn frame(bytes: &mut Vec<u8>, flags: u8, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(len) => bytes.extend_from_slice(&[flags, len]),
        Err(_) => {
            bytes.push(flags | LONG);
            bytes.extend_from_slice(&(body.len() as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(body);
}

/// The next thing that a peer sends.
pub(super) async fn receive<S: AsyncRead + Unpin>(socket: &mut S) -> io::Result<Received> {
    loop {
        let (flags, body) = read_frame(socket).await?;
        if flags & COMMAND != 0 {
            match command(&body) {
                Some(received) => return Ok(received),
                // Commands that are not known are skipped.
                None => continue,
            }
        }
        let mut frames = vec![body];
        let mut has_more = flags & MORE != 0;
        while has_more {
            if frames.len() == MAX_FRAMES {
                return Err(invalid("the peer's message has too many frames"));
            }
            let (flags, body) = read_frame(socket).await?;
            frames.push(body);
            has_more = flags & MORE != 0;
        }
        return Ok(Received::Message(frames));
    }
}

fn command(body: &[u8]) -> Option<Received> {
    let (len, rest) = body.split_first()?;
    let (name, data) = rest.split_at_checked(usize::from(*len))?;
    match name {
        b"SUBSCRIBE" => Some(Received::Subscribe(data.to_vec())),
        b"CANCEL" => Some(Received::Cancel(data.to_vec())),
        // Two bytes of time-to-live come before the context.
        b"PING" => Some(Received::Ping(data.get(2..).unwrap_or_default().to_vec())),
        _ => None,
    }
}

async fn read_frame<S: AsyncRead + Unpin>(socket: &mut S) -> io::Result<(u8, Vec<u8>)> {
    let flags = socket.read_u8().await?;
    let len = match flags & LONG {
        0 => u64::from(socket.read_u8().await?),
        _ => socket.read_u64().await?,
    };
    if len > MAX_FRAME_BYTES {
        return Err(invalid("the peer's frame is too large"));
    }
    let mut body = vec![0; len as usize];
    socket.read_exact(&mut body).await?;
    Ok((flags, body))
}
