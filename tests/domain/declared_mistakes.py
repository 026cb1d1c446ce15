"""A valid event type, and mistakes in it: what is replaced, by what, and what is said of it."""

VALID = """\
name = "payout"
id = "payoutId"
features = ["amount", "amt_ratio1", "risk"]

[entity]
field = "account.id"
kind = "text"

[time]
fields = ["created"]
unit = "ms"

[amount]
field = "money.value"
form = "minor-units"
currency_field = "money.currency"
currencies = ["USD", "JPY"]

[variables]
country = "string"
attempts = { type = "integer", default = 1 }
risk = "float"

[[rules]]
name = "risky"
when = "risk > 0.9"
outcome = "block"

[[rules]]
name = "tried-often"
when = "attempts > 3 and country = 'US'"
outcome = "review"
"""

MISTAKES = [
    (
        'id = "payoutId"',
        'id = "payoutId',
        "line 2: this is not TOML (Illegal character '\\n'): a quote is not closed in this line",
    ),
    (
        'id = "payoutId"',
        "id = payoutId",
        'line 2: this is not TOML (Invalid value): text needs quotes, e.g. name = "payout"',
    ),
    (
        'id = "payoutId"',
        'name = "x"',
        "line 2: this is not TOML (Cannot overwrite a value): a key is written twice; keep one",
    ),
    (
        'outcome = "review"\n',
        'outcome = """review',
        "line 32: this is not TOML (Unterminated string): a quote is not closed",
    ),
    # keys
    ('name = "payout"\n', "", 'line 1: name is missing: write name = "payout"'),
    (
        'id = "payoutId"',
        'ids = "payoutId"',
        "line 2, ids: there is no key ids; did you mean id?; there are name, amount, entity, id, time, label, "
        "format, envelope, features, unknown_fields, variables, velocity, weekly, derived, treatments, reversal, rules",
    ),
    (
        'form = "minor-units"',
        'from = "minor-units"',
        "line 15, amount.from: there is no key from; did you mean form?; there are field, form, currency, "
        "currency_field, currencies, max, refunds",
    ),
    (
        'unit = "ms"',
        'unit = "ms"\nunknown_fields = "keep"',
        "line 12, time.unknown_fields: unknown_fields belongs to the file, not to this table: write it above the first "
        "line in brackets",
    ),
    ('field = "money.value"\n', "", 'line 13, amount: field is missing: write field = "amount"'),
    ('name = "payout"', "name = 7", "line 1, name: write text in quotes, not a whole number"),
    (
        'name = "payout"',
        'name = "my payout"',
        "line 1, name: 'my payout' cannot be the name of an event type: use letters, digits, '_', '-' and '.', at most 64 "
        "and no '.' first",
    ),
    (
        'id = "payoutId"',
        'unknown_fields = "drop"',
        "line 2, unknown_fields: 'drop' is not one of keep, ignore, refuse",
    ),
    (
        'id = "payoutId"',
        'id = "account.id"',
        "line 2, id: account.id is the entity, which is only published as a token: name another field, or leave this out",
    ),
    (
        'currency_field = "money.currency"',
        'currency_field = "account.id"',
        "line 16, amount.currency_field: account.id is the entity, which is only published as a token",
    ),
    ('id = "payoutId"', 'id = ""', "line 2, id: is empty: write the name, or leave the key out"),
    # entity and time
    (
        'kind = "text"',
        'kind = "token"',
        "line 7, entity.kind: 'token' is not one of card-number, account-number, text",
    ),
    (
        '[entity]\nfield = "account.id"\nkind = "text"',
        'entity = "account.id"',
        "line 5, entity: write a table, not text in quotes",
    ),
    (
        'fields = ["created"]',
        "fields = []",
        'line 10, time.fields: name at least one field, e.g. fields = ["time"]; or leave [time] out',
    ),
    (
        'fields = ["created"]',
        'fields = "created"',
        'line 10, time.fields: write a list, e.g. ["a", "b"], not text in quotes',
    ),
    (
        'fields = ["created"]',
        "fields = [1]",
        "line 10, time.fields: write text in quotes, not a whole number",
    ),
    ('unit = "ms"', 'unit = "millis"', "line 11, time.unit: 'millis' is not one of s, ms, us, ns"),
    (
        'unit = "ms"',
        "origin = 2020-01-01",
        "line 11, time.origin: write a moment with its zone, e.g. 2020-01-01T00:00:00Z",
    ),
    # money
    (
        'form = "minor-units"',
        'form = "cents"',
        "line 15, amount.form: 'cents' is not one of units, minor-units; did you mean units?",
    ),
    (
        'form = "minor-units"',
        'refunds = "ignore"',
        "line 15, amount.refunds: 'ignore' is not one of decide, refuse",
    ),
    (
        'form = "minor-units"',
        "max = 1e13",
        "line 15, amount.max: the event type's largest amount is 10000000000000.00; write a number above 0 that is at most 1000000000000.00",
    ),
    (
        'currencies = ["USD", "JPY"]',
        'currencies = ["USDD"]',
        "line 17, amount.currencies: 'USDD' is not a currency code of ISO 4217; did you mean USD?",
    ),
    (
        'currencies = ["USD", "JPY"]\n',
        "",
        'line 16, amount.currency_field: say which currencies events may have, too, e.g. currencies = ["USD", "JPY"]',
    ),
    (
        'currency_field = "money.currency"\n',
        "",
        'line 16, amount.currencies: say in which field the currency is, e.g. currency_field = "currency"; if it is always '
        'the same, write currency = "USD" instead',
    ),
    (
        'currency_field = "money.currency"\ncurrencies = ["USD", "JPY"]\n',
        "",
        'line 13, amount: say in which currency amounts are, e.g. currency = "USD"; or where: currency_field and currencies',
    ),
    (
        'form = "minor-units"',
        'currency = "EUR"',
        "line 15, amount.currency: EUR is the currency of events without one: add it to currencies",
    ),
    # variables
    (
        'country = "string"',
        'country = "text"',
        "line 20, variables.country.type: 'text' is not one of string, integer, float, boolean, timestamp",
    ),
    (
        'country = "string"',
        "country = 2",
        'line 20, variables.country: write a type, e.g. country = "integer", or a table as { type = "integer" }',
    ),
    (
        "default = 1",
        'default = "many"',
        "line 21, variables.attempts.default: 'many' is not of the type integer: write e.g. default = 0",
    ),
    (
        "default = 1",
        "default = true",
        "line 21, variables.attempts.default: true is not of the type integer: write e.g. default = 0",
    ),
    (
        "default = 1",
        "default = 9223372036854775808",
        "line 21, variables.attempts.default: 9223372036854775808 is not of the type integer: write e.g. default = 0",
    ),
    (
        'risk = "float"',
        'risk = { type = "float", default = nan }',
        "line 22, variables.risk.default: nan is not of the type float: write e.g. default = 0.0",
    ),
    (
        'country = "string"',
        'country = "string"\nscore = "float"',
        "line 21, variables.score: a decision has a column score of its own: use another name, e.g. "
        'own_score = { field = "score" }',
    ),
    (
        'country = "string"',
        'country = "string"\namt_ratio1 = "float"',
        "line 21, variables.amt_ratio1: a decision has a column amt_ratio1 of its own: use another name, e.g. "
        'own_amt_ratio1 = { field = "amt_ratio1" }',
    ),
    (
        'country = "string"',
        'country = "string"\n"home.town" = "string"',
        "line 21, variables.home.town: rules could not name it: use letters, digits and '_', and say where it is in a record, "
        'e.g. home_town = { field = "home.town" }',
    ),
    (
        'country = "string"',
        'country = { field = "account.id" }',
        "line 20, variables.country: account.id is the entity, which is only published as a token: name another field, or leave this out",
    ),
    # features
    (
        '"amt_ratio1", "risk"',
        '"amt_ratio3"',
        "line 3, features: there is no feature amt_ratio3; did you mean amt_ratio2?; there are amount, amt_ratio1, "
        "amt_ratio2, count_ratio, seconds_since_previous, num_trans_last_1m, num_trans_last_10m, amt_change, attempts, risk",
    ),
    (
        '"amt_ratio1", "risk"',
        '"rsik"',
        "line 3, features: there is no feature rsik; did you mean risk?",
    ),
    (
        '"amt_ratio1", "risk"',
        '"country"',
        "line 3, features: country is not a number: name it in [treatments] instead, which says what models learn of it",
    ),
    ('"amt_ratio1", "risk"', '"risk", "risk"', "line 3, features: risk is listed twice"),
    ('["amount", "amt_ratio1", "risk"]', "[]", "line 3, features: list at least one"),
    (
        '["amount", "amt_ratio1", "risk"]',
        '"cards"',
        "line 3, features: there is no set of features 'cards'; did you mean card?; there are card-sample, card; or list features",
    ),
    # rules
    (
        'when = "risk > 0.9"',
        'when = "rsik > 0.9"',
        "line 26, rules.when: rule 'risky' uses an unknown column, rsik; did you mean risk?; there are amount, ",
    ),
    (
        'when = "risk > 0.9"',
        "when = \"risk = 'high'\"",
        "line 26, rules.when: rule 'risky' does not fit the types of its columns (risk is a number): cannot compare string with "
        "numeric type",
    ),
    (
        "and country = 'US'",
        "and country = 1",
        "line 31, rules.when: rule 'tried-often' does not fit the types of its columns (attempts is a whole number, country is "
        "text): cannot compare string with numeric type",
    ),
    (
        'when = "risk > 0.9"',
        'when = "risk + 0.9"',
        "line 26, rules.when: rule 'risky' is not a condition: compare something, e.g. amount > 1000",
    ),
    (
        'when = "risk > 0.9"',
        'when = "risk >"',
        "line 26, rules.when: rule 'risky' is not a SQL condition: unable to parse 'risk >' as Expr",
    ),
    (
        'outcome = "block"',
        'outcome = "deny"',
        "line 27, rules.outcome: 'deny' is not one of approve, review, block",
    ),
    (
        'name = "tried-often"',
        'name = "risky"',
        "line 30, rules.name: two rules have the same name: give each its own name",
    ),
    ('when = "risk > 0.9"\n', "", 'line 24, rules: when is missing: write when = "amount > 1000"'),
    (
        '[[rules]]\nname = "risky"\nwhen = "risk > 0.9"\noutcome = "block"\n\n[[rules]]',
        "[rules]",
        "line 24, rules: begin each rule with [[rules]], in double brackets",
    ),
]
