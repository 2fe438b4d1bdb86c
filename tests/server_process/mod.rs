//! The real binary as a child process, for tests from the outside.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// No step of a test may take longer; generous, since test machines are shared.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The real model's file. `scripts/test.sh` fetches it and sets the variable.
pub(crate) fn real_model() -> PathBuf {
    let path = std::env::var_os("ROPEWAY_TEST_MODEL")
        .expect("ROPEWAY_TEST_MODEL is not set; run scripts/test.sh, which fetches the model");
    let path = PathBuf::from(path);
    assert!(path.is_file(), "ROPEWAY_TEST_MODEL names no file: {}", path.display());
    path
}

/// A folder under `tests/goldens`.
pub(crate) fn golden(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    assert!(path.exists(), "missing golden model {}", path.display());
    path
}

/// A running server; killed when dropped.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) url: String,
    stdout: Mutex<Receiver<String>>,
}

impl ServerProcess {
    /// Starts `ropeway serve MODEL` on a free port and waits until it listens (not until ready).
    pub(crate) fn listen(model: &std::path::Path, args: &[&str]) -> Self {
        Self::listen_with(model, args, &[])
    }

    /// As [`ServerProcess::listen`], with variables.
    pub(crate) fn listen_with(
        model: &std::path::Path,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        Self::listen_telling(model, args, variables, Stdio::inherit())
    }

    /// As [`ServerProcess::listen_with`], with its standard error sent elsewhere.
    pub(crate) fn listen_telling(
        model: &std::path::Path,
        args: &[&str],
        variables: &[(&str, &str)],
        stderr: Stdio,
    ) -> Self {
        // On a machine with a GPU `auto` would put the servers of all tests on it at once.
        let names_device = args.iter().any(|arg| arg.split('=').next() == Some("--device"));
        let device: &[&str] = if names_device { &[] } else { &["--device", "cpu"] };
        let mut child = Command::new(env!("CARGO_BIN_EXE_ropeway"))
            .envs(variables.iter().copied())
            .arg("serve")
            .arg(model)
            .args(["--port", "0", "--log-format", "json", "--log-level", "warn"])
            .args(device)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the binary starts");
        let pipe = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (lines, stdout) = channel();
        std::thread::spawn(move || {
            for line in pipe.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let mut server = Self { child, url: String::new(), stdout: Mutex::new(stdout) };
        let line = server.line_with("listening on ");
        let start = line.find("http://").expect("the line has the URL");
        server.url = line[start..].split_whitespace().next().expect("a URL").to_string();
        server
    }

    /// Starts a server and waits until it is ready.
    pub(crate) fn ready(model: &std::path::Path, args: &[&str]) -> Self {
        let server = Self::listen(model, args);
        server.line_with("ready");
        server
    }

    /// The first line of standard output from here on that contains `text`.
    pub(crate) fn line_with(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.stdout.lock().expect("no test panicked here").recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("the server never printed {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// `127.0.0.1:port`, for raw sockets.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    /// Sends a signal by name, e.g. `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .expect("kill is part of every system");
        assert!(status.success());
    }

    /// Waits for the end of the process and returns its exit code.
    pub(crate) fn exit_code(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status.code().expect("the process ended by itself");
            }
            assert!(Instant::now() < deadline, "the server never stopped");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Resident memory in bytes (proc_pid_status(5)).
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most resident memory so far, in bytes.
    pub(crate) fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the process lives");
        let line = status.lines().find(|line| line.starts_with(name)).expect("a known line");
        let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        kib * 1024
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The value of one series of a Prometheus text page, `None` if absent. `series` is the name with
/// any part of its labels, e.g. `vllm:num_requests_running`.
pub(crate) fn metric(page: &str, series: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.starts_with(series) && !line.starts_with('#'))?;
    line.rsplit(' ').next()?.parse().ok()
}
