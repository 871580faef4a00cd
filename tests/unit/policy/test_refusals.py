"""One case per message of the grammar beyond `freshness` and `drift`: what is said, about which line, and what next."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.domain.errors import PolicyError
from governance.policy.loader import load_policies, parse_policies


def of_kind(kind: str, *lines: str) -> str:
    """A file whose only policy starts on line 3; the extra lines start on line 5."""
    return "\n".join(["version: 1", "policies:", "  - name: x", f"    kind: {kind}", *lines]) + "\n"


def fresh(*lines: str) -> str:
    return of_kind("freshness", *lines)


def kept(*lines: str) -> str:
    """A retention policy with its section on line 5; the extra lines start on line 6."""
    return of_kind("retention", "    retention: {period: 6 years}", *lines)


LOOK = "a pattern cannot look ahead or behind: RE2, which never searches for ever, says "
BACK = "a pattern cannot refer back to a group: RE2, which never searches for ever, says "
NOT_RE2 = "this is no regular expression of RE2: it says "
LIMIT = "write limits: {deed}: {{max_items: 200, max_percent: 10}}, with numbers of your own"

MATCHES = [
    (
        fresh("    match: {field: metadata, op: eq, value: hr}"),
        5,
        "policy 'x', match: a condition on metadata needs the key 'key'",
        "name it: key: department",
    ),
    (
        fresh("    match: {field: label, key: a, op: eq, value: hr}"),
        5,
        "policy 'x', match: a condition needs the three keys field, op and value, and no other",
        None,
    ),
    (
        fresh("    match: {key: department}"),
        5,
        "policy 'x', match: a condition needs the three keys field, op and value, and no other",
        None,
    ),
    (
        fresh("    match: {metadata: {}}"),
        5,
        "policy 'x', match: 'metadata' names no key",
        "write one: metadata: {department: hr}",
    ),
    (fresh("    match: {metadata: hr}"), 5, "policy 'x', match.metadata: must be a mapping of keys to values", None),
    (
        fresh("    match:", "      metadata:", "        department: [a, '[z-a]']"),
        7,
        "policy 'x', match.metadata.department[2]: a range in brackets that runs backward",
        None,
    ),
    (
        fresh("    match: {metadata: {department: []}}"),
        5,
        "policy 'x', match.metadata.department: must not be empty",
        None,
    ),
    (
        fresh("    match: {field: path, op: regex, value: '(?<=a)b'}"),
        5,
        f"policy 'x', match: {LOOK}'invalid perl operator: (?<='",
        None,
    ),
    (
        fresh("    match:", "      not: {field: path, op: regex, value: 'a(?!b)'}"),
        6,
        f"policy 'x', match.not: {LOOK}'invalid perl operator: (?!'",
        None,
    ),
    (
        fresh(r"    match: {field: path, op: regex, value: '(a)\1'}"),
        5,
        rf"policy 'x', match: {BACK}'invalid escape sequence: \1'",
        None,
    ),
    (
        fresh("    match: {field: path, op: regex, value: '(?P<n>a)(?P=n)'}"),
        5,
        f"policy 'x', match: {BACK}'invalid perl operator: (?P'",
        None,
    ),
    (
        fresh("    match: {field: path, op: regex, value: [a, 'b(']}"),
        5,
        f"policy 'x', match: {NOT_RE2}'missing ): b('",
        None,
    ),
    (
        fresh("    match: {field: path, op: regex, value: '(a{1,100}){1,100}'}"),
        5,
        f"policy 'x', match: {NOT_RE2}" + "'invalid repetition size: {1,100}'",
        None,
    ),
    (
        fresh(r"    match: {field: path, op: regex, value: '\pL{1000}'}"),
        5,
        f"policy 'x', match: {NOT_RE2}'pattern too large - compile failed'",
        None,
    ),
    (
        fresh("    match: {field: path, op: regex, value: " + "a" * 501 + "}"),
        5,
        "policy 'x', match.value: must not be longer than 500 characters",
        None,
    ),
]

CLASSES = [
    (
        kept("    match: {path: a, class: x}"),
        6,
        "policy 'x', match.class: the match of a retention policy makes the class, and cannot ask for it",
        "match by source, path, label, index or metadata",
    ),
    (
        kept("    match:", "      any:", "        - path: a", "        - not: {field: class, op: eq, value: x}"),
        9,
        "policy 'x', match.any[2].not.field: the match of a retention policy makes the class, and cannot ask for it",
        "match by source, path, label, index or metadata",
    ),
    (
        fresh("    match: {class: personnel}"),
        5,
        "policy 'x', match.class: no retention policy makes the class 'personnel'",
        "write a policy of the kind retention for it",
    ),
    (
        kept("  - name: y", "    kind: freshness", "    match: {field: class, op: in, value: [x, z]}"),
        8,
        "policy 'y', match.field: no retention policy makes the class 'z'",
        "known here: x",
    ),
    (
        kept("    waivers: [{match: {class: 'y*'}, reason: other, until: 2027-01-01}]"),
        6,
        "policy 'x', waivers[1].match.class: no retention policy makes the class 'y*'",
        "known here: x",
    ),
    (
        kept("  - {name: y, kind: retention, retention: {class: x, period: 7 years}}"),
        6,
        "policy 'y', retention: the class 'x' is kept in another way by the policy 'x', at p.yaml, line 3",
        "let both say the same, or give one of them a class of its own",
    ),
]

ACTIONS = [
    (
        fresh("    actions: [anotate]"),
        5,
        "policy 'x', actions[1]: 'anotate' is no action",
        "did you mean 'annotate'? Known here: annotate, notify, propose_erasure, quarantine, retire",
    ),
    (
        fresh("    actions:", "      - annotate", "      - type: notify"),
        7,
        "policy 'x', actions[2]: unknown key 'type'",
        "known here: annotate, notify, propose_erasure, quarantine, retire",
    ),
    (fresh("    actions: annotate"), 5, "policy 'x', actions: must be a list", None),
    (
        fresh("    actions: [retire]"),
        5,
        "policy 'x', actions[1]: retire needs the time after which it is done",
        "write {retire: {after: 14 days}}",
    ),
    (fresh("    actions: [{retire: {}}]"), 5, "policy 'x', actions[1].retire: the key 'after' is missing", None),
    (
        fresh("    actions: [{retire: {after: 0 days}}]"),
        5,
        "policy 'x', actions[1].retire.after: must be at least 1 day",
        None,
    ),
    (
        fresh("    actions: [{retire: {after: 1 month}}]"),
        5,
        "policy 'x', actions[1].retire.after: must be in days or weeks, such as '30 days'",
        None,
    ),
    (
        fresh("    actions: [{retire: {afer: 3 days, after: 3 days}}]"),
        5,
        "policy 'x', actions[1].retire: unknown key 'afer'",
        "did you mean 'after'? Known here: after, kinds",
    ),
    (
        fresh("    actions: [{annotate: {}, notify: {}}]"),
        5,
        "policy 'x', actions[1]: an entry holds one action",
        "write every action as an entry of its own",
    ),
    (
        fresh("    actions: [{}]"),
        5,
        "policy 'x', actions[1]: an entry holds one action",
        "write every action as an entry of its own",
    ),
    (fresh("    actions: [{annotate: }]"), 5, "'annotate' has no value: write one, or leave the key out", None),
    (
        fresh("    actions: [{notify: {to: The Owner}}]"),
        5,
        (
            "policy 'x', actions[1].notify.to: must be a name such as 'hr-pages': small letters, digits and hyphens, "
            "at most 64"
        ),
        None,
    ),
    (
        fresh("    actions: [{annotate: {kinds: freshness.overdu}}]"),
        5,
        "policy 'x', actions[1].annotate.kinds: 'freshness.overdu' matches no kind of finding of this version",
        "did you mean 'freshness.overdue'? Known here: ",
    ),
    (
        fresh("    actions:", "      - annotate: {kinds: [freshness.overdue, drift.stub]}"),
        6,
        "policy 'x', actions[1].annotate.kinds: a policy of the kind freshness does not decide about 'drift.stub'",
        "it decides about freshness.*",
    ),
    (
        fresh("    actions: [annotate, {annotate: {kinds: '*.overdue'}}]"),
        5,
        "policy 'x', actions[2]: the action annotate stands here twice for the same findings",
        "keep one of the two, or give each the kinds that it is about",
    ),
    (
        of_kind("duplicates", "    actions: [{notify: {kinds: duplicate.semantic}}]"),
        5,
        "policy 'x', actions[1].notify.kinds: 'duplicate.semantic' is only reported: no action follows it",
        "leave it out",
    ),
    (
        fresh("    actions:", "      - annotate", "      - quarantine"),
        7,
        "policy 'x', actions[2]: the action quarantine needs a limit, and no file says how many may be changed at once",
        LIMIT.format(deed="quarantine"),
    ),
    (
        fresh("    actions: [{retire: {after: 3 days}}]"),
        5,
        "policy 'x', actions[1]: the action retire needs a limit, and no file says how many may be changed at once",
        LIMIT.format(deed="quarantine"),
    ),
    (
        fresh("    actions: [propose_erasure]"),
        5,
        (
            "policy 'x', actions[1]: the action propose_erasure needs a limit, and no file says how many may be "
            "changed at once"
        ),
        LIMIT.format(deed="erase"),
    ),
    (
        of_kind("retention", "    retention:", "      period: 6 years", "      after: propose_erasure"),
        7,
        (
            "policy 'x', retention.after: the action propose_erasure needs a limit, and no file says how many may be "
            "changed at once"
        ),
        LIMIT.format(deed="erase"),
    ),
]

LIMITS_AND_REASONS = [
    (
        "version: 1\nlimits:\n  quarantine: {max_items: 3}\n",
        3,
        "limits.quarantine: the key 'max_percent' is missing",
        None,
    ),
    (
        "version: 1\nlimits:\n  erase: {max_item: 3, max_percent: 3, max_items: 1}\n",
        3,
        "limits.erase: unknown key 'max_item'",
        "did you mean 'max_items'? Known here: max_items, max_percent",
    ),
    (
        "version: 1\nlimits: {delete: {max_items: many, max_percent: 1}}\n",
        2,
        "limits.delete.max_items: must be a whole number from 0 to 1,000,000",
        None,
    ),
    (
        "version: 1\nlimits: {quarantin: {}}\n",
        2,
        "limits: unknown key 'quarantin'",
        "did you mean 'quarantine'? Known here: delete, erase, listing, quarantine, redact",
    ),
    (
        "version: 1\nreasons: [{code: Board decision}]\n",
        2,
        "reasons[1].code: must be a name such as 'hr-pages': small letters, digits and hyphens, at most 64",
        None,
    ),
    (
        "version: 1\nreasons:\n  - code: a\n  - {meaning: x}\n",
        4,
        "reasons[2]: the key 'code' is missing",
        None,
    ),
    (
        "version: 1\nreasons:\n  - {code: a, mening: x}\n",
        3,
        "reasons[1]: unknown key 'mening'",
        "did you mean 'meaning'? Known here: code, meaning",
    ),
    (
        "version: 1\nreasons:\n  - code: a\n  - code: a\n",
        4,
        "reasons[2].code: 'a' stands at p.yaml, line 3 already",
        "leave one of the two out",
    ),
    (
        "version: 1\nreasons:\n  - code: other\n",
        3,
        "reasons[1].code: 'other' stands among the built-in reasons already",
        "leave one of the two out",
    ),
    (
        (
            "version: 1\nreasons: [{code: board-decision}]\npolicies:\n  - name: x\n    kind: drift\n    waivers:\n"
            "      - {match: {path: a}, until: 2027-01-01, reason: board-decisions}\n"
        ),
        7,
        "policy 'x', waivers[1].reason: 'board-decisions' is no word for it",
        "did you mean 'board-decision'? Known here: accepted-risk, archive-copy, board-decision, ",
    ),
    (
        fresh("    waivers: [{match: {path: a}, reason: other, until: 2027-01-01, kinds: pii.email_adress}]"),
        5,
        "policy 'x', waivers[1].kinds: 'pii.email_adress' matches no kind of finding of this version",
        "did you mean 'pii.email_address'?",
    ),
]

KEEPING = [
    (of_kind("retention"), 3, "policy 'x': the key 'retention.period' is missing", None),
    (of_kind("retention", "    retention: {class: a}"), 5, "policy 'x', retention: the key 'period' is missing", None),
    (
        of_kind("retention", "    retention:", "      period: 6 years", "      clas: a"),
        7,
        "policy 'x', retention: unknown key 'clas'",
        "did you mean 'class'? Known here: after, class, event, label, legal_basis, period",
    ),
    (
        of_kind("retention", "    retention: {period: for ever}"),
        5,
        "policy 'x', retention.period: not an interval such as '6 years', and not the word unlimited",
        None,
    ),
    (
        of_kind("retention", "    retention: {period: 1 year, class: Personnel File}"),
        5,
        "policy 'x', retention.class: must be a name such as 'hr-pages': small letters, digits and hyphens, at most 64",
        None,
    ),
    (
        of_kind("retention", "    retention: {period: 1 year, event: labelled}"),
        5,
        "policy 'x', retention.event: 'labelled' is no word for it",
        "did you mean 'labeled'? Known here: created, labeled, modified, reviewed",
    ),
    (
        of_kind("retention", "    retention: {period: 1 year, event: labeled}"),
        5,
        "policy 'x', retention: the event labeled needs the key 'label'",
        "write the label whose day counts: label: contract-ended",
    ),
    (
        of_kind("retention", "    retention: {period: 1 year, label: left}"),
        5,
        "policy 'x', retention: 'label' says nothing where the event is modified",
        "write event: labeled, or leave it out",
    ),
    (
        of_kind("retention", "    retention: {period: unlimited, after: propose_erasure}"),
        5,
        "policy 'x', retention: a period that is unlimited is never over: nothing follows",
        "leave 'after' out, or limit the period",
    ),
    (
        of_kind("retention", "    retention: {period: 1 year, after: delete}"),
        5,
        "policy 'x', retention.after: 'delete' is no word for it",
        "known here: propose_erasure, review",
    ),
    (
        of_kind("erasure", "    erasure: {required_level: L5}"),
        5,
        "policy 'x', erasure.required_level: 'L5' is no word for it",
        "known here: L1, L2, L3, L4",
    ),
    (
        of_kind("erasure", "    erasure:", "      required_level_of:", "        archive: 3"),
        7,
        "policy 'x', erasure.required_level_of.archive: '3' is no word for it",
        "did you mean 'L3'? Known here: L1, L2, L3, L4",
    ),
    (
        of_kind("erasure", "    erasure:", "      required_level_of:", "        'a{b': L3"),
        7,
        (
            "policy 'x', erasure.required_level_of.'a{b': braces mean nothing in a pattern: write a list of patterns; "
            "a brace itself is written [{]"
        ),
        None,
    ),
    (
        of_kind("erasure", "    erasure: {holidays: [2026-12-25, 2026-12-32]}"),
        5,
        "policy 'x', erasure.holidays[2]: must be a day that exists, such as 2027-03-31",
        None,
    ),
    (
        of_kind("erasure", "    erasure: {single_operator: true}"),
        5,
        "policy 'x', erasure.single_operator: 'true' is no word for it",
        "known here: no, yes",
    ),
    (
        of_kind("erasure", "    erasure: {identity: maybe}"),
        5,
        "policy 'x', erasure.identity: 'maybe' is no word for it",
        "known here: optional, required",
    ),
    (
        of_kind("erasure", "    erasure: {regime: gdrp}"),
        5,
        "policy 'x', erasure.regime: 'gdrp' is no word for it",
        "did you mean 'gdpr'? Known here: ccpa, gdpr",
    ),
    (
        of_kind("erasure", "    erasure: {plan_expires: 0 days}"),
        5,
        "policy 'x', erasure.plan_expires: must be at least 1 day",
        None,
    ),
    (
        of_kind("erasure", "    erasure: {verify_again: [1 hour, 1 month]}"),
        5,
        "policy 'x', erasure.verify_again[2]: must be a time such as '1 hour', '24 hours' or '30 days'",
        None,
    ),
    (
        of_kind("erasure", "    erasure: {grase: 1 day}"),
        5,
        "policy 'x', erasure: unknown key 'grase'",
        "did you mean 'grace'? Known here: grace, holidays, identity, plan_expires, regime, required_level, ",
    ),
]

PII = [
    (
        of_kind("pii", "    pii: {languages: [en, English]}"),
        5,
        "policy 'x', pii.languages[2]: 'English' is no language code",
        "write the two small letters of ISO 639-1, such as en or de",
    ),
    (
        of_kind("pii", "    pii: {countries: UK}"),
        5,
        "policy 'x', pii.countries: 'UK' is no country code",
        "write the two capitals of ISO 3166-1, such as DE or US; the United Kingdom is GB",
    ),
    (
        of_kind("pii", "    pii:", "      kinds:", "        email_adress: {report: no}"),
        7,
        "policy 'x', pii.kinds.email_adress: 'email_adress' is no kind of personal data",
        "did you mean 'email_address'?",
    ),
    (
        of_kind("pii", "    pii: {allowed: {kinds: [url, qqqqq]}}"),
        5,
        "policy 'x', pii.allowed.kinds: 'qqqqq' is no kind of personal data",
        "write the kind that the recognizer finds, or add a recognizer",
    ),
    (
        of_kind("pii", "    pii:", "      kinds:", "        EMAIL_ADDRESS: {report: no}"),
        7,
        (
            "policy 'x', pii.kinds.EMAIL_ADDRESS: must be a kind such as 'email_address': small letters, digits and "
            "underscores, at most 64"
        ),
        None,
    ),
    (
        of_kind("pii", "    pii: {kinds: {url: {treshold: 3}}}"),
        5,
        "policy 'x', pii.kinds.url: unknown key 'treshold'",
        "did you mean 'threshold'? Known here: report, threshold",
    ),
    (
        of_kind("pii", "    pii: {kinds: {url: {threshold: 0.4}}}"),
        5,
        "policy 'x', pii.kinds.url.threshold: must be a whole number from 0 to 100",
        None,
    ),
    (
        of_kind("pii", "    pii: {kinds: {url: off}}"),
        5,
        "policy 'x', pii.kinds.url: must be a mapping of keys to values",
        None,
    ),
    (
        of_kind("pii", "    pii: {allowed: {domains: ['@example.org']}}"),
        5,
        (
            "policy 'x', pii.allowed.domains[1]: must be a domain such as example.org, without @ or a path; those "
            "below it are meant too"
        ),
        None,
    ),
    (
        of_kind("pii", "    pii: {allowed: {patterns: ['(?=a)b']}}"),
        5,
        f"policy 'x', pii.allowed.patterns[1]: {LOOK}'invalid perl operator: (?='",
        None,
    ),
    (
        of_kind("pii", "    pii: {allowed: {patterns: 'a*'}}"),
        5,
        "policy 'x', pii.allowed.patterns: a pattern that matches the empty text is found everywhere",
        "let it ask for at least one character",
    ),
    (
        of_kind("pii", "    pii: {allowed: {domain: a.org}}"),
        5,
        "policy 'x', pii.allowed: unknown key 'domain'",
        "did you mean 'domains'? Known here: domains, kinds, patterns, private_ranges, reserved_domains, values",
    ),
    (
        of_kind("pii", "    pii:", "      recognizers:", "        - {name: a, patterns: x}", "        - name: b"),
        8,
        "policy 'x', pii.recognizers[2]: a recognizer needs 'patterns' or 'deny'",
        "write what it is to find",
    ),
    (
        of_kind("pii", "    pii:", "      recognizers:", "        - {name: a, deny: x, checksum: luhn}"),
        7,
        "policy 'x', pii.recognizers[1]: 'checksum' says nothing without 'patterns'",
        "leave it out, or write a pattern",
    ),
    (
        of_kind("pii", "    pii:", "      recognizers:", "        - {name: a, patterns: x, checksum: lune}"),
        7,
        "policy 'x', pii.recognizers[1].checksum: 'lune' is no word for it",
        "did you mean 'luhn'? Known here: damm, luhn, mod11-2, mod97-10, verhoeff",
    ),
    (
        of_kind("pii", "    pii:", "      recognizers: [{name: a, deny: x}, {name: a, deny: y}]"),
        6,
        "policy 'x', pii.recognizers: two recognizers are called 'a'",
        "give one of the two another name",
    ),
    (
        of_kind("pii", "    pii: {recognizers: [{name: 3-x, deny: x}]}"),
        5,
        "policy 'x', pii.recognizers[1]: a recognizer whose name begins with a digit needs the key 'kind'",
        "write kind: customer_number",
    ),
    (
        of_kind("pii", "    pii: {sample: 0}"),
        5,
        "policy 'x', pii.sample: must be a whole number from 1 to 100",
        None,
    ),
]

COPIES = [
    (
        of_kind("duplicates", "    duplicates: {near: 0.8}"),
        5,
        "policy 'x', duplicates.near: must be a whole number from 1 to 100",
        None,
    ),
    (
        of_kind("duplicates", "    duplicates: {semantic: off}"),
        5,
        "policy 'x', duplicates.semantic: must be a whole number from 1 to 100, or the word none",
        None,
    ),
    (
        of_kind("duplicates", "    duplicates:", "      versioned:", "        - {source: docs, from: metadata}"),
        7,
        "policy 'x', duplicates.versioned[1]: a version that is read from metadata needs the key 'key'",
        "name it: key: version",
    ),
    (
        of_kind("duplicates", "    duplicates: {versioned: [{source: docs, from: path, key: v}]}"),
        5,
        "policy 'x', duplicates.versioned[1]: 'key' says nothing where the version is read from the path",
        "leave it out",
    ),
    (
        of_kind("duplicates", "    duplicates: {versioned: [{source: docs, from: metadata, key: v, pattern: x}]}"),
        5,
        "policy 'x', duplicates.versioned[1]: 'pattern' says nothing where the version is read from metadata",
        "leave it out",
    ),
    (
        of_kind("duplicates", "    duplicates: {versioned: [{source: docs, form: path}]}"),
        5,
        "policy 'x', duplicates.versioned[1]: unknown key 'form' (and 1 more)",
        "did you mean 'from'? Known here: from, key, pattern, source",
    ),
    (
        of_kind("conflicts", "    conflicts: {report: [values]}"),
        5,
        "policy 'x', conflicts.report[1]: 'values' is no word for it",
        "did you mean 'value'? Known here: antonym, negation, value",
    ),
    (of_kind("conflicts", "    conflicts: {report: []}"), 5, "policy 'x', conflicts.report: must not be empty", None),
    (
        of_kind("conflicts", "    conflicts: {dated: /blog/**}"),
        5,
        "policy 'x', conflicts.dated: a path pattern starts at the source's folder: leave the leading / or ./ out",
        None,
    ),
    (
        of_kind("conflicts", "    conflicts: {most_readings: 1}"),
        5,
        "policy 'x', conflicts.most_readings: must be a whole number from 2 to 1,000",
        None,
    ),
    (
        of_kind("quality", "    quality: {max_tokens: none}"),
        5,
        "policy 'x', quality.max_tokens: must be a whole number from 1 to 1,000,000, or the word model",
        None,
    ),
    (
        of_kind("quality", "    quality: {max_token: 3}"),
        5,
        "policy 'x', quality: unknown key 'max_token'",
        "did you mean 'max_tokens'? Known here: fragment_words, garbled, max_characters, max_tokens, report",
    ),
    (
        of_kind("quality", "    quality: {report: oversized}"),
        5,
        "policy 'x', quality.report: 'oversized' is no word for it",
        "did you mean 'oversize'? Known here: cut, fragment, garbled, oversize",
    ),
]

REFUSED = [*MATCHES, *CLASSES, *ACTIONS, *LIMITS_AND_REASONS, *KEEPING, *PII, *COPIES]


@pytest.mark.parametrize(("text", "line", "message", "next_step"), REFUSED)
def test_a_mistake_is_named_with_file_line_and_key(text: str, line: int, message: str, next_step: str | None) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policies(text, "p.yaml")
    error = caught.value
    assert error.message == f"p.yaml, line {line}: {message}"
    assert error.item == f"p.yaml:{line}"
    assert error.next_step is not None
    assert error.next_step.startswith(next_step or f"correct line {line} of p.yaml")
    assert error.exit_code == 2


@pytest.mark.parametrize("document", ["processing", "schedule"])
def test_the_other_documents_come_with_later_versions(document: str) -> None:
    with pytest.raises(PolicyError, match="is not supported by this version") as caught:
        parse_policies(f"document: {document}\nversion: 1\n")
    assert caught.value.next_step == "this version reads: policies"


BOMB = "a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n" + "".join(
    f"{key}: &{key} [{','.join([f'*{before}'] * 9)}]\n" for before, key in ("ab", "bc", "cd", "de")
)
TRAPS = [
    (fresh("    owner: a", "    owner: b"), 6, "the key 'owner' stands here a second time"),
    ("version: 1\n" + BOMB, 2, "anchors (&name) are not taken: write the value out where it is needed"),
    ("version: 1\npolicies: [*all]\n", 2, "aliases (*name) are not taken: write the value out"),
    (fresh("    <<: {owner: a}"), 5, "merge keys (<<) are not taken: write the keys out"),
    (fresh("    owner: !!str a"), 5, "tags (!name) are not taken"),
    (fresh("    freshness: {unknown: NO}"), 5, "policy 'x', freshness.unknown: 'NO' is no word for it"),
    (
        fresh("    freshness: {due_soon: 22:30}"),
        5,
        "policy 'x', freshness.due_soon: not an interval such as '6 months', '1 year' or '191 days'",
    ),
    ("version: 1\n---\nversion: 1\n", 2, "a second document starts here; one is the limit"),
    ("version: 1\n" + "#" * 4_194_304, 1, "more than 4,194,304 bytes"),
]


@pytest.mark.parametrize(("text", "line", "message"), TRAPS)
def test_a_trap_of_yaml_in_a_file_is_named_with_file_and_line(
    text: str, line: int, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(PolicyError) as caught:
        load_policies([path])
    assert caught.value.message == f"{path}, line {line}: {message}"


def test_the_alias_bomb_is_as_small_as_the_one_that_grew_to_59_049_leaves() -> None:
    assert len(BOMB) <= 271


def test_a_number_with_a_leading_zero_is_the_number_that_people_read() -> None:
    (policy,) = parse_policies(of_kind("drift", "    drift: {uncovered: 012}")).policies
    assert policy.drift is not None
    assert policy.drift.uncovered_percent == 12


def test_words_that_other_readers_take_for_numbers_or_truths_stay_words(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(fresh("    match: {metadata: {country: NO, room: 0123}, label: [off, 1e3]}"))
    (policy,) = load_policies([path]).policies
    assert policy.match.as_json() == {
        "all": [
            {"field": "label", "op": "in", "value": ["1e3", "off"]},
            {"field": "metadata", "key": "country", "op": "eq", "value": "NO"},
            {"field": "metadata", "key": "room", "op": "eq", "value": "0123"},
        ]
    }


def test_the_two_places_of_a_reason_may_be_in_two_files(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    for path in (first, second):
        path.write_text("version: 1\nreasons:\n  - code: board-decision\n")
    with pytest.raises(PolicyError) as caught:
        load_policies([first, second])
    assert caught.value.message == (
        f"{second}, line 3: reasons[1].code: 'board-decision' stands at {first}, line 3 already"
    )


def test_reasons_limits_and_classes_of_one_file_hold_in_another(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        fresh(
            "    match: {class: contracts}",
            "    actions: [quarantine]",
            "    waivers: [{match: {path: a}, reason: board-decision, until: 2027-01-01}]",
        )
    )
    (tmp_path / "b.yaml").write_text(
        "version: 1\nreasons: [{code: board-decision}]\n"
        "policies: [{name: y, kind: retention, retention: {class: contracts, period: 6 years}}]\n"
        "limits: {quarantine: {max_items: 5, max_percent: 1}}\n"
    )
    loaded = load_policies([tmp_path])
    assert [policy.name for policy in loaded.policies] == ["x", "y"]
    assert loaded.reason_codes[-1] == "board-decision"


def test_two_policies_may_make_one_class_when_they_keep_it_alike() -> None:
    text = kept("  - {name: y, kind: retention, retention: {class: x, period: 72 months}}")
    assert [policy.retention.class_name for policy in parse_policies(text).policies if policy.retention] == ["x", "x"]


def test_one_action_may_stand_twice_for_different_findings() -> None:
    text = fresh("    actions: [{notify: {kinds: freshness.overdue}}, {notify: {kinds: freshness.unknown, to: chat}}]")
    (policy,) = parse_policies(text).policies
    assert [action.to for action in policy.actions] == ["owner", "chat"]
