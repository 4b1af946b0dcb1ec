//! The programs, and what they make of a file.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::rc::Rc;
use std::time::Duration;

use seaworthy_sim::Backend;
use seaworthy_sim::trace::Packet;
use seaworthy_trial::run::{self, Outcome};
use seaworthy_trial::scenario::{Plan, Scenario};

/// Real seconds that a program may take for a page or a capture, on a busy machine.
const SECONDS_MAX: &str = "120";

/// A fresh folder, gone afterwards.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn write(&self, file: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(file);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A page as the browser has it in the end.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Its HTML, after all scripts.
    pub(crate) html: String,
    /// What it wrote to the console.
    pub(crate) console: Vec<String>,
}

impl Seen {
    /// What the page says of itself under `data-NAME`.
    #[track_caller]
    pub(crate) fn says(&self, name: &str) -> &str {
        let root =
            self.html.split_once("<html").and_then(|(_, rest)| rest.split_once('>')).map(|(root, _)| root);
        let value = root.and_then(|root| root.split_once(&format!(" data-{name}=\"")));
        match value.and_then(|(_, value)| value.split_once('"')) {
            Some((value, _)) => value,
            None => panic!("the page says nothing of {name}: {root:?}, console {:?}", self.console),
        }
    }

    #[track_caller]
    pub(crate) fn count(&self, name: &str) -> usize {
        self.says(name).parse().unwrap()
    }

    /// That the page came to its end without an error.
    #[track_caller]
    pub(crate) fn is_well(&self) -> &Self {
        assert_eq!(self.says("ready"), "true");
        assert!(!self.html.contains(" data-failure="), "{}", self.says("failure"));
        assert_eq!(self.console, [""; 0], "the console is empty");
        self
    }
}

/// Opens a page, with what stands behind `#` in its address, and with a script added to it: its value, as text, is
/// what the page then says of `tried`.
#[track_caller]
pub(crate) fn browse(test: &str, html: &str, hash: &str, script: &str) -> Seen {
    let folder = Folder::new(test);
    let added = format!(
        "{html}<script>(async () => {{ const pause = async () => {{\n\
         await new Promise((done) => setTimeout(done, 250));\n\
         if (typeof page !== 'undefined') page.paint(); }};\n\
         await pause();\n\
         try {{ document.documentElement.dataset.tried = String(await (async () => {{ {script} }})()); }}\n\
         catch (error) {{ document.documentElement.dataset.failure = String(error.stack ?? error); }} }})();</script>"
    );
    let file = folder.write("page.html", added);
    let profile = folder.0.join("profile");
    let output = command("chromium", "CHROMIUM")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ])
        .args(["--virtual-time-budget=20000", "--window-size=1280,800", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("--dump-dom")
        .arg(format!("file://{}#{hash}", file.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "chromium ended with {}: {said}", output.status);
    let console = said.lines().filter(|line| line.contains(":CONSOLE")).map(ToOwned::to_owned).collect();
    Seen { html: String::from_utf8(output.stdout).unwrap(), console }
}

/// What tshark says of a capture.
#[track_caller]
pub(crate) fn tshark(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = command("tshark", "TSHARK").args(arguments).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "tshark {arguments:?} ended with {status}: {err}");
    out.into_owned()
}

/// A program that must be installed, or that an environment variable names.
#[track_caller]
fn command(name: &str, variable: &str) -> Command {
    let program = std::env::var_os(variable).unwrap_or_else(|| name.into());
    let there = Command::new(&program).arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(there, "this test needs {name}: apt-get install {name}, or say in {variable} where it is");
    let mut command = Command::new("timeout");
    command.arg(SECONDS_MAX).arg(program);
    command
}

/// Runs a scenario on warp.
pub(crate) fn perform(toml: &str) -> (Rc<Plan>, Outcome, Vec<Packet>) {
    let scenario = Scenario::parse("test.toml", toml).unwrap();
    let plan = Rc::new(Plan::new(&scenario, scenario.seed));
    let (outcome, packets) = run::capture(&plan, Backend::Warp, Duration::from_secs(60));
    (plan, outcome, packets)
}

/// Three hosts, a cut and a crash.
pub(crate) const STORM: &str = r#"
name = "storm"
description = "PUSH to two PULLs"
duration = "2s"
host = [{ name = "source" }, { name = "worker", count = 2 }]
socket = [
    { name = "push", host = "source", type = "PUSH", bind = ["tcp://*:5555"] },
    { name = "pull", host = "worker", type = "PULL", connect = ["tcp://source:5555"] },
]
workload = [
    { socket = "push", role = "send", count = 50, interval = "20ms", size = 100 },
    { socket = "pull", role = "receive" },
]
fault = [
    { at = "300ms", for = "200ms", cut = ["source", "worker-1"] },
    { at = "600ms", for = "200ms", crash = "worker-2" },
]
"#;
