//! What is wrong with a form, field by field, for the summary on top and the words beside each field.

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormError {
    /// The `name` and `id` of the field.
    pub field: &'static str,
    /// What is wrong and what to do, in the reader's language.
    pub text: String,
}

/// Everything that is wrong with a form, in the order of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormErrors {
    /// The errors.
    pub items: Vec<FormError>,
}

impl FormErrors {
    /// Adds what is wrong with a field.
    pub fn add(&mut self, field: &'static str, text: impl Into<String>) {
        self.items.push(FormError { field, text: text.into() });
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What is wrong with `field`, if anything.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.items.iter().find(|e| e.field == field).map(|e| e.text.as_str())
    }
}
