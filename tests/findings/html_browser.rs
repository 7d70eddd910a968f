//! What a browser makes of a report: it draws everything, runs nothing else and sends nothing.
//!
//! The browser is Chromium: `AUTOENCODER_CHROMIUM`, or `chromium`, `chromium-browser`, `google-chrome`
//! on the path. Where there is none these tests say so and are passed over. With
//! `AUTOENCODER_SCREENSHOTS=folder` they leave pages and screenshots there.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use autoencoder::activation::{Identity, Relu, Sigmoid, Tanh};
use autoencoder::html::HtmlReport;
use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
use autoencoder::nalgebra::Const;
use autoencoder::size::{Image, SameSize, Size};
use autoencoder::*;
use common::Folder;
use common::table::{COLUMNS, HOSTILE, season, table};

/// Digits with a sparse code.
fn sparse() -> String {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 100>::new(Sigmoid))
        .decoder(Dense::<100, 64>::new(Sigmoid))
        .regularizer(SparseKl::new(0.05, 0.1).unwrap())
        .seed(7)
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(3e-3).unwrap()).epochs(40).validation_split(0.1);
    let report = trainer.fit(&mut model, &digits.train).unwrap();
    HtmlReport::new(&model, &report, &digits.test)
        .title("Handwritten digits in 100 sparse units")
        .labels(&digits.test_labels)
        .to_html()
        .unwrap()
}

/// Samples by a sparse dictionary of which too many units are dead.
fn dictionary() -> String {
    let data = datasets::k_sparse::<f32, 16, 64>(2_000, 3, 1).unwrap();
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::<16, 128>::new(TopK::new(3).unwrap()))
        .decoder(Dictionary::new())
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(3e-2).unwrap()).epochs(5);
    let report = trainer.fit(&mut model, &data.samples).unwrap();
    let page = HtmlReport::new(&model, &report, &data.samples);
    page.title("A sparse dictionary of 128 units").to_html().unwrap()
}

/// Pictures in colours.
fn colours() -> String {
    let photos = common::photos::photos(200);
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<432, 16>::new(Sigmoid))
        .decoder(Dense::<16, 432>::new(Sigmoid))
        .build::<f32>()
        .unwrap();
    let report =
        Trainer::new(Adam::new(1e-2).unwrap()).epochs(40).fit(&mut model, &photos).unwrap();
    HtmlReport::new(&model, &report, &photos).title("Discs in colours").to_html().unwrap()
}

/// Digits on a map of two units, by a Gaussian encoder.
fn plane() -> String {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<64, 64>::new(Relu),
            Dense::<64, 2>::new(Identity),
            Dense::<64, 2>::new(Identity),
        ))
        .decoder(Dense::<2, 64>::new(Relu).then(Dense::<64, 64>::new(Identity)))
        .regularizer(Variational::new(0.3).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(3e-3).unwrap()).epochs(80);
    let report = trainer.fit(&mut model, &digits.train).unwrap();
    HtmlReport::new(&model, &report, &digits.test)
        .title("Digits on a plane")
        .labels(&digits.test_labels)
        .to_html()
        .unwrap()
}

/// Digits under the condition of their class, with a code of three units.
fn conditional() -> String {
    let digits = datasets::digits::<f32>();
    let hot = |labels: &[u8]| -> Batch<f32, Const<10>> {
        let row = |&label: &u8| std::array::from_fn(|k| f32::from(k == usize::from(label)));
        labels.iter().map(row).collect()
    };
    let mut model = AutoEncoder::builder()
        .encoder(Conditioned::<64, 10, _>::new(Dense::<74, 3>::new(Tanh)))
        .decoder(Conditioned::<3, 10, _>::new(Dense::<13, 64>::new(Sigmoid)))
        .build::<f32>()
        .unwrap();
    let (of_train, of_test) = (hot(&digits.train_labels), hot(&digits.test_labels));
    let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(20);
    let report = trainer.fit(&mut model, (&digits.train, &of_train)).unwrap();
    HtmlReport::new(&model, &report, (&digits.test, &of_test))
        .title("Digits under their classes")
        .labels(&digits.test_labels)
        .to_html()
        .unwrap()
}

/// The classes of digits, of images or of plain rows.
fn classifier<S: Size + SameSize<Const<64>>>(size: S, title: &str) -> String {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 20>::new(Tanh))
        .classes::<10>()
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(20);
    let report = trainer.fit(&mut model, (&digits.train, &digits.train_labels)).unwrap();
    let test = digits.test.with_size(size).unwrap();
    HtmlReport::new(&model, &report, (&test, &digits.test_labels)).title(title).to_html().unwrap()
}

/// Chromium, if there is one.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("AUTOENCODER_CHROMIUM").map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&paths)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file());
    let browser = named.or(found);
    if browser.is_none() {
        // Straight to the stream, because the test harness hides what tests print.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no Chromium to open the report");
    }
    browser
}

/// A window of Chromium, of so many pixels.
struct Window<'a> {
    browser: &'a Path,
    folder: &'a Folder,
    width: usize,
    is_dark: bool,
    /// Where all requests go to, those to this machine too.
    proxy: Option<SocketAddr>,
}

impl<'a> Window<'a> {
    fn new(browser: &'a Path, folder: &'a Folder) -> Self {
        Self { browser, folder, width: 1280, is_dark: false, proxy: None }
    }
}

/// What Chromium makes of a page; a screenshot, too, if it is asked for.
fn open(window: &Window, name: &str, page: &str) -> String {
    let &Window { browser, folder, width, is_dark, proxy } = window;
    let mut file = folder.join(format!("{name}.html"));
    std::fs::write(&file, page).unwrap();
    if let Some(kept) = std::env::var_os("AUTOENCODER_SCREENSHOTS") {
        std::fs::copy(&file, Path::new(&kept).join(format!("{name}.html"))).unwrap();
    }
    if width < 500 {
        // Chromium's window has at least 500 pixels, a frame in it may have less. Keys are pressed in it,
        // too: on the map, on a chart and on a slider.
        let script = "onload = () => {
            const page = frame.contentDocument, found = document.documentElement.dataset;
            Object.assign(found, page.documentElement.dataset);
            const press = (node, key) => node.dispatchEvent(new KeyboardEvent('keydown', { key }));
            const text = (selector) => page.querySelector(selector).textContent;
            found.before = text('#map .detail h3');
            for (const key of ['ArrowUp', 'ArrowRight', 'ArrowDown', 'ArrowLeft'])
                press(page.querySelector('#map .split > div'), key);
            press(page.querySelector('#map .split > div'), 'Home');
            found.after = text('#map .detail h3');
            press(page.querySelector('#training figure > div[tabindex], #scores-body > div[tabindex]'), 'Home');
            found.epoch = text('.readout');
            const slider = page.querySelector('#traversal input');
            if (slider) {
                slider.value = 0;
                slider.dispatchEvent(new Event('input'));
                found.moved = text('#traversal figcaption');
            }
            found.unnamed = [...page.querySelectorAll('[tabindex], canvas')]
                .filter((node) => !node.getAttribute('aria-label')).length;
        };";
        let frame = format!(
            "<!doctype html><body style=\"margin:0\"><iframe id=\"frame\" src=\"{name}.html\" width=\"{width}\" \
             height=\"12000\" style=\"border:0\"></iframe><script>{script}</script>"
        );
        file = folder.join(format!("{name}-{width}.html"));
        std::fs::write(&file, frame).unwrap();
    }
    let run = |arguments: &[String]| {
        let mut command = Command::new(browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]);
        command.args(["--disable-dev-shm-usage", "--no-first-run", "--virtual-time-budget=4000"]);
        command.arg("--allow-file-access-from-files"); // for the frame
        command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
        if let Some(proxy) = proxy {
            command.arg(format!("--proxy-server={proxy}")).arg("--proxy-bypass-list=<-loopback>");
            // What Chromium would ask for of its own accord.
            command.args(["--disable-background-networking", "--disable-component-update"]);
            command.args(["--disable-sync", "--disable-default-apps", "--disable-extensions"]);
        }
        if is_dark {
            command.arg("--blink-settings=preferredColorScheme=0");
        }
        let output =
            command.args(arguments).arg(format!("file://{}", file.display())).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    if let Some(kept) = std::env::var_os("AUTOENCODER_SCREENSHOTS").map(PathBuf::from) {
        let kept = kept.join(format!("{name}-{width}{}.png", if is_dark { "-dark" } else { "" }));
        let size = format!("--window-size={width},{}", if width < 500 { 12000 } else { 7000 });
        run(&[size, format!("--screenshot={}", kept.display())]);
    }
    run(&[format!("--window-size={width},900"), "--dump-dom".into()])
}

/// An attribute that the page's script has set on the document.
fn attribute<'a>(dom: &'a str, name: &str) -> &'a str {
    let start = format!("data-{name}=\"");
    let (_, rest) = dom.split_once(&start).unwrap_or_else(|| panic!("no {name}"));
    rest.split_once('"').unwrap().0
}

#[test]
fn a_browser_draws_everything_and_runs_nothing_else() {
    let Some(browser) = chromium() else { return };
    let folder = Folder::new("html-report");
    // Points, charts, sliders.
    for (name, page, points, charts, sliders) in [
        ("sparse", sparse(), "359", "4", "8"),
        ("plane", plane(), "359", "4", "2"),
        ("colours", colours(), "200", "2", "8"),
        ("table", table(COLUMNS, season, "Forty days of weather"), "40", "2", "3"),
        ("conditional", conditional(), "359", "2", "3"),
        ("dictionary", dictionary(), "1500", "2", "8"),
        ("classifier", classifier(Image::<1, 8, 8>, "Classes of images"), "359", "2", "0"),
        ("classifier of rows", classifier(Const::<64>, "Classes of rows"), "359", "2", "0"),
    ] {
        for (width, is_dark) in [(1280, false), (390, false), (1280, true), (390, true)] {
            let window = Window { width, is_dark, ..Window::new(&browser, &folder) };
            let dom = open(&window, name, &page);
            let is = |what: &str, value: &str| {
                assert_eq!(attribute(&dom, what), value, "{name}: {what}")
            };
            is("ready", "true");
            is("errors", "");
            is("points", points);
            is("charts", charts);
            is("sliders", sliders);
            is("overflow", "false");
            if width == 390 {
                assert_ne!(attribute(&dom, "before"), attribute(&dom, "after"), "{name}");
                assert!(attribute(&dom, "epoch").starts_with("epoch 1: training "), "{name}");
                if sliders != "0" {
                    let moved = attribute(&dom, "moved");
                    let is_moved = moved.starts_with("unit ") && moved.contains(" at ");
                    assert!(is_moved, "{name}: {moved}");
                }
                is("unnamed", "0");
            }
        }
    }
}

/// Pages of detectors: of a table held against a reference, of windows, of images.
#[cfg(feature = "table")]
fn of_detectors() -> [(&'static str, String, &'static str); 3] {
    use autoencoder::html::AnomalyReport;
    use common::machines::{LEVELS, NAMES, images, machines, windows};
    let mut machines = machines(NAMES, LEVELS, "plant");
    machines.detector.calibrate(&machines.reference).unwrap();
    let table = AnomalyReport::new(&machines.detector, &machines.batch)
        .title("Machines of hall 2")
        .reference(&machines.reference);
    let (of_windows, x) = windows();
    let windows = AnomalyReport::new(&of_windows, &x).columns(["flow", "echo"]);
    let (of_images, pictures) = images();
    let images = AnomalyReport::new(&of_images, &pictures).rows(30);
    [
        ("machines", table.to_html().unwrap(), "200"),
        ("windows", windows.to_html().unwrap(), "40"),
        ("pictures", images.to_html().unwrap(), "30"),
    ]
}

#[cfg(feature = "table")]
#[test]
fn a_browser_draws_what_a_detector_finds() {
    let Some(browser) = chromium() else { return };
    let folder = Folder::new("html-anomalies");
    for (name, page, points) in of_detectors() {
        for (width, is_dark) in [(1280, false), (390, false), (1280, true)] {
            let window = Window { width, is_dark, ..Window::new(&browser, &folder) };
            let dom = open(&window, name, &page);
            let is = |what: &str, value: &str| {
                assert_eq!(attribute(&dom, what), value, "{name}: {what}")
            };
            is("ready", "true");
            is("errors", "");
            is("points", points);
            is("overflow", "false");
            // Given, expected and difference of thirty rows, and the pair of the point that is chosen.
            is("pictures", if name == "pictures" { "92" } else { "0" });
            if width == 390 {
                assert_ne!(attribute(&dom, "before"), attribute(&dom, "after"), "{name}");
                let bar = attribute(&dom, "epoch");
                assert!(bar.contains(" with a score from "), "{name}: {bar}");
                is("unnamed", "0");
            } else if name == "pictures" {
                assert!(
                    dom.contains("class=\"gaps\"") && dom.contains("Hatched pixels are missing.")
                );
            } else if name == "machines" {
                // The oddest row is shown first, with its words.
                let (_, detail) = dom.split_once("<div class=\"detail\"").unwrap();
                let (_, row) = detail.split_once("<h3>row ").unwrap();
                let (_, first) = page.split_once("<th scope=\"row\">").unwrap();
                assert_eq!(row.split_once('<').unwrap().0, first.split_once('<').unwrap().0);
                let (detail, _) = detail.split_once("</ul>").unwrap();
                assert!(detail.contains(", p = 0.0") && detail.contains("<li>kind: unknown, "));
            }
        }
    }
}

#[test]
fn a_browser_runs_no_hostile_name() {
    let Some(browser) = chromium() else { return };
    let folder = Folder::new("html-hostile");
    let columns = [HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[3], "a", "b"];
    let page = table(columns, |sample| HOSTILE[sample % 4].into(), "Hostile names");
    let window = Window::new(&browser, &folder);
    let dom = open(&window, "hostile", &page);
    assert_eq!(attribute(&dom, "ready"), "true");
    assert_eq!(attribute(&dom, "errors"), "");
    assert!(dom.contains("<title>Hostile names</title>"), "the title was changed");
    assert!(!dom.contains("<img"));
    // The names are there, as text.
    assert!(dom.contains("&lt;img src=x onerror="));
    #[cfg(feature = "table")]
    {
        use common::machines::{Machines, machines};
        let [a, b, c, d] = HOSTILE;
        let Machines { detector, batch, reference, .. } = machines(HOSTILE, [a, b, c, d, "x"], a);
        let labels = (0..200).map(|row| HOSTILE[row % 4]);
        let page = html::AnomalyReport::new(&detector, &batch).reference(&reference);
        let page = page.labels(labels).title("Hostile cells").to_html().unwrap();
        let dom = open(&window, "hostile-cells", &page);
        assert_eq!((attribute(&dom, "ready"), attribute(&dom, "errors")), ("true", ""));
        assert!(dom.contains("<title>Hostile cells</title>") && !dom.contains("<img"));
        assert!(dom.contains("&lt;img src=x onerror="));
    }

    // That this test can fail: a script that was let in does change the title where no policy forbids it,
    // and with the page's policy it does not run.
    let script = "<script>document.title='pwned'</script></body>";
    let with_policy = page.replacen("</body>", script, 1);
    let dom = open(&window, "let-in", &with_policy);
    assert!(dom.contains("<title>Hostile names</title>"), "the policy let a script run");
    let open_page =
        with_policy.replacen("http-equiv=\"Content-Security-Policy\"", "name=\"none\"", 1);
    let dom = open(&window, "no-policy", &open_page);
    assert!(dom.contains("<title>pwned</title>"));
}

/// A proxy of this machine that answers nothing but writes down what it is asked for.
struct Proxy {
    address: SocketAddr,
    requests: mpsc::Receiver<String>,
}

impl Proxy {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let sender = sender.clone();
                // A connection of its own thread: Chromium opens some before it has anything to ask.
                thread::spawn(move || {
                    let mut line = String::new();
                    let Ok(1..) = BufReader::new(&stream).read_line(&mut line) else { return };
                    let _ = sender.send(line.trim_end().to_owned());
                    let answer =
                        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                    let _ = stream.write_all(answer.as_bytes());
                });
            }
        });
        Self { address, requests }
    }

    /// What was asked for since the last call, as `GET http://host/path HTTP/1.1`, but for what Chromium
    /// asks its maker of its own accord, also with an empty page and all that switched off.
    fn requests(&self) -> Vec<String> {
        let is_own = |request: &String| {
            let address = request.split(' ').nth(1).unwrap_or_default();
            let address = address.strip_prefix("http://").unwrap_or(address);
            let host = address.split(['/', ':']).next().unwrap_or_default();
            OWN_HOSTS.iter().any(|own| host.ends_with(own))
        };
        self.requests.try_iter().filter(|request| !is_own(request)).collect()
    }
}

/// Whom Chromium asks of its own accord; no page of ours names them.
const OWN_HOSTS: [&str; 6] = [
    ".google.com",
    ".googleapis.com",
    ".gvt1.com",
    ".gvt2.com",
    ".gstatic.com",
    ".googleusercontent.com",
];

#[test]
fn a_browser_sends_no_request() {
    let Some(browser) = chromium() else { return };
    let folder = Folder::new("html-silent");
    let proxy = Proxy::new();
    let wide = Window { proxy: Some(proxy.address), ..Window::new(&browser, &folder) };
    let none: [&str; 0] = [];

    // With pictures and with rows; the narrow window presses keys, too.
    let pages = [("plane", plane()), ("table", table(COLUMNS, season, "Forty days of weather"))];
    for (name, page) in &pages {
        assert!(OWN_HOSTS.iter().all(|own| !page.contains(own)));
        for width in [1280, 390] {
            let dom = open(&Window { width, ..wide }, name, page);
            assert_eq!(attribute(&dom, "ready"), "true");
            assert_eq!(proxy.requests(), none, "{name} at {width}");
        }
    }

    // That this test can fail: each of these is seen, one to this machine too.
    let addresses =
        ["http://example.invalid/x", "https://example.invalid/x", "http://127.0.0.1:8765/x"];
    let seen = [
        "GET http://example.invalid/x ",
        "CONNECT example.invalid:443 ",
        "GET http://127.0.0.1:8765/x ",
    ];
    let images = addresses.map(|address| format!("<img src=\"{address}\">")).concat();
    let was_seen = |requests: &[String]| {
        for expected in seen {
            let found = requests.iter().any(|request| request.starts_with(expected));
            assert!(found, "{expected}not in {requests:?}");
        }
    };
    open(&wide, "images", &format!("<!doctype html>{images}"));
    was_seen(&proxy.requests());

    // The page's policy keeps even what was let in from being sent.
    let page = pages[1].1.replacen("</main>", &format!("{images}</main>"), 1);
    let dom = open(&wide, "images-let-in", &page);
    assert!(dom.contains("<img src"));
    assert_eq!(proxy.requests(), none);
    let page = page.replacen("http-equiv=\"Content-Security-Policy\"", "name=\"none\"", 1);
    open(&wide, "images-without-policy", &page);
    was_seen(&proxy.requests());
}
