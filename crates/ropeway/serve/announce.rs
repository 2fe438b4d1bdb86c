//! What `serve` says on standard output: that it listens, and that it is ready. Scripts wait for
//! these two lines, so they stay as they are; everything else goes to the log.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The line printed as soon as the port answers, while the model still loads.
pub(crate) fn listening(address: SocketAddr) -> String {
    format!("listening on {}", url(address))
}

/// The lines printed when requests are served: address, model, device and a command to try.
pub(crate) fn ready(address: SocketAddr, model: &str, device: &str, needs_key: bool) -> String {
    let url = url(address);
    let key =
        if needs_key { " \\\n       -H \"Authorization: Bearer $ROPEWAY_API_KEY\"" } else { "" };
    let body = serde_json::json!({
        "model": model,
        "messages": [{ "role": "user", "content": "What is a ropeway?" }],
    });
    format!(
        "ready: serving {model} at {url}/v1\n\
         on:    {device}\n\
         try:   curl {url}/v1/chat/completions -H 'Content-Type: application/json'{key} \\\n       \
         -d '{}'\n\
         or:    ropeway chat --url {url}",
        quoted(&body.to_string())
    )
}

/// An address that a client on this machine can use: not the one that means "all of them".
fn url(address: SocketAddr) -> String {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(host, address.port()))
}

/// `text` for the inside of a shell's single quotes.
fn quoted(text: &str) -> String {
    text.replace('\'', r"'\''")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_that_a_client_can_use() {
        for (bound, expected) in [
            ("127.0.0.1:8000", "listening on http://127.0.0.1:8000"),
            ("0.0.0.0:80", "listening on http://127.0.0.1:80"),
            ("[::]:80", "listening on http://[::1]:80"),
            ("10.1.2.3:80", "listening on http://10.1.2.3:80"),
        ] {
            assert_eq!(listening(address(bound)), expected);
        }
    }

    #[test]
    fn ready_lines() {
        let open = ready(address("127.0.0.1:8000"), "tiny", "cpu (avx2, 1 thread)", false);
        insta::assert_snapshot!("ready_open", open);
        let closed = ready(address("127.0.0.1:8000"), "it's", "cpu (avx2, 1 thread): no GPU", true);
        insta::assert_snapshot!("ready_with_key", closed);
    }
}
