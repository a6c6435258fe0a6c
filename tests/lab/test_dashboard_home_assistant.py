# SPDX-License-Identifier: MIT
"""dashboard/home-assistant: each entity in the examples is one that a Pi announces, and enabled."""

import re

import harness
import pytest

pytest.importorskip("jinja2", reason="python3-jinja2 is not installed (make deps-test)")

import ha_schema  # noqa: E402
import jinja2  # noqa: E402
from test_ha_discovery import announced  # noqa: E402

FOLDER = harness.REPO / "dashboard" / "home-assistant"
PI = "pi_0123456789ab"


def slug(name):
    """What Home Assistant makes of a name: small letters and digits, the rest one underscore."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


@pytest.fixture(name="enabled", scope="module")
def entities_of_a_pi():
    complaints, entities = ha_schema.check(announced("pi4")["device"])
    assert complaints == []
    return {
        f"{platform}.{PI}_{slug(entity['name'])}": entity
        for (platform, _), entity in entities.items()
        if entity.get("enabled_by_default", True)
    }


@pytest.mark.parametrize("name", ["automation.yaml", "card.yaml"])
def test_entities_of_the_examples_are_there(enabled, name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    used = re.findall(rf"\b[a-z_]+\.{PI}_\w+", text)
    assert len(used) >= 3
    assert [entity for entity in used if entity not in enabled] == []


def test_entities_of_the_table_are_there(enabled):
    rows = [
        line
        for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
        if re.match(r"\| `(sensor|binary_sensor|event)\.", line)
    ]
    assert len(rows) == 4
    for row in rows:
        names = re.findall(r"`([^`]+)`", row.split("|")[1])
        platform = names[0].split(".")[0]
        for name in names:
            found = f"{platform}.{PI}_{re.split(f'{PI}_|…_|^_', name)[-1]}"
            assert found in enabled, found


def test_words_of_the_automations(enabled):
    """States, severities and templates."""
    text = (FOLDER / "automation.yaml").read_text(encoding="utf-8")
    assert {"hard", "blind"} <= set(enabled[f"sensor.{PI}_state"]["options"])
    assert "critical" in enabled[f"event.{PI}_event"]["event_types"]
    assert enabled[f"binary_sensor.{PI}_connection"]["payload_off"] == "offline"
    templates = re.findall(r'"([^"]*\{\{[^"]*)"', text)
    assert len(templates) == 6
    for template in templates:
        jinja2.Environment().parse(template)
