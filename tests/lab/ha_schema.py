# SPDX-License-Identifier: MIT
"""What Home Assistant accepts as MQTT discovery, as a check of our documents.

Written from the rules in its source (2024.11 and later): components/mqtt/discovery.py (topics, what
is shared), schemas.py (device, origin, availability), sensor.py, binary_sensor.py and event.py (what
belongs to each), components/sensor/const.py (classes with their units and kinds of statistics) and
sensor/__init__.py (what it warns about). What it would refuse, drop or warn about is a complaint,
and so is what would only puzzle people: two entities with one name. Only what this agent announces
is known here; anything else is a complaint as well.
"""

import json
import re

import jinja2

TOPIC = re.compile(r"(\w+)/(?:([a-zA-Z0-9_-]+)/)?([a-zA-Z0-9_-]+)/config")
ID = re.compile(r"[a-zA-Z0-9_-]+")

DATA_SIZES = "bit kbit Mbit Gbit B kB MB GB TB PB EB ZB YB KiB MiB GiB TiB PiB EiB ZiB YiB".split()
DATA_RATES = "bit/s kbit/s Mbit/s Gbit/s B/s kB/s MB/s GB/s KiB/s MiB/s GiB/s".split()
MEASUREMENT = {"measurement"}
ALL = {"measurement", "total", "total_increasing"}
# Classes of sensors that are numbers: their units, and the kinds of statistics that go with them.
NUMERIC = {
    "current": ({"A", "mA"}, MEASUREMENT),
    "data_rate": (set(DATA_RATES), MEASUREMENT),
    "data_size": (set(DATA_SIZES), ALL),
    "duration": ({"d", "h", "min", "s", "ms"}, ALL),
    "frequency": ({"Hz", "kHz", "MHz", "GHz"}, MEASUREMENT),
    "power": ({"W", "kW", "MW", "GW", "TW"}, MEASUREMENT),
    "temperature": ({"°C", "°F", "K"}, MEASUREMENT),
    "voltage": ({"V", "mV"}, MEASUREMENT),
}
NOT_NUMERIC = {"date", "enum", "timestamp"}
BINARY = {"connectivity", "heat", "problem", "running"}

AVAILABILITY = {"availability", "availability_mode"}
# What a component takes over from the device document; qos by later versions only.
SHARED = AVAILABILITY | {"state_topic", "qos"}
DEVICE = {
    *("identifiers", "connections", "manufacturer", "model", "model_id", "name", "hw_version"),
    *("serial_number", "sw_version", "via_device", "suggested_area", "configuration_url"),
}
ORIGIN = {"name", "sw_version", "support_url"}
AVAILABILITY_ENTRY = {"topic", "payload_available", "payload_not_available", "value_template"}
COMMON = SHARED | {
    *("device", "origin", "unique_id", "name", "value_template", "enabled_by_default"),
    *("entity_category", "icon", "device_class"),
}
MEMBERS = {
    "sensor": COMMON
    | {"expire_after", "force_update", "options", "state_class", "unit_of_measurement"}
    | {"suggested_display_precision"},
    "binary_sensor": COMMON
    | {"expire_after", "force_update", "off_delay", "payload_on", "payload_off"},
    "event": COMMON | {"event_types"},
}


class Complaints(list):
    def check(self, good, where, text):
        if not good:
            self.append(f"{where}: {text}")
        return good


def _no_doubles(pairs):
    names = [name for name, _ in pairs]
    doubles = {name for name in names if names.count(name) > 1}
    if doubles:
        raise ValueError(f"members twice: {sorted(doubles)}")
    return dict(pairs)


def _is_text(value):
    return isinstance(value, str) and value != ""


def _is_number(value, least=0):
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_topic(value):
    """A topic of ours has no wildcards, though a filter could have."""
    return _is_text(value) and len(value.encode()) <= 65535 and not set("+#\0") & set(value)


def _known(found, block, known, where):
    unknown = sorted(set(block) - known)
    return found.check(not unknown, where, f"unknown members {unknown}")


def _check_texts(found, block, known, where):
    _known(found, block, known, where)
    for name, value in block.items():
        if name not in ("identifiers", "connections"):
            found.check(_is_text(value), where, f"{name} is no text")


def _check_device(found, block, where="device"):
    if not found.check(isinstance(block, dict), where, "is missing"):
        return
    _check_texts(found, block, DEVICE, where)
    names = block.get("identifiers")
    good = isinstance(names, list) and names and all(_is_text(name) for name in names)
    found.check(good, where, "needs identifiers")
    found.check("name" in block, where, "needs a name")
    url = block.get("configuration_url", "http://host")
    found.check(re.match(r"(https?|homeassistant)://\w", str(url)), where, "configuration_url")


def _check_origin(found, block, where="origin"):
    if not found.check(isinstance(block, dict), where, "is missing"):
        return
    _check_texts(found, block, ORIGIN, where)
    found.check("name" in block, where, "needs a name")
    url = block.get("support_url", "http://host")
    found.check(re.match(r"https?://\w", str(url)), where, "support_url")


def _check_template(found, text, where):
    if not found.check(_is_text(text), where, "value_template is no text"):
        return
    try:
        jinja2.Environment().parse(text)
    except jinja2.TemplateSyntaxError as error:
        found.check(False, where, f"value_template: {error}")


def _check_shared(found, block, where):
    if "qos" in block:
        found.check(_is_number(block["qos"]) and block["qos"] <= 2, where, "qos is 0, 1 or 2")
    if "state_topic" in block:
        found.check(_is_topic(block["state_topic"]), where, "state_topic is no topic")
    mode = block.get("availability_mode", "latest")
    found.check(mode in ("all", "any", "latest"), where, "availability_mode")
    entries = block.get("availability", [])
    if not found.check(isinstance(entries, list), where, "availability is no list"):
        return
    for entry in entries:
        _known(found, entry, AVAILABILITY_ENTRY, f"{where} availability")
        found.check(_is_topic(entry.get("topic")), where, "availability has no topic")


def _check_number_sensor(found, block, where):
    unit, kind = block.get("unit_of_measurement"), block.get("state_class")
    found.check(kind in ALL | {None}, where, f"state_class {kind}")
    device_class = block.get("device_class")
    if device_class is not None:
        units, kinds = NUMERIC[device_class]
        found.check(unit in units, where, f"unit {unit} does not go with {device_class}")
        found.check(kind in kinds | {None}, where, f"{kind} does not go with {device_class}")
    if "unit_of_measurement" in block:
        found.check(_is_text(unit) and unit.strip() == unit, where, "unit_of_measurement is empty")
        # The micro sign is rewritten to the Greek letter, or refused.
        found.check("\u00b5" not in str(unit), where, "unit_of_measurement has a micro sign")
    if "suggested_display_precision" in block:
        precision = block["suggested_display_precision"]
        found.check(_is_number(precision), where, "suggested_display_precision is no number")


def expects_number(block):
    """Whether a sensor must be a number: what is neither that nor one of few words is text."""
    if block.get("device_class") in NOT_NUMERIC:
        return False
    marks = ("device_class", "state_class", "unit_of_measurement", "suggested_display_precision")
    return any(name in block for name in marks)


def _check_sensor(found, block, where):
    device_class = block.get("device_class")
    known = device_class in NUMERIC or device_class in NOT_NUMERIC or device_class is None
    if not found.check(known, where, f"device_class {device_class}"):
        return
    if "options" in block:
        options = block["options"]
        good = isinstance(options, list) and options and all(_is_text(word) for word in options)
        found.check(good, where, "options is no list of words")
        found.check(device_class == "enum", where, "options need device_class enum")
    if expects_number(block):
        found.check("options" not in block, where, "options for a number")
        _check_number_sensor(found, block, where)
    elif device_class in NOT_NUMERIC:
        marks = {"state_class", "unit_of_measurement", "suggested_display_precision"} & set(block)
        found.check(not marks, where, f"{device_class} cannot have {sorted(marks)}")


def _check_binary_sensor(found, block, where):
    device_class = block.get("device_class")
    found.check(device_class in BINARY | {None}, where, f"device_class {device_class}")
    on, off = block.get("payload_on", "ON"), block.get("payload_off", "OFF")
    found.check(_is_text(on) and _is_text(off), where, "payload_on and payload_off are texts")
    found.check(on != off, where, "payload_on and payload_off are the same")


def _check_event(found, block, where):
    types = block.get("event_types")
    good = isinstance(types, list) and types and all(_is_text(word) for word in types)
    found.check(good, where, "event_types is no list of words")
    found.check("device_class" not in block, where, "no device_class of events fits")


PLATFORMS = {
    "sensor": _check_sensor,
    "binary_sensor": _check_binary_sensor,
    "event": _check_event,
}


def _check_component(found, platform, block, where):
    """A component as it stands alone, with all that is shared."""
    _known(found, block, MEMBERS[platform], where)
    found.check(_is_text(block.get("unique_id")), where, "needs a unique_id")
    found.check(_is_text(block.get("name")), where, "needs a name")
    device = str((block.get("device") or {}).get("name")).lower()
    found.check(not str(block.get("name")).lower().startswith(device), where, "name of the device")
    found.check("state_topic" in block, where, "needs a state_topic")
    _check_shared(found, block, where)
    if "value_template" in block:
        _check_template(found, block["value_template"], where)
    if "expire_after" in block:
        found.check(_is_number(block["expire_after"], 1), where, "expire_after is no number")
    enabled = block.get("enabled_by_default", True)
    found.check(isinstance(enabled, bool), where, "enabled_by_default is true or false")
    # "config" is for what can be set: sensors are refused with it.
    category = block.get("entity_category", "diagnostic")
    found.check(category == "diagnostic", where, f"entity_category {category}")
    PLATFORMS[platform](found, block, where)


def _check_device_document(found, document):
    """Returns its components, each with what it takes over."""
    members = SHARED | {"device", "origin", "components", "encoding"}
    _known(found, document, members, "document")
    _check_device(found, document.get("device"))
    _check_origin(found, document.get("origin"))
    _check_shared(found, document, "document")
    components = document.get("components")
    if not found.check(isinstance(components, dict) and components, "components", "are missing"):
        return {}
    entities = {}
    for key, own in components.items():
        found.check(ID.fullmatch(key), key, "is no object id")
        platform = own.get("platform")
        if not found.check(platform in PLATFORMS, key, f"platform {platform}"):
            continue
        block = {name: value for name, value in own.items() if name != "platform"}
        taken = SHARED | {"device", "origin"}
        shared = {name: document[name] for name in taken if name in document}
        _check_component(found, platform, shared | block, key)
        entities[platform, key] = shared | block
    return entities


def _check_doubles(found, entities):
    for member in ("unique_id", "name"):
        seen = {}
        for (platform, key), block in entities.items():
            # An entity is known by its unique_id within its platform, people know it by its name.
            mark = (block.get(member), platform if member == "unique_id" else None)
            first = seen.setdefault(mark, key)
            found.check(first == key, key, f"has the {member} of {first}")


def check(messages, prefix="homeassistant"):
    """(complaints, {(platform, object id): what it comes to}) for [(topic, document as text)]."""
    found, entities = Complaints(), {}
    for topic, text in messages:
        match = topic.startswith(prefix + "/") and TOPIC.fullmatch(topic[len(prefix) + 1 :])
        if not found.check(match, topic, "is no topic of discovery"):
            continue
        platform, _, key = match.groups()
        try:
            document = json.loads(text, object_pairs_hook=_no_doubles)
        except ValueError as error:
            found.check(False, topic, f"no JSON: {error}")
            continue
        if not found.check(isinstance(document, dict), topic, "no JSON object"):
            continue
        if platform == "device":
            entities.update(_check_device_document(found, document))
        elif found.check(platform in PLATFORMS, topic, f"platform {platform}"):
            device = document.get("device")
            _check_device(found, device, f"{key} device")
            # Those that need this form refuse it: it came with 2024.2.
            found.check("serial_number" not in (device or {}), key, "serial_number for old ones")
            _check_origin(found, document.get("origin"), f"{key} origin")
            _check_component(found, platform, document, key)
            entities[platform, key] = document
    _check_doubles(found, entities)
    return found, entities
