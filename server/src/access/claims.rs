//! The roles that a signed token claims.

use serde_json::Value;

use super::Role;

/// The strongest role that the claim at a path names. The path has dots where claims are nested (`realm_access.roles`); the
/// claim is a text of names with spaces between them, as `scope` has it, or a list of names.
#[must_use]
pub(super) fn role(claims: &Value, path: &str) -> Option<Role> {
    // A name with dots in it, such as an address, is taken as it stands first.
    let found =
        claims.get(path).or_else(|| path.split('.').try_fold(claims, |value, name| value.get(name)))?;
    match found {
        Value::String(names) => Role::strongest(names.split(' ')),
        Value::Array(names) => Role::strongest(names.iter().filter_map(Value::as_str)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_are_found_where_issuers_put_them() {
        for (claims, path, expected) in [
            (json!({"roles": ["reader", "admin"]}), "roles", Some(Role::Admin)),
            (json!({"scope": "openid operator"}), "scope", Some(Role::Operator)),
            (json!({"realm_access": {"roles": ["reader"]}}), "realm_access.roles", Some(Role::Reader)),
            (json!({"https://a.b/roles": ["reader"]}), "https://a.b/roles", Some(Role::Reader)),
            (json!({"roles": {"admin": true}}), "roles", None),
            (json!({"roles": [1, null]}), "roles", None),
            (json!({"roles": "administrator"}), "roles", None),
            (json!({}), "roles", None),
            (json!(7), "a.b", None),
        ] {
            assert_eq!(role(&claims, path), expected, "{claims}");
        }
    }
}
