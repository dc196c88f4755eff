//! Writes as requests.

use super::item::{self, Item};
use super::schema::{PARTITION, VERSION};
use crate::{Expect, Record, StoreError, Write};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update as UpdateItem,
};
use std::collections::HashMap;

/// An expectation as a condition; nothing at all for [`Expect::Anything`].
pub(super) struct Condition {
    pub(super) expression: Option<String>,
    pub(super) names: Option<HashMap<String, String>>,
    pub(super) values: Option<Item>,
}

impl Condition {
    pub(super) fn of(expect: Expect) -> Self {
        let (expression, name, values) = match expect {
            Expect::Anything => return Self { expression: None, names: None, values: None },
            Expect::Absent => ("attribute_not_exists(#x)", PARTITION, None),
            Expect::Version(version) => {
                let version = AttributeValue::N(version.to_string());
                ("#x = :x", VERSION, Some(Item::from([(":x".to_owned(), version)])))
            }
        };
        let names = HashMap::from([("#x".to_owned(), name.to_owned())]);
        Self { expression: Some(expression.to_owned()), names: Some(names), values }
    }
}

/// A record that is put whatever is there, so that its version rises from the one that is there.
pub(super) struct Update {
    pub(super) expression: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: Item,
}

impl Update {
    pub(super) fn of(record: &Record) -> Self {
        let before_first = record.first_version() - 1;
        let mut names = HashMap::from([("#v".to_owned(), VERSION.to_owned())]);
        let mut values = Item::from([
            (":v".to_owned(), AttributeValue::N(before_first.to_string())),
            (":one".to_owned(), AttributeValue::N("1".to_owned())),
        ]);
        let mut set = vec!["#v = if_not_exists(#v, :v) + :one".to_owned()];
        let mut remove = Vec::new();
        for (index, (name, value)) in item::content(record).into_iter().enumerate() {
            names.insert(format!("#{index}"), name.to_owned());
            match value {
                None => remove.push(format!("#{index}")),
                Some(value) => {
                    set.push(format!("#{index} = :{index}"));
                    values.insert(format!(":{index}"), value);
                }
            }
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression = format!("{expression} REMOVE {}", remove.join(", "));
        }
        Self { expression, names, values }
    }
}

/// A write as a part of a transaction.
pub(super) fn transact(table: &str, write: Write) -> Result<TransactWriteItem, StoreError> {
    let refused = |error: BuildError| StoreError::Refused { reason: error.to_string() };
    let item = TransactWriteItem::builder();
    let item = match write {
        Write::Put(record, Expect::Anything) => {
            let update = Update::of(&record);
            let request = UpdateItem::builder().table_name(table).set_key(Some(item::of_key(&record.key)));
            let request = request.update_expression(update.expression);
            let request = request.set_expression_attribute_names(Some(update.names));
            let request = request.set_expression_attribute_values(Some(update.values));
            item.update(request.build().map_err(refused)?)
        }
        Write::Put(record, expect) => {
            let condition = Condition::of(expect);
            let request = Put::builder().table_name(table).set_item(Some(item::of_record(&record, expect)));
            let request = request.set_condition_expression(condition.expression);
            let request = request.set_expression_attribute_names(condition.names);
            let request = request.set_expression_attribute_values(condition.values);
            item.put(request.build().map_err(refused)?)
        }
        Write::Delete(key, expect) => {
            let condition = Condition::of(expect);
            let request = Delete::builder().table_name(table).set_key(Some(item::of_key(&key)));
            let request = request.set_condition_expression(condition.expression);
            let request = request.set_expression_attribute_names(condition.names);
            let request = request.set_expression_attribute_values(condition.values);
            item.delete(request.build().map_err(refused)?)
        }
        Write::Require(key, expect) => {
            let condition = Condition::of(expect);
            let request = ConditionCheck::builder().table_name(table).set_key(Some(item::of_key(&key)));
            let request = request.set_condition_expression(condition.expression);
            let request = request.set_expression_attribute_names(condition.names);
            let request = request.set_expression_attribute_values(condition.values);
            item.condition_check(request.build().map_err(refused)?)
        }
    };
    Ok(item.build())
}
