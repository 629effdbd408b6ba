//! Filters as they read in Rust.

use super::{Between, Filter, Test, ValueSet};
use crate::query::{Extractor, LikePattern, Operand, PatternError, RegexPattern};

/// A property of the value, by a path of names with dots between them; of a method, such as `name.length()`.
///
/// ```
/// use grid_core::query::field;
///
/// let filter = field("address.city").eq("Oslo").or(field("tags").contains("vip"));
/// ```
#[must_use]
pub fn field(path: &str) -> Field {
    Field(Extractor::path(path))
}

/// The key, or what an extractor takes from it.
#[must_use]
pub fn key() -> Field {
    Field(Extractor::Key(Box::new(Extractor::Identity)))
}

/// Something in an entry that a filter is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Field(Extractor);

impl From<Field> for Extractor {
    fn from(field: Field) -> Self {
        field.0
    }
}

impl Field {
    /// What any extractor takes.
    #[must_use]
    pub fn of(extractor: Extractor) -> Self {
        Field(extractor)
    }

    fn compare(self, test: Test, value: Operand) -> Filter {
        Filter::Compare {
            test,
            extractor: self.0,
            value,
        }
    }

    /// It is equal to a value.
    #[must_use]
    pub fn eq(self, value: impl Into<Operand>) -> Filter {
        self.compare(Test::Equals, value.into())
    }

    /// It is not equal to a value.
    #[must_use]
    pub fn ne(self, value: impl Into<Operand>) -> Filter {
        self.compare(Test::NotEquals, value.into())
    }

    /// It is greater than a value.
    #[must_use]
    pub fn gt(self, value: impl Into<Operand>) -> Filter {
        self.compare(Test::Greater, value.into())
    }

    /// It is not less than a value.
    #[must_use]
    pub fn ge(self, value: impl Into<Operand>) -> Filter {
        self.compare(Test::GreaterEquals, value.into())
    }

    /// It is less than a value.
    #[must_use]
    pub fn lt(self, value: impl Into<Operand>) -> Filter {
        self.compare(Test::Less, value.into())
    }

    /// It is not greater than a value.
    #[must_use]
    pub fn le(self, value: impl Into<Operand>) -> Filter {
        self.compare(Test::LessEquals, value.into())
    }

    /// It lies between two values, or is one of them.
    #[must_use]
    pub fn between(self, from: impl Into<Operand>, to: impl Into<Operand>) -> Filter {
        Filter::Between(Box::new(Between {
            extractor: self.0,
            from: from.into(),
            includes_from: true,
            to: to.into(),
            includes_to: true,
        }))
    }

    /// It is null or missing.
    #[must_use]
    pub fn is_null(self) -> Filter {
        self.compare(Test::Equals, Operand::null())
    }

    /// It is there, and not null.
    #[must_use]
    pub fn is_not_null(self) -> Filter {
        self.compare(Test::NotEquals, Operand::null())
    }

    /// It is one of these values.
    #[must_use]
    pub fn one_of<T: Into<Operand>>(self, values: impl IntoIterator<Item = T>) -> Filter {
        Filter::In(self.0, values.into_iter().collect())
    }

    /// It is an array with this element.
    #[must_use]
    pub fn contains(self, value: impl Into<Operand>) -> Filter {
        Filter::Contains(self.0, value.into())
    }

    /// It is an array with all of these elements.
    #[must_use]
    pub fn contains_all<T: Into<Operand>>(self, values: impl IntoIterator<Item = T>) -> Filter {
        Filter::ContainsAll(self.0, values.into_iter().collect())
    }

    /// It is an array with one of these elements.
    #[must_use]
    pub fn contains_any<T: Into<Operand>>(self, values: impl IntoIterator<Item = T>) -> Filter {
        Filter::ContainsAny(self.0, values.into_iter().collect::<ValueSet>())
    }

    /// Its text is like a pattern of SQL, without an escape. No text is like a pattern that is too long.
    #[must_use]
    pub fn like(self, pattern: &str) -> Filter {
        match LikePattern::new(pattern, None, false) {
            Ok(pattern) => Filter::Like(self.0, pattern),
            Err(_too_long) => Filter::Never,
        }
    }

    /// Its text is like a pattern of SQL, in upper or lower case.
    ///
    /// # Errors
    /// When the pattern is too long.
    pub fn ilike(self, pattern: &str) -> Result<Filter, PatternError> {
        Ok(Filter::Like(self.0, LikePattern::new(pattern, None, true)?))
    }

    /// Its text is like a pattern of SQL, in which the character after an escape stands for itself.
    ///
    /// ```
    /// use grid_core::query::{QueryEntry, field};
    ///
    /// let half = field("discount").like_escaped("50!%", '!')?;
    /// assert!(half.evaluate(&QueryEntry::of_value(br#"{"discount":"50%"}"#))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the pattern is too long or ends with the escape, or the escape is no character of the basic plane.
    pub fn like_escaped(self, pattern: &str, escape: char) -> Result<Filter, PatternError> {
        Ok(Filter::Like(
            self.0,
            LikePattern::new(pattern, Some(escape), false)?,
        ))
    }

    /// Its text matches a regular expression of Java as a whole.
    ///
    /// # Errors
    /// When the expression is wrong, or has what is not supported.
    pub fn matches(self, pattern: &str) -> Result<Filter, PatternError> {
        Ok(Filter::Regex(self.0, RegexPattern::new(pattern)?))
    }
}

impl Filter {
    /// Both this filter and another one.
    #[must_use]
    pub fn and(self, other: Filter) -> Filter {
        Filter::all([self, other])
    }

    /// This filter or another one.
    #[must_use]
    pub fn or(self, other: Filter) -> Filter {
        Filter::any([self, other])
    }

    /// This filter or another one, not both.
    #[must_use]
    pub fn xor(self, other: Filter) -> Filter {
        Filter::Xor(Box::new((self, other)))
    }
}
