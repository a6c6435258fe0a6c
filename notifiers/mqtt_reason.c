/* SPDX-License-Identifier: MIT */
/*
 * One table, that of MQTT 5 (section 2.4): the five codes with which MQTT 3.1.1 refuses a connection
 * (table 3.1) have their like in it. Each clause is said of the broker and fits behind "the broker
 * ended the connection: " and "the broker does not take it: "; where there is something to do here,
 * it names the key.
 */
#include "notifiers/mqtt_reason.h"

#include <stdio.h>

enum {
	VERSION = 132,
	CLIENT_ID = 133,
	PASSWORD = 134,
	NOT_AUTHORISED = 135,
	UNAVAILABLE = 136,
	METHOD = 140,
};

/* The codes of MQTT 3.1.1, from 1. */
static const int old_codes[] = {VERSION, CLIENT_ID, UNAVAILABLE, PASSWORD, NOT_AUTHORISED};

static const struct {
	int code;
	const char *words;
} rows[] = {
	{128, "it gives no reason"},
	{129, "it holds a packet of ours for malformed"},
	{130, "it sees an error of protocol on our side"},
	{131, "it has a reason of its own kind; look at its log"},
	{VERSION, "it does not speak this version of MQTT: set the other protocol"},
	{CLIENT_ID, "it does not accept the client id: set another id in [agent]"},
	{PASSWORD, "username or password is wrong: look at credential_file"},
	{NOT_AUTHORISED, "not authorised: look at credential_file and at the broker's access list"},
	{UNAVAILABLE, "its service is not available now"},
	{137, "it is busy"},
	{138, "it has banned this client"},
	{139, "it shuts down"},
	{METHOD, "it wants another way to authenticate"},
	{141, "it heard nothing from us within keepalive"},
	{142, "another client took the session over: is there a second Pi with this id?"},
	{143, "it does not allow the topics asked for"},
	{144, "it does not allow the topic: look at prefix"},
	{145, "it holds a packet id of ours for used"},
	{146, "it does not know a packet id of ours"},
	{147, "it has more messages of ours in flight than it takes"},
	{148, "it does not take a topic alias of ours"},
	{149, "a packet of ours is larger than it takes"},
	{150, "messages of ours come too fast: set a longer interval in [agent]"},
	{151, "a quota is exceeded"},
	{152, "an administrator wanted it so"},
	{153, "the payload is not in the format it expects"},
	{154, "it has no retained messages, and hostingpi needs them"},
	{155, "it does not support QoS 1, and hostingpi needs it"},
	{156, "it wants us to use another server for now"},
	{157, "it has moved: set host"},
	{158, "it has no shared subscriptions"},
	{159, "connections of ours come too fast: set a longer reconnect_min"},
	{160, "the connection stood for as long as it allows"},
	{161, "it has no subscription identifiers"},
	{162, "it has no wildcards in subscriptions"},
};

const char *mqtt_reason_words(int code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code == code)
			return rows[i].words;
	}
	return "its reason has a code that is not in the standard";
}

void mqtt_reason_connack(bool v5, int code, char *ret_text, size_t size)
{
	const char *what = "the broker refuses the connection";

	if (!v5 && code >= 1 && code <= (int)(sizeof(old_codes) / sizeof(old_codes[0])))
		code = old_codes[code - 1];
	if (code == VERSION) {
		snprintf(ret_text, size, "the broker does not speak MQTT %s: set protocol = %s",
			 v5 ? "5" : "3.1.1", v5 ? "3.1.1" : "5");
		return;
	}
	if (code == PASSWORD || code == NOT_AUTHORISED || code == METHOD)
		what = "the broker refuses the login";
	snprintf(ret_text, size, "%s: %s", what, mqtt_reason_words(code));
}
