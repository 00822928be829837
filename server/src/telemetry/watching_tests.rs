//! The rules and boards of `deploy/` ask for metrics and labels that there are, and every alert can be looked up and has
//! its test. That the queries are PromQL, and that alerts fire, promtool says (`deploy/check`).

mod files;
mod promql;

use std::collections::{BTreeMap, BTreeSet};

use files::{Rule, boards, read, rules};
use promql::{Query, parse};

use super::catalogue::{Kind, METRICS};

/// Labels that a scrape adds to whatever it finds.
const SCRAPE_LABELS: [&str; 4] = ["job", "instance", "namespace", "pod"];

/// What others export and the rules look at: Prometheus itself, kube-state-metrics, the kubelet, the node exporter.
const OTHERS: [(&str, &[&str]); 6] = [
    ("up", &[]),
    ("kube_job_status_failed", &["job_name"]),
    ("kubelet_volume_stats_available_bytes", &["persistentvolumeclaim"]),
    ("kubelet_volume_stats_capacity_bytes", &["persistentvolumeclaim"]),
    ("node_filesystem_avail_bytes", &["mountpoint", "device", "fstype"]),
    ("node_filesystem_size_bytes", &["mountpoint", "device", "fstype"]),
];

/// The series that can be asked for, and the labels of each.
struct Known(BTreeMap<String, BTreeSet<String>>);

impl Known {
    fn new(rules: &[Rule]) -> Self {
        let mut known = Self(BTreeMap::new());
        for metric in &METRICS {
            match metric.kind {
                Kind::Counter | Kind::Gauge => known.add(metric.name, metric.labels),
                Kind::Histogram => {
                    known.add(&format!("{}_sum", metric.name), metric.labels);
                    known.add(&format!("{}_count", metric.name), metric.labels);
                    known.add(&format!("{}_bucket", metric.name), &[metric.labels, &["le"]].concat());
                }
            }
        }
        for (name, labels) in OTHERS {
            known.add(name, labels);
        }
        for rule in rules.iter().filter(|rule| !rule.alert) {
            let grouped = parse(&rule.expr).map(|query| query.grouping).unwrap_or_default();
            let labels: Vec<&str> = grouped.iter().chain(&rule.labels).map(String::as_str).collect();
            known.add(&rule.name, &labels);
        }
        known
    }

    fn add(&mut self, name: &str, labels: &[&str]) {
        let all = labels.iter().chain(&SCRAPE_LABELS).map(|label| (*label).to_owned());
        self.0.entry(name.to_owned()).or_default().extend(all);
    }

    /// What is wrong with a query: names and labels that there are not.
    fn faults(&self, query: &Query) -> Vec<String> {
        let mut faults = Vec::new();
        let mut present: BTreeSet<&str> = BTreeSet::new();
        for selector in &query.selectors {
            let Some(labels) = self.0.get(&selector.name) else {
                faults.push(format!("nothing exports {}", selector.name));
                continue;
            };
            present.extend(labels.iter().map(String::as_str));
            let strangers = selector.labels.iter().filter(|label| !labels.contains(*label));
            faults.extend(strangers.map(|label| format!("{} has no label {label}", selector.name)));
        }
        let strangers = query.grouping.iter().filter(|label| !present.contains(label.as_str()));
        faults.extend(strangers.map(|label| format!("no series of the query has the label {label}")));
        faults
    }

    fn check(&self, place: &str, expr: &str) -> Vec<String> {
        let faults = parse(expr).map_or_else(|fault| vec![fault], |query| self.faults(&query));
        faults.into_iter().map(|fault| format!("{place}: {fault}, in {expr}")).collect()
    }
}

#[test]
fn rules_and_boards_ask_for_metrics_and_labels_that_there_are() {
    let rules = rules();
    let known = Known::new(&rules);
    let mut asked: Vec<(String, String)> =
        rules.iter().map(|rule| (rule.name.clone(), rule.expr.clone())).collect();
    asked.extend(boards());
    asked.extend(files::adapter());
    assert!(asked.len() > 100, "only {} queries were found", asked.len());
    let faults: Vec<String> = asked.iter().flat_map(|(place, expr)| known.check(place, expr)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_metric_or_a_label_that_there_is_not_is_found() {
    let known = Known::new(&rules());
    for (expr, faults) in [
        ("klinecast_serving == 0", 0),
        ("klinecast_servng == 0", 1),
        ("klinecast_serving{symbol=\"BTCUSDT\"} == 0", 1),
        ("sum by (symbol) (klinecast_serving)", 1),
        ("sum by (le) (rate(grpc_server_handling_seconds_bucket[5m]))", 0),
        ("rate(grpc_server_handling_seconds[5m])", 1),
        ("klinecast:request_errors:ratio_rate1h{face=\"grpc\"} > 1", 0),
        ("klinecast:request_errors:ratio_rate2h > 1", 1),
    ] {
        assert_eq!(known.check("here", expr).len(), faults, "{expr}");
    }
}

#[test]
fn the_autoscaler_asks_for_what_the_adapter_makes() {
    let (adapter, autoscaler) = (read("k8s/prometheus-adapter.yaml"), read("k8s/base/autoscaler.yaml"));
    let made = adapter.lines().find_map(|line| line.trim().strip_prefix("as: "));
    let asked =
        autoscaler.split("type: Pods\n").nth(1).and_then(|pods| pods.split("name: ").nth(1)?.lines().next());
    assert!(made.is_some(), "the adapter names nothing");
    assert_eq!(made, asked);
}

#[test]
fn every_alert_has_its_severity_its_page_in_the_runbook_and_its_test() {
    let runbook = read("deploy/RUNBOOK.md");
    let tests = files::promtool_tests();
    let alerts: BTreeSet<String> =
        rules().into_iter().filter(|rule| rule.alert).map(|rule| rule.name).collect();
    assert!(alerts.len() > 30, "only {} alerts were found", alerts.len());
    let pages: BTreeMap<&str, &str> = runbook
        .split("\n### ")
        .skip(1)
        .filter_map(|page| page.split_once('\n'))
        .map(|(title, text)| (title.trim(), text.split("\n## ").next().unwrap_or(text)))
        .collect();
    assert_eq!(pages.keys().copied().collect::<BTreeSet<_>>(), alerts.iter().map(String::as_str).collect());
    for (title, text) in pages {
        for part in ["Means:", "Look:", "Do:"] {
            assert!(text.contains(part), "the runbook's {title} has no {part}");
        }
    }
    for rule in rules().iter().filter(|rule| rule.alert) {
        let page = format!("deploy/RUNBOOK.md#{}", rule.name.to_lowercase());
        assert_eq!(rule.runbook, page, "{}", rule.name);
        assert!(["critical", "warning", "none"].contains(&rule.severity.as_str()), "{}", rule.name);
        let fires = format!("alertname: {}\n        exp_alerts:\n          - exp_labels", rule.name);
        assert!(tests.contains(&fires), "no test of deploy/prometheus/tests sees {} fire", rule.name);
    }
}
