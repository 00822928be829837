//! LightGBM's trees, read apart from the crate.

/// One tree of a model's text.
pub(crate) struct Tree {
    fields: Vec<(String, Vec<f64>)>,
}

impl Tree {
    pub(crate) fn all(text: &str) -> Vec<Tree> {
        let sections = text.split("\n\n").filter(|section| section.trim_start().starts_with("Tree="));
        let read = |section: &str| {
            let fields = section.lines().filter_map(|line| {
                let (key, values) = line.split_once('=')?;
                let values = values.split_ascii_whitespace().map(|word| word.parse().unwrap()).collect();
                Some((key.to_owned(), values))
            });
            Tree { fields: fields.collect() }
        };
        sections.map(read).collect()
    }

    pub(crate) fn get(&self, key: &str, index: usize) -> f64 {
        self.fields.iter().find(|(name, _)| name == key).unwrap().1[index]
    }
}
