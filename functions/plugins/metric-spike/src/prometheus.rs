//! The HTTP API of Prometheus.

use jiff::Timestamp;
use prodrome_plugin::http::Http;

/// Seconds between two points.
const STEP: u32 = 30;

pub(crate) struct Prometheus {
    http: Http,
    url: String,
}

impl Prometheus {
    pub(crate) fn new(http: Http, url: &str) -> Self {
        Self { http, url: url.trim_end_matches('/').to_owned() }
    }

    /// The points of a query: of several series the highest at each time, as one of them is at fault.
    pub(crate) async fn range(
        &self,
        query: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(i64, f64)>, String> {
        let query = escaped(query);
        let (from, to) = (from.as_second(), to.as_second());
        let url = format!("{}/api/v1/query_range?query={query}&start={from}&end={to}&step={STEP}", self.url);
        let answer = self.http.get(&url, &[]).await.map_err(|error| error.to_string())?;
        let json = answer.json();
        if json["status"] != "success" {
            let error: String = json["error"].as_str().unwrap_or("no JSON").chars().take(200).collect();
            return Err(format!("Prometheus answers {}: {error}", answer.status));
        }
        let mut points = std::collections::BTreeMap::new();
        for series in json["data"]["result"].as_array().into_iter().flatten() {
            for point in series["values"].as_array().into_iter().flatten() {
                let (Some(at), Some(value)) =
                    (point[0].as_f64(), point[1].as_str().and_then(|text| text.parse::<f64>().ok()))
                else {
                    continue;
                };
                if value.is_finite() {
                    #[expect(clippy::cast_possible_truncation, reason = "seconds of our time")]
                    let highest = points.entry(at as i64).or_insert(value);
                    *highest = highest.max(value);
                }
            }
        }
        Ok(points.into_iter().collect())
    }
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
