# SPDX-License-Identifier: MIT
"""What Home Assistant makes of a message: the state of an entity, or what it would warn about.

The rules are those of components/mqtt/sensor.py, binary_sensor.py and event.py, of
components/sensor/__init__.py for numbers, and of helpers/template for names that are not defined:
to print or to test one is a warning for each message, to reach into one an error.
"""

import datetime
import json
import math

import jinja2
import jinja2.sandbox

from ha_schema import expects_number

LONGEST_STATE = 255
UNKNOWN = None


class Refused(Exception):
    """Home Assistant would log this, and most often drop the message."""


class _Undefined(jinja2.StrictUndefined):
    """Any use is one that Home Assistant logs."""


def _as_datetime(value):
    return datetime.datetime.fromtimestamp(float(value), datetime.timezone.utc)


_environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=_Undefined)
_environment.filters["as_datetime"] = _as_datetime


def _render(template, payload):
    names = {"value": payload}
    try:
        names["value_json"] = json.loads(payload)
    except ValueError:
        pass
    try:
        return _environment.from_string(template).render(names).strip()
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise Refused(f"template: {error}") from error


def _sensor(entity, text):
    if expects_number(entity):
        try:
            number = float(text)
        except ValueError as error:
            raise Refused(f"no number: {text!r}") from error
        if not math.isfinite(number):
            raise Refused(f"no number: {text!r}")
        return number
    if entity.get("device_class") == "timestamp":
        try:
            when = datetime.datetime.fromisoformat(text)
        except ValueError as error:
            raise Refused(f"no time: {text!r}") from error
        if when.tzinfo is None:
            raise Refused(f"no time zone: {text!r}")
        return when
    if entity.get("device_class") == "enum" and text not in entity.get("options", [text]):
        raise Refused(f"{text!r} is not among the options")
    if len(text) > LONGEST_STATE:
        raise Refused(f"longer than {LONGEST_STATE}: {text!r}")
    return text


def _binary_sensor(entity, text):
    states = {entity.get("payload_on", "ON"): True, entity.get("payload_off", "OFF"): False}
    if text not in states:
        raise Refused(f"neither on nor off: {text!r}")
    return states[text]


def _event(entity, text):
    try:
        event = json.loads(text)
        kind = event.pop("event_type")
    except (AttributeError, KeyError, ValueError) as error:
        raise Refused(f"no event: {text!r}") from error
    if kind not in entity["event_types"]:
        raise Refused(f"event of type {kind!r}")
    return kind, event


KINDS = {"sensor": _sensor, "binary_sensor": _binary_sensor, "event": _event}


def state(platform, entity, payload):
    """The state that a message brings about; UNKNOWN, or Refused with the reason."""
    text = payload
    if "value_template" in entity:
        text = _render(entity["value_template"], payload)
    if text == "None":
        return UNKNOWN
    if text == "":
        raise Refused("nothing is rendered: the old state would stay")
    return KINDS[platform](entity, text)
