use super::*;
use crate::error::Error;

fn dates(form: Form, texts: &[&str]) -> Dates {
    let mut seen = Seen::new(form);
    texts.iter().for_each(|text| assert!(seen.add(text.as_bytes()), "{text}"));
    seen.dates()
}

fn iso(texts: &[&str]) -> Dates {
    dates(Form::of_iso(texts[0].as_bytes()).unwrap(), texts)
}

fn there_and_back(dates: &Dates, text: &str) -> String {
    let mut features = vec![0.0_f32; dates.features()];
    dates.encode(dates.form.moment(text.as_bytes()).unwrap(), &mut features);
    dates.decode(&features, false)
}

/// `datetime.date(2024, 2, 29).timetuple().tm_yday` is 60, its `weekday()` 3; 2024 has 366 days. In Python.
#[test]
fn parts_go_round() {
    let dates = iso(&["2024-02-28 06:00", "2024-02-29 18:00", "2023-02-28 06:00"]);
    assert_eq!(dates.parts, DatePart::ALL);
    let mut features = [0.0_f64; 7];
    dates.encode(dates.form.moment(b"2024-02-29 18:00").unwrap(), &mut features);
    let turns = [0.75, 3.0 / 7.0, 59.0 / 366.0];
    for (own, turn) in features.chunks(2).zip(turns) {
        let expected = (TAU * turn).sin_cos();
        let error = (own[0] - expected.0).abs().max((own[1] - expected.1).abs());
        assert!(error < 1e-14, "{own:?} and {expected:?}");
    }
    // From 2023-02-28 06:00 on: 365 days, one more, and half a day.
    assert_eq!(features[6], 366.5);
}

/// A day's features, in single precision, tell it to the second in any year: half a second is 3.6e-5 of a turn in
/// radians, and an angle is known to about 1e-7.
#[test]
fn single_precision_tells_seconds() {
    let (first, last) = ("1950-01-01T00:00:00", "2150-12-31T23:59:59");
    let dates = iso(&[first, last]);
    let (first, last) = (dates.origin, dates.latest);
    for step in 0..20_000_i64 {
        // Steps that have nothing to do with days.
        let moment = first + (last - first) / 20_000 / 1_000_000 * 1_000_000 * step;
        let text = dates.form.text(moment);
        assert_eq!(there_and_back(&dates, &text), text);
    }
}

#[test]
fn forms_are_written_back() {
    for (texts, parts) in [
        (vec!["2024-05-01", "2024-05-02"], 3),
        (vec!["2024-05-01", "2024-05-08"], 2),
        (vec!["2024-05-01T13:30", "2024-05-01T14:00"], 2),
        (vec!["2024-05-01 13:30:07", "2024-06-01 00:00:00"], 4),
        (vec!["2024-05-01T13:30:00.25", "2024-05-01T13:30:01.5"], 2),
        (vec!["2024-05-01T13:30:00Z", "2024-05-02T13:30:00Z"], 3),
        (vec!["2024-05-01"], 1),
    ] {
        let dates = iso(&texts);
        assert_eq!(dates.parts.len(), parts, "{texts:?}");
        for text in texts {
            assert_eq!(there_and_back(&dates, text), text);
        }
    }
    for (format, text) in [
        ("%d.%m.%Y", "07.03.2021"),
        ("%d/%m/%y %H:%M", "02/01/99 23:59"),
        ("%H:%M", "07:30"),
        ("%s", "1577934245"),
        ("%Y-%m-%d %H:%M:%S %z", "2020-01-02 03:04:05 +0000"),
        ("%b %d %Y %I:%M %p", "Jan 02 2020 07:30 PM"),
    ] {
        let form = Form::of_format(format).unwrap();
        assert_eq!(there_and_back(&dates(form, &[text]), text), text, "{format}");
    }
}

/// Without colons, and with a comma before the fraction, as ISO 8601 also has them: they are written back as the
/// same moments.
#[test]
fn all_of_iso_is_written_back() {
    for (texts, written) in [
        (["2024-05-01T13:30:07,123", "2024-05-01T13:30:08"], "2024-05-01T13:30:07.123"),
        (["2024-05-01T133007", "2024-05-01T133008"], "2024-05-01T13:30:07"),
        (["2024-05-01 133007.5Z", "2024-05-02 13:30Z"], "2024-05-01 13:30:07.5Z"),
        (
            ["2024-05-01T13:30:07,000001+02:00", "2024-05-02T13+02:00"],
            "2024-05-01T11:30:07.000001Z",
        ),
        (["2024-05-01T1330", "2024-05-02T1331"], "2024-05-01T13:30"),
        (["2024-05-01", "2024-05-02"], "2024-05-01"),
    ] {
        for texts in [texts, [texts[1], texts[0]]] {
            let dates = iso(&texts);
            for text in texts {
                let moment = dates.form.moment(text.as_bytes()).unwrap();
                let mut features = vec![0.0_f64; dates.features()];
                dates.encode(moment, &mut features);
                let back = dates.decode(&features, false);
                assert_eq!(dates.form.moment(back.as_bytes()), Some(moment), "{text} and {back}");
            }
            let moment = dates.form.moment(written.as_bytes()).unwrap();
            assert_eq!(dates.form.text(moment), written);
            #[cfg(feature = "safetensors")]
            assert!(dates.is_right());
        }
    }
}

/// An angle that is known to 6e-8 of its sine or cosine is a time known to 86,400 s / 2π · 6e-8, which is 825 µs.
#[test]
fn single_precision_tells_milliseconds_of_a_day() {
    let dates = iso(&["2024-05-01T00:00:00.000001", "2034-05-01T23:59:59"]);
    for step in 0..10_000_i64 {
        let moment = dates.origin + 8_640_123_457 % DAY * step;
        let text = dates.form.text(moment);
        let back = dates.form.moment(there_and_back(&dates, &text).as_bytes()).unwrap();
        assert!((back - moment).abs() <= 825, "{text}: {} µs", back - moment);
    }
}

#[test]
fn zones_are_taken_to_utc() {
    let dates = iso(&["2024-05-01T01:30:00+02:00", "2024-05-01T13:30:00-05:00"]);
    assert_eq!(there_and_back(&dates, "2024-05-01T01:30:00+02:00"), "2024-04-30T23:30:00Z");
    assert_eq!(dates.form.moment(b"2024-05-01T01:30:00"), None);
    let plain = Form::of_iso(b"2024-05-01").unwrap();
    for text in ["2024-05-01T01:30:00Z", "2024-05-01T01:30+02:00", "20240501", "2024-13-01", ""] {
        assert_eq!(plain.moment(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn formats_without_a_date_are_refused() {
    for format in ["", "%Y", "%B", "%A", "%k%", "%Y-%m-%d %Q", "%H:%M %z", "%é", "%Y-%m"] {
        let refused = Form::of_format(format).unwrap_err();
        assert!(matches!(refused, Error::DateFormat { .. }), "{format}: {refused}");
    }
}

#[test]
fn without_elapsed_time_the_parts_are_told() {
    let mut dates = iso(&["2024-03-04 13:30", "2023-01-01 12:00"]);
    dates.parts = vec![DatePart::TimeOfDay, DatePart::DayOfWeek, DatePart::DayOfYear];
    let said = there_and_back(&dates, "2024-03-04 13:30");
    assert_eq!(said, "about day 64 of the year, Monday, 13:30:00");
    // Whole half hours, as all of the table: also of features that a model made up, a little beside one.
    let turn = std::f64::consts::TAU * (13.0 * 3600.0 + 30.0 * 60.0 + 21.0) / 86_400.0;
    dates.parts = vec![DatePart::TimeOfDay];
    assert_eq!(dates.decode(&[turn.sin(), turn.cos()], false), "13:30:00");
}

#[test]
fn what_a_model_makes_up_is_a_date_too() {
    let dates = iso(&["2024-05-01 10:00", "2024-06-02 11:00"]);
    for value in [0.0, 1e30, -1e30, f64::MAX, 3.7e6, -8e5] {
        let text = dates.decode(&vec![value; dates.features()], false);
        assert!(dates.form.moment(text.as_bytes()).is_some(), "{value}: {text}");
    }
}
