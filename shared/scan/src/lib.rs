//! JSON as bytes: find, skip and cut without parsing the rest
