"""Where identifiers are planted: documents, a list of documents, an index of somebody else, policies, configuration."""

from __future__ import annotations

import json
import os
from contextlib import closing, suppress
from pathlib import Path

from governance.domain.chunks import Record
from governance.domain.values import vector_of
from governance.indexes.embedded import EmbeddedIndex
from tests.canaries import Flock
from tests.foreign_layouts import WRITERS


def pages(flock: Flock) -> dict[str, bytes]:
    """Give pages by their paths: canaries in names of folders and files, in front matter of every sort, in bodies."""
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    body = f"Write to {email}, which is {person}, or pay to {iban}. " + "Some more words stand here. " * 40
    facts = {
        "title": f"{person} and {iban}",
        "owner": email,
        "labels": f"[{person}, {iban}]",
        "department": f"{person} {email}",
        "last_reviewed_on": "2020-01-01",
        person: iban,
    }
    head = "".join(f"{key}: {value}\n" for key, value in facts.items())
    texts = {
        f"people/{person}/{email}.md": f"---\n{head}---\n{body}",
        f"people/{person}/{iban}.md": f"---\n{head}---\nAnother page. {body}",
        f"{iban}.md": f"---\ntitle: [{email}\n {person}: - {iban}\n---\n{body}",
        f"dates-{email}.md": f"---\nlast_reviewed_on: {iban}\nreview_in: {email}\ncreated_on: {person}\n---\n{body}",
        f"typed-{email}.md": f"---\ntitle: {{{person}: {iban}}}\nowner: [[{email}]]\ndepartment: {{a: {iban}}}\n---\n",
        f"moved-{person}.md": f"---\nredirect_to: /people/{person}/{iban}.html\n---\n",
        f"moved/{iban}.md": f"---\nredirect_to: https://wiki.example/{email}\n---\n",
        f"empty-{email}.md": f"---\nowner: {email}\n---\n",
        f"v1/{person}.md": f"---\nversion: 1 of {email}\n---\n{body}",
        f"v2/{person}.md": f"---\nversion: 2 of {email}\n---\n{body}",
        f"gone/{email}.md": f"---\n{head}---\nThis one goes. {body}",
    }
    broken = {
        f"broken-{email}.md": f"{person} \xff {iban}".encode("latin-1", "replace"),
        f"nul-{iban}.md": f"{person}\0{email}".encode(),
    }
    return {**{name: body.encode() for name, body in texts.items()}, **broken}


def plant(flock: Flock, folder: Path) -> None:
    """Write documents, a manifest, an index of somebody else, policies, counts, and the configuration of it all."""
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    for root in ("docs", "wiki"):
        for name, body in pages(flock).items():
            path = folder / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        (folder / root / f"loop-{email}.md").symlink_to(f"loop-{email}.md")
    with suppress(OSError):  # file systems that take no such name
        (folder / "docs" / os.fsdecode(f"not-{iban}-".encode() + b"\xff.md")).write_text(email)
    lines = [
        {
            "id": f"{person}/{iban}",
            "title": person,
            "owner": email,
            "text": f"{email} {iban}",
            "metadata": {"department": iban},
        },
        {
            "id": f"{email}",
            "uri": f"https://wiki.example/{iban}",
            "text": "Words.",
            "reviewed_on": person,
            "version": email,
        },
        {"id": f"{iban}", "text": None, "labels": {person: email}},
    ]
    listed = [json.dumps(line, ensure_ascii=False) for line in lines]
    (folder / "list.jsonl").write_text("\n".join([*listed, f"{email} {{{iban}", ""]), "utf-8")
    fill_foreign_index(flock, folder)
    policies = folder / "policies" / "default.yaml"
    waivers = [
        {"match": {"path": f"people/{person}/{iban}.md"}, "reason": "archive-copy", "until": "2999-01-01", "by": email},
        {"match": {"path": f"people/{person}/*"}, "reason": "other", "until": "2020-01-01", "by": person},
    ]
    first = {"name": "of-one", "kind": "freshness", "owner": person, "match": {"path": f"people/{person}/**"}}
    first |= {"freshness": {"review_every": "1 year"}, "waivers": waivers, "actions": ["annotate"]}
    body = policies.read_text("utf-8")
    policies.write_text(
        body.replace("policies:\n\n", f"policies:\n\n  - {json.dumps(first, ensure_ascii=False)}\n", 1), "utf-8"
    )
    config = folder / "kbgov.toml"
    config.write_text(
        config.read_text("utf-8").replace('# metadata = ["department"]', 'metadata = ["department"]')
        + '\n[sources.wiki]\nroot = "wiki"\nindex = "theirs"\nmetadata = ["department"]\n'
        + '\n[sources.wiki.document_key]\nfield = "source"\nstrip_prefix = "/app/docs/"\n'
        + '\n[sources.list]\ntype = "manifest"\npath = "list.jsonl"\nindex = "main"\nmetadata = ["department"]\n'
        + '\n[indexes.theirs]\ntype = "embedded"\npath = "theirs.db"\n'
        + '\n[indexes.theirs.fields]\nmodel = "model"\nmetadata = ["author"]\n'
        + '\n[anchors.paper]\ntype = "file"\npath = "anchored.txt"\n',
        "utf-8",
    )


def tenant(flock: Flock) -> str:
    return f"tenant {flock.person.text} {flock.email.text}"


def fill_foreign_index(flock: Flock, folder: Path) -> None:
    """Fill an index as other pipelines do, with canaries in ids, in keys and values of metadata, names of vectors."""
    email, person, iban = flock.email.text, flock.person.text, flock.iban.text
    named = [f"people/{person}/{email}.md", f"people/{person}/{iban}.md", f"gone/{email}.md", f"moved-{person}.md"]
    common = {person: iban, iban: [email], "author": email, "model": f"{person}-model"}
    unit, longer = vector_of([1.0, 0.0]), vector_of([1.0, 0.0, 0.0])
    bodies = pages(flock)
    records = [
        Record(
            f"{email}#{at}",
            bodies[name].decode(),
            {**common, "source": f"/app/docs/{name}", "model": model},
            {"default": unit},
        )
        for at, (name, model) in enumerate(zip(named, (iban, person, email, "m"), strict=True))
    ]
    changed = bodies[named[0]].decode().replace("Some more words", "Some 17 other words")
    ours = {"kb_source": "docs", "kb_document": named[0], "kb_embedder": email, "kb_meta_hash": person}
    ours |= {"kb_position": 1, "kb_status": iban, "kb_review_due": person}
    records += [
        Record(f"{iban} changed", changed, {**common, "source": f"/app/docs/{named[0]}"}, {"default": unit}),
        Record(f"{person} bare", changed, {**common, "source": f"/app/docs/{named[1]}"}, {}),
        Record(f"{person} loose", "Nobody's words.", {person: email}, {"default": unit, email: unit}),
        Record(f"{email} loose", "Nobody's other words.", {iban: email}, {email: longer}),
        Record(f"{email} ours", "Words that look like ours.", {**common, **ours}, {"default": unit}),
        Record(
            f"{iban} unknown", f"Of {email}.", {**common, "source": f"/app/docs/never/{person}.md"}, {"default": unit}
        ),
        Record(f"{person} elsewhere", f"Of {email}.", {"source": f"{email}"}, {"default": unit}),
    ]
    layouts = [made for write in WRITERS.values() for made in write(f"/app/docs/{named[1]}")]
    theirs = [
        Record(f"{iban}:{name}", f"Of {person}.", {**found, **common}, {"default": unit}) for name, found in layouts
    ]
    for partition, group in (("", records), (tenant(flock), [*records[:6], *theirs])):
        with closing(EmbeddedIndex("theirs", folder / "theirs.db").writer(partition)) as writer:
            assert not writer.put(group).failed
