//! What stands in paths and queries.

use serde_json::{Value, json};

/// One parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    /// By which routes name it; differs from the name where two routes mean different things.
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) kind: Kind,
    pub(super) example: &'static str,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// A text of this form.
    Pattern(&'static str),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// The interval that is served.
    Interval,
    /// Yes or no.
    Flag,
    /// A whole number from 0 to this.
    Count(u32),
}

/// A date, a time (RFC 3339) or Unix milliseconds.
const TIME: &str = "^([0-9]{1,13}|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-2]):[0-5][0-9]))?)$";

const NAME: &str = "^[A-Z0-9]{1,20}$";

const fn parameter(
    name: &'static str,
    kind: Kind,
    example: &'static str,
    description: &'static str,
) -> Parameter {
    Parameter { key: name, name, description, kind, example }
}

const fn keyed(key: &'static str, parameter: Parameter) -> Parameter {
    Parameter { key, ..parameter }
}

use Kind::{Count, Flag, Interval, OneOf, Pattern, Text};

/// All parameters, those of paths first.
pub(super) const PARAMETERS: [Parameter; 30] = [
    parameter("symbol", Pattern(NAME), "BTCUSDT", "The pair."),
    parameter("task", Text, "return_4step", "The task; /tasks names all."),
    parameter("time", Pattern(TIME), "1769860799999", "A date, a time (RFC 3339) or Unix milliseconds."),
    parameter("id", Text, "BTCUSDT:1769860799999:070707070707:1", "The prediction's id, as it shows it."),
    parameter("model", Text, "all", "The model's name; /v2/repository/index names all."),
    parameter("version", Text, "1", "The model's version."),
    parameter("interval", Interval, "", "The interval; the one that is served."),
    parameter("names", Text, "", "Names of features, separated by commas; none means all."),
    parameter("symbols", Text, "BTCUSDT,ETHUSDT", "Pairs, separated by commas; none means all."),
    parameter("tasks", Text, "return_4step", "Tasks, separated by commas; none means all."),
    parameter("from", Pattern(TIME), "2026-01-31", "The first bar."),
    parameter(
        "until",
        Pattern(TIME),
        "2026-01-31T12:00:00Z",
        "The last bar: it closed at or before this time.",
    ),
    parameter("all_revisions", Flag, "false", "Whether replaced revisions are wanted too."),
    parameter("bundle", Pattern("^[0-9a-fA-F]{0,64}$"), "0707", "How the bundle's digest begins."),
    parameter("outcomes", Flag, "true", "Whether what came true is wanted too."),
    parameter(
        "page_size",
        Count(u32::MAX),
        "100",
        "How many predictions a page has at most; more than 1000 are 1000.",
    ),
    parameter("page_token", Text, "", "What the page before said."),
    parameter("first_revision", Flag, "false", "Whether the first revision is wanted and not the last."),
    parameter("explain_top", Count(512), "3", "How many features each explanation names; 0 for none."),
    parameter("latest", Flag, "true", "Whether the latest prediction of each pair comes first."),
    parameter("nowcasts", Flag, "false", "Whether nowcasts are wanted too."),
    parameter(
        "delivery",
        OneOf(&["bounded", "lossless", "conflating"]),
        "bounded",
        "What happens to who is slow.",
    ),
    parameter("resume_token", Text, "", "The token of the event to go on after."),
    keyed(
        "gap_symbol",
        parameter("symbol", Pattern("^[A-Z0-9]{0,20}$"), "BTCUSDT", "The pair; none means all."),
    ),
    parameter("unfilled", Flag, "true", "Leaves out what has been filled."),
    parameter("window", Pattern("^([1-9][0-9]{0,3}d|all)$"), "7d", "So many days before now, or all."),
    parameter(
        "by",
        Pattern("^(task|pair|bundle)(,(task|pair|bundle)){0,2}$"),
        "task,pair",
        "By what lines are divided.",
    ),
    keyed(
        "score_symbols",
        parameter("symbol", Text, "BTCUSDT", "Pairs, separated by commas; none means all."),
    ),
    keyed(
        "score_tasks",
        parameter("task", Text, "return_4step", "Tasks, separated by commas; none means all."),
    ),
    parameter("days", Flag, "false", "Whether each line comes with its days."),
];

/// The parameter of a key.
pub(super) fn find(key: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.key == key)
}

impl Parameter {
    /// As the document writes it; `place` is `path` or `query`.
    pub(super) fn to_json(self, place: &str, interval: &str) -> Value {
        let schema = match self.kind {
            Text if place == "path" => json!({ "type": "string", "minLength": 1 }),
            Text => json!({ "type": "string" }),
            Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
            OneOf(names) => json!({ "type": "string", "enum": names }),
            Interval => json!({ "type": "string", "enum": [interval] }),
            Flag => json!({ "type": "boolean" }),
            Count(most) => json!({ "type": "integer", "minimum": 0, "maximum": most }),
        };
        let mut object = json!({
            "name": self.name, "in": place, "description": self.description, "schema": schema,
        });
        if place == "path" {
            object["required"] = true.into();
        }
        if !self.example.is_empty() {
            object["example"] = match self.kind {
                Flag => (self.example == "true").into(),
                Count(_) => self.example.parse::<u32>().unwrap_or_default().into(),
                _ => self.example.into(),
            };
        }
        object
    }
}
